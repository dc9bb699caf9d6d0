use es_runtime::Shape;

#[derive(Shape)]
struct Cents(#[shape(unit = "cents")] u64);

fn main() {}
