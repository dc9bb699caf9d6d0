use es_runtime::Shape;

#[derive(Shape)]
struct Item {
    #[shape(name = "x")]
    sku: String,
}

fn main() {}
