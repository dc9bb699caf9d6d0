use es_runtime::Shape;

#[derive(Shape)]
union Item {
    sku: u8,
}

fn main() {}
