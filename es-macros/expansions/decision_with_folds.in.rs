#[decision("course.subscribe", error = SubscribeError, emits(StudentSubscribed, blind(Noted)))]
#[decision(reads(course: Course(course), pair: Pair(student, course), last: LastInvoice()))]
pub struct Subscribe {
    student: StudentId,
    course: CourseId,
}
