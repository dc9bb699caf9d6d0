use es_runtime::Shape;

#[derive(Shape)]
struct Tree {
    #[shape(recursive)]
    left: Box<u8>,
}

fn main() {}
