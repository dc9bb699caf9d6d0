use es_runtime::Tag;

#[derive(Tag)]
#[tag("course:id")]
struct CourseId(String);

fn main() {}
