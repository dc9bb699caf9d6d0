//! Courses with a capacity, and students who subscribe to them: a rule over events of many streams.

use es_decisions::{Decide, Decision, Emitted, Fold};
use es_runtime::{Apply, Event, Tag};
use serde::{Deserialize, Serialize};

/// Courses that a student may have.
pub const MOST: u32 = 5;

#[derive(Tag, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[tag("course")]
pub struct CourseId(pub String);

#[derive(Tag, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[tag("student")]
pub struct StudentId(pub String);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("course.defined")]
pub struct CourseDefined {
    #[tag]
    pub course: CourseId,
    pub capacity: u32,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("course.capacity_changed")]
pub struct CapacityChanged {
    #[tag]
    pub course: CourseId,
    pub capacity: u32,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("student.subscribed", home = course)]
pub struct StudentSubscribed {
    #[tag]
    pub student: StudentId,
    #[tag]
    pub course: CourseId,
}

#[derive(Fold, Clone, Default, Debug)]
#[fold(
    "seats",
    by(CourseId),
    events(CourseDefined, CapacityChanged, StudentSubscribed)
)]
pub struct Seats {
    pub capacity: Option<u32>,
    pub taken: u32,
}

impl Apply<CourseDefined> for Seats {
    fn apply(&mut self, event: &CourseDefined) {
        self.capacity = Some(event.capacity);
    }
}

impl Apply<CapacityChanged> for Seats {
    fn apply(&mut self, event: &CapacityChanged) {
        self.capacity = Some(event.capacity);
    }
}

impl Apply<StudentSubscribed> for Seats {
    fn apply(&mut self, _: &StudentSubscribed) {
        self.taken += 1;
    }
}

#[derive(Fold, Clone, Default, Debug)]
#[fold("load", by(StudentId), events(StudentSubscribed))]
pub struct Load {
    pub courses: u32,
}

impl Apply<StudentSubscribed> for Load {
    fn apply(&mut self, _: &StudentSubscribed) {
        self.courses += 1;
    }
}

#[derive(Fold, Clone, Default, Debug)]
#[fold("pair", by(StudentId, CourseId), events(StudentSubscribed))]
pub struct Pair {
    pub subscribed: bool,
}

impl Apply<StudentSubscribed> for Pair {
    fn apply(&mut self, _: &StudentSubscribed) {
        self.subscribed = true;
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourseError {
    #[error("there is no such course")]
    NoSuchCourse,
    #[error("the course exists already")]
    Exists,
    #[error("the course has this capacity already")]
    SameCapacity,
    #[error("more students are subscribed than the capacity would allow")]
    TooManyStudents,
    #[error("the course is fully booked")]
    FullyBooked,
    #[error("the student is subscribed already")]
    AlreadySubscribed,
    #[error("the student has too many courses")]
    TooManyCourses,
}

#[derive(Decision)]
#[decision("course.define", error = CourseError, reads(seats: Seats(course)), emits(CourseDefined))]
pub struct Define {
    pub course: CourseId,
    pub capacity: u32,
}

impl Decide for Define {
    fn decide(&self, read: &DefineReads) -> Result<Emitted<Self>, CourseError> {
        if read.seats.capacity.is_some() {
            return Err(CourseError::Exists);
        }
        Ok(Emitted::new().event(CourseDefined {
            course: self.course.clone(),
            capacity: self.capacity,
        }))
    }
}

#[derive(Decision)]
#[decision("course.change", error = CourseError, reads(seats: Seats(course)), emits(CapacityChanged))]
pub struct Change {
    pub course: CourseId,
    pub capacity: u32,
}

impl Decide for Change {
    fn decide(&self, read: &ChangeReads) -> Result<Emitted<Self>, CourseError> {
        let capacity = read.seats.capacity.ok_or(CourseError::NoSuchCourse)?;
        if capacity == self.capacity {
            return Err(CourseError::SameCapacity);
        }
        if self.capacity < read.seats.taken {
            return Err(CourseError::TooManyStudents);
        }
        Ok(Emitted::new().event(CapacityChanged {
            course: self.course.clone(),
            capacity: self.capacity,
        }))
    }
}

#[derive(Decision)]
#[decision("course.subscribe", error = CourseError, emits(StudentSubscribed),
    reads(seats: Seats(course), load: Load(student), pair: Pair(student, course)))]
pub struct Subscribe {
    pub student: StudentId,
    pub course: CourseId,
}

impl Decide for Subscribe {
    fn decide(&self, read: &SubscribeReads) -> Result<Emitted<Self>, CourseError> {
        let capacity = read.seats.capacity.ok_or(CourseError::NoSuchCourse)?;
        if read.pair.subscribed {
            return Err(CourseError::AlreadySubscribed);
        }
        if read.seats.taken >= capacity {
            return Err(CourseError::FullyBooked);
        }
        if read.load.courses >= MOST {
            return Err(CourseError::TooManyCourses);
        }
        Ok(Emitted::new().event(StudentSubscribed {
            student: self.student.clone(),
            course: self.course.clone(),
        }))
    }
}

pub fn course(id: impl Into<String>) -> CourseId {
    CourseId(id.into())
}

pub fn student(id: impl Into<String>) -> StudentId {
    StudentId(id.into())
}

pub fn defined(id: &str, capacity: u32) -> CourseDefined {
    CourseDefined {
        course: course(id),
        capacity,
    }
}

pub fn subscribed(who: &str, to: &str) -> StudentSubscribed {
    StudentSubscribed {
        student: student(who),
        course: course(to),
    }
}

pub fn subscribe(who: impl Into<String>, to: impl Into<String>) -> Subscribe {
    Subscribe {
        student: student(who),
        course: course(to),
    }
}
