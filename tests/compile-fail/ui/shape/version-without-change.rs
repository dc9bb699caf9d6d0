use es_runtime::Shape;

#[derive(Shape)]
#[shape(version = 2)]
struct Item {
    sku: String,
}

fn main() {}
