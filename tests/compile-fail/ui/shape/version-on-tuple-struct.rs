use es_runtime::Shape;

#[derive(Shape)]
#[shape(version = 2)]
struct Cents(u64);

fn main() {}
