use es_runtime::Shape;

#[derive(Shape)]
struct Item {
    #[shape(as = "u64")]
    sku: Opaque,
}

struct Opaque;

fn main() {}
