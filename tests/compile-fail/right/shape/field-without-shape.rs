use es_runtime::Shape;

#[derive(Shape)]
struct Opaque;

#[derive(Shape)]
struct Item {
    sku: Opaque,
}

fn main() {}
