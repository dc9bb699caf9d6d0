use es_runtime::{Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag)]
#[tag("courses")]
struct Courses;

#[derive(Event, Serialize, Deserialize)]
#[event("course.defined", home = student)]
struct Defined {
    capacity: u32,
}

fn main() {}
