use es_runtime::Shape;

#[derive(Shape)]
struct Cents(#[shape(unit)] u64);

fn main() {}
