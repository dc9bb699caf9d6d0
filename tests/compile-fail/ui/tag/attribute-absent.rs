use es_runtime::Tag;

#[derive(Tag)]
struct CourseId(String);

fn main() {}
