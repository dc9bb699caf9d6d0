use es_decisions::Fold;
use es_runtime::{Aggregate, Apply, Event, Tag};
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

#[derive(Aggregate, Default)]
#[aggregate("course", id = String, error = std::convert::Infallible)]
#[aggregate(events(ignore(Subscribed, Defined)))]
struct Course {}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(all of Course::{Subscribed}))]
struct Seats {
    taken: u32,
}

impl Apply<Subscribed> for Seats {
    fn apply(&mut self, _: &Subscribed) {
        self.taken += 1;
    }
}

fn main() {}
