use es_runtime::Shape;

#[derive(Shape)]
struct Item<'a> {
    sku: &'a str,
}

fn main() {}
