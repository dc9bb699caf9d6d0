use es_runtime::Shape;

struct Opaque;

#[derive(Shape)]
struct Item {
    sku: Opaque,
}

fn main() {}
