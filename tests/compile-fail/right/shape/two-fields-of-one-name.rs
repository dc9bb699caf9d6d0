use es_runtime::Shape;
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
enum Payment {
    Card {
        #[serde(rename = "card")]
        card: String,
        number: u32,
    },
}

fn main() {}
