#[event("student.subscribed", version = 2, tag(Subscriptions), home = course)]
struct Subscribed {
    #[tag]
    student: StudentId,
    #[tag]
    course: CourseId,
    #[tag(as = Room)]
    #[event(since = 2)]
    room: Option<String>,
    #[tag]
    helpers: Vec<StudentId>,
    note: String,
}
