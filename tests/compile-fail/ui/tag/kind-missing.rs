use es_runtime::Tag;

#[derive(Tag)]
#[tag(crate = "::es_runtime")]
struct CourseId(String);

fn main() {}
