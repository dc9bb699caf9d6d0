enum CourseEvent {
    #[event("course.defined", tag(Courses))]
    Defined {
        #[tag]
        course: CourseId,
    },
    #[event("course.noted")]
    Noted { note: String },
    #[event("course.closed", tag(Courses))]
    Closed,
}
