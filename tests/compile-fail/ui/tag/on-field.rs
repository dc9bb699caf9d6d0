use es_runtime::Tag;

#[derive(Tag)]
#[tag("course")]
struct CourseId(#[tag] String);

fn main() {}
