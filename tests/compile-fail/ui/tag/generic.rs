use es_runtime::Tag;

#[derive(Tag)]
#[tag("course")]
struct CourseId<T>(T);

fn main() {}
