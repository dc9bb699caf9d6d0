use es_runtime::Shape;
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize, Default)]
#[serde(default)]
#[shape(version = 2)]
struct Line {
    #[serde(alias = "no")]
    sku: String,
    #[serde(skip)]
    cached: String,
    #[serde(flatten)]
    rest: Rest,
    #[shape(since = 2, default = 1)]
    quantity: u32,
}

#[derive(Shape, Serialize, Deserialize, Default)]
struct Rest {}

#[derive(Shape, Serialize, Deserialize)]
#[serde(transparent)]
#[shape(version = 2)]
struct Name {
    #[shape(was(name = "text", before = 2))]
    value: String,
}

fn main() {}
