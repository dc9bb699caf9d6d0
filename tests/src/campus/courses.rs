//! Courses. A seat is taken by a decision over tags, or by a command to the course itself: both write to its stream.

use super::work::MOST;
use crate::{
    courses::{CourseId, StudentId},
    transfers::{Account, Deposit, Overdrawn, Withdraw},
};
use es_decisions::{Decide, Decision, Emitted, Fold};
use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Event, Serialize, Deserialize)]
#[event("course.opened")]
pub(super) struct Opened {
    #[tag]
    course: CourseId,
    capacity: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("course.resized")]
pub(super) struct Resized {
    #[tag]
    course: CourseId,
    capacity: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("student.joined", home = course)]
pub(super) struct Joined {
    #[tag]
    student: StudentId,
    #[tag]
    course: CourseId,
    /// The transfer that paid for it.
    fee: Option<String>,
}

#[derive(Event, Serialize, Deserialize)]
#[event("student.left", home = course)]
pub(super) struct Left {
    #[tag]
    student: StudentId,
    #[tag]
    course: CourseId,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CourseError {
    #[error("the course is full")]
    Full,
    #[error("the student is in the course")]
    IsIn,
    #[error("the student is not in the course")]
    IsNotIn,
    #[error("the student has too many courses")]
    TooMany,
    #[error("more students are in the course")]
    TooSmall,
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
}

/// A course as its own stream has it.
#[derive(Aggregate, Clone, Default)]
#[aggregate("course", id = String, error = CourseError, events(Opened, Resized, Joined, Left))]
pub(super) struct Course {
    capacity: usize,
    students: BTreeSet<String>,
}

impl Apply<Opened> for Course {
    fn apply(&mut self, event: &Opened) {
        self.capacity = event.capacity as usize;
    }
}

impl Apply<Resized> for Course {
    fn apply(&mut self, event: &Resized) {
        self.capacity = event.capacity as usize;
    }
}

impl Apply<Joined> for Course {
    fn apply(&mut self, event: &Joined) {
        self.students.insert(event.student.0.clone());
    }
}

impl Apply<Left> for Course {
    fn apply(&mut self, event: &Left) {
        self.students.remove(&event.student.0);
    }
}

#[derive(Clone)]
pub(super) struct Open(pub(super) CourseId, pub(super) u32);

impl Handle<Open> for Course {
    fn handle(&self, Open(course, capacity): Open) -> Result<Events<Self>, CourseError> {
        Ok(Opened { course, capacity }.into())
    }
}

#[derive(Clone)]
pub(super) struct Resize(pub(super) CourseId, pub(super) u32);

impl Handle<Resize> for Course {
    fn handle(&self, Resize(course, capacity): Resize) -> Result<Events<Self>, CourseError> {
        if (capacity as usize) < self.students.len() {
            return Err(CourseError::TooSmall);
        }
        Ok(Resized { course, capacity }.into())
    }
}

#[derive(Clone)]
pub(super) struct Leave(pub(super) StudentId, pub(super) CourseId);

impl Handle<Leave> for Course {
    fn handle(&self, Leave(student, course): Leave) -> Result<Events<Self>, CourseError> {
        if !self.students.contains(&student.0) {
            return Err(CourseError::IsNotIn);
        }
        Ok(Left { student, course }.into())
    }
}

/// What the waiting list sends. A course does not know how many courses a student has: who waits must have few.
#[derive(Clone)]
pub(super) struct Admit(pub(super) StudentId, pub(super) CourseId);

impl Handle<Admit> for Course {
    fn handle(&self, Admit(student, course): Admit) -> Result<Events<Self>, CourseError> {
        if self.students.contains(&student.0) {
            return Err(CourseError::IsIn);
        }
        if self.students.len() >= self.capacity {
            return Err(CourseError::Full);
        }
        let fee = None;
        Ok(Joined {
            student,
            course,
            fee,
        }
        .into())
    }
}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(Opened, Resized, Joined, Left))]
pub(super) struct Seats {
    capacity: u32,
    taken: u32,
}

impl Apply<Opened> for Seats {
    fn apply(&mut self, event: &Opened) {
        self.capacity = event.capacity;
    }
}

impl Apply<Resized> for Seats {
    fn apply(&mut self, event: &Resized) {
        self.capacity = event.capacity;
    }
}

impl Apply<Joined> for Seats {
    fn apply(&mut self, _: &Joined) {
        self.taken += 1;
    }
}

impl Apply<Left> for Seats {
    fn apply(&mut self, _: &Left) {
        self.taken -= 1;
    }
}

#[derive(Fold, Clone, Default)]
#[fold("load", by(StudentId), events(Joined, Left))]
pub(super) struct Load {
    courses: u64,
}

impl Apply<Joined> for Load {
    fn apply(&mut self, _: &Joined) {
        self.courses += 1;
    }
}

impl Apply<Left> for Load {
    fn apply(&mut self, _: &Left) {
        self.courses -= 1;
    }
}

#[derive(Fold, Clone, Default)]
#[fold("pair", by(StudentId, CourseId), events(Joined, Left))]
pub(super) struct Pair {
    is_in: bool,
}

impl Apply<Joined> for Pair {
    fn apply(&mut self, _: &Joined) {
        self.is_in = true;
    }
}

impl Apply<Left> for Pair {
    fn apply(&mut self, _: &Left) {
        self.is_in = false;
    }
}

fn check(seats: &Seats, load: &Load, pair: &Pair) -> Result<(), CourseError> {
    if pair.is_in {
        return Err(CourseError::IsIn);
    }
    if seats.taken >= seats.capacity {
        return Err(CourseError::Full);
    }
    if load.courses >= MOST {
        return Err(CourseError::TooMany);
    }
    Ok(())
}

#[derive(Decision)]
#[decision("course.join", error = CourseError, emits(Joined),
    reads(seats: Seats(course), load: Load(student), pair: Pair(student, course)))]
pub(super) struct Join {
    pub(super) student: StudentId,
    pub(super) course: CourseId,
}

impl Decide for Join {
    fn decide(&self, read: &JoinReads) -> Result<Emitted<Self>, CourseError> {
        check(&read.seats, &read.load, &read.pair)?;
        Ok(Emitted::new().event(Joined {
            student: self.student.clone(),
            course: self.course.clone(),
            fee: None,
        }))
    }
}

/// Aggregates and folds in one decision: the student pays with the seat, or neither happens.
#[derive(Decision)]
#[decision("course.join_and_pay", error = CourseError, emits(Joined), reads(
    payer: Account(payer), school: Account(school),
    seats: Seats(course), load: Load(student), pair: Pair(student, course)))]
pub(super) struct JoinAndPay {
    pub(super) student: StudentId,
    pub(super) course: CourseId,
    pub(super) payer: String,
    pub(super) school: String,
    pub(super) cents: u64,
    pub(super) name: String,
}

impl Decide for JoinAndPay {
    fn decide(&self, read: &JoinAndPayReads) -> Result<Emitted<Self>, CourseError> {
        check(&read.seats, &read.load, &read.pair)?;
        let (cents, transfer) = (self.cents, self.name.clone());
        let out = read.payer.handle(Withdraw { cents, transfer })?;
        let transfer = self.name.clone();
        let into = read.school.handle(Deposit { cents, transfer })?;
        let joined = Joined {
            student: self.student.clone(),
            course: self.course.clone(),
            fee: Some(self.name.clone()),
        };
        Ok(Emitted::new()
            .on(&self.payer, out)
            .on(&self.school, into)
            .event(joined))
    }
}
