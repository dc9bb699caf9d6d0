use es_runtime::{Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag)]
#[tag("courses")]
struct Courses;

#[derive(Event, Serialize, Deserialize)]
enum CourseEvent {
    #[event("course.defined", home = course)]
    Defined {
        #[tag]
        course: CourseId,
    },
}

fn main() {}
