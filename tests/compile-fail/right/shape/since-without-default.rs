use es_runtime::Shape;

#[derive(Shape)]
#[shape(version = 2)]
struct Item {
    #[shape(since = 2, default = "")]
    sku: String,
}

fn main() {}
