use es_runtime::Tag;

#[derive(Tag)]
#[tag("course")]
struct CourseId(String);

fn main() {}
