use es_runtime::Shape;

#[derive(Shape)]
struct Item {
    #[shape(version = 2)]
    sku: String,
}

fn main() {}
