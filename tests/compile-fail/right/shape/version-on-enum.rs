use es_runtime::Shape;

#[derive(Shape)]
enum Kind {
    Web,
}

fn main() {}
