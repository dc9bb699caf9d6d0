use es_runtime::{Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag)]
#[tag("courses")]
struct Courses;

#[derive(Event, Serialize, Deserialize)]
#[event("course.defined", version = 2)]
struct Defined {
    #[tag]
    #[event(since = 2, default = CourseId(String::new()))]
    course: CourseId,
    capacity: u32,
}

fn main() {}
