use es_runtime::Tag;

#[derive(Tag)]
#[tag("course-with-a-name-that-nobody-would-ever-want-to-store-with-each-event")]
struct CourseId(String);

fn main() {}
