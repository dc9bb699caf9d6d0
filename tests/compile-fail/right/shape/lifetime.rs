use es_runtime::Shape;

#[derive(Shape)]
struct Item {
    sku: String,
}

fn main() {}
