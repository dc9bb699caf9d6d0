use es_runtime::Shape;

#[derive(Shape)]
struct Item {
    #[shape(unit = "cents")]
    sku: String,
}

fn main() {}
