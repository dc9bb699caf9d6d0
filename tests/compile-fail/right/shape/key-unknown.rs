use es_runtime::Shape;

#[derive(Shape)]
#[shape(unit = "cents")]
struct Item {}

fn main() {}
