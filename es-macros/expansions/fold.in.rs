#[fold("pair", by(StudentId, CourseId), events(StudentSubscribed, Course::{Closed, Renamed}))]
struct Pair {
    subscribed: bool,
}
