use es_runtime::Shape;

#[derive(Shape)]
struct Item<T> {
    sku: T,
}

fn main() {}
