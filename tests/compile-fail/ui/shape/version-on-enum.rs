use es_runtime::Shape;

#[derive(Shape)]
#[shape(version = 2)]
enum Kind {
    Web,
}

fn main() {}
