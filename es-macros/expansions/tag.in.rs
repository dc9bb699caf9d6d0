#[tag("course")]
struct CourseId(String);
