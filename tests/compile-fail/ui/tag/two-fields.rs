use es_runtime::Tag;

#[derive(Tag)]
#[tag("course")]
struct CourseId(String, u32);

fn main() {}
