#[fold("last_change", by(CourseId), last, events(StudentSubscribed, Course::{Closed, Renamed}))]
struct LastChange {
    at: u64,
}
