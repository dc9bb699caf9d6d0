use es_runtime::Tag;

#[derive(Tag)]
#[tag("course")]
enum CourseId {
    One,
}

fn main() {}
