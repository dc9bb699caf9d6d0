#[fold("pair", by(StudentId, CourseId), initial = Pair::of)]
#[fold(events(StudentSubscribed, Course::{Closed, Renamed}))]
struct Pair {
    subscribed: bool,
}
