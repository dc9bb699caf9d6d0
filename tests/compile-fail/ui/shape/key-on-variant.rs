use es_runtime::Shape;

#[derive(Shape)]
enum Kind {
    #[shape(as = "u8")]
    Web,
}

fn main() {}
