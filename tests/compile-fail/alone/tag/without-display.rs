use es_runtime::Tag;

struct Number;

#[derive(Tag)]
#[tag("course")]
struct CourseId(Number);

fn main() {}
