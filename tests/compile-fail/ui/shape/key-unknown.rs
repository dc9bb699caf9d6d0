use es_runtime::Shape;

#[derive(Shape)]
#[shape(rename = "x")]
struct Item {}

fn main() {}
