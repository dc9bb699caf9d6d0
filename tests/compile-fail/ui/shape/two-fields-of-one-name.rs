#![allow(unreachable_patterns)] // serde's, about the same mistake

use es_runtime::Shape;
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
enum Payment {
    Card {
        #[serde(rename = "number")]
        card: String,
        number: u32,
    },
}

fn main() {}
