use es_decisions::Fold;
use es_runtime::{Apply, Event, Tag};
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
#[event("student.subscribed")]
struct Defined {
    #[tag]
    course: CourseId,
}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(Subscribed, Defined))]
struct Seats {
    taken: u32,
}

impl Apply<Subscribed> for Seats {
    fn apply(&mut self, _: &Subscribed) {
        self.taken += 1;
    }
}

impl Apply<Defined> for Seats {
    fn apply(&mut self, _: &Defined) {
        self.taken = 0;
    }
}

fn main() {}
