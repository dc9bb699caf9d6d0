use es_runtime::Shape;

#[derive(Shape)]
#[shape(version = 2)]
struct Item<T> {
    #[shape(was(name = "x", before = 2))]
    sku: T,
}

fn main() {}
