use es_decisions::Fold;
use es_runtime::{Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("student")]
struct StudentId(String);

#[derive(Event, Serialize, Deserialize)]
#[event("student.subscribed")]
struct Subscribed {
    #[tag]
    course: CourseId,
    #[tag]
    student: StudentId,
}

#[derive(Event, Serialize, Deserialize)]
#[event("course.defined")]
struct Defined {
    #[tag]
    course: CourseId,
}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(Subscribed, Defined))]
struct Seats<T> {
    taken: T,
}

fn main() {}
