//! A waiting list for each course. Whoever waits gets a seat when one is free, in their order.

use super::courses::{Admit, Course, CourseError, Left, Resized};
use crate::courses::{course, student};
use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle};
use es_sagas::{OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, convert::Infallible, time::Duration};

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("student.waits")]
pub(super) struct Waits {
    pub(super) student: String,
    pub(super) course: String,
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("seeker", id = String, error = Infallible, events(ignore(Waits)))]
pub(super) struct Seeker {}

impl Handle<Waits> for Seeker {
    fn handle(&self, waits: Waits) -> Result<Events<Self>, Infallible> {
        Ok(waits.into())
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("waiting.queued")]
pub(super) struct Queued {
    course: String,
    student: String,
}

/// The first one has a seat, or had one before.
#[derive(Event, Serialize, Deserialize)]
#[event("waiting.served")]
pub(super) struct Served {
    student: String,
}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("waiting", id = String, error = Infallible, events(Queued, Served))]
#[process_manager(reacts(Waits, Left, Resized), timers, rejections)]
pub(super) struct WaitingList {
    course: String,
    queue: VecDeque<String>,
}

impl Apply<Queued> for WaitingList {
    fn apply(&mut self, event: &Queued) {
        self.course.clone_from(&event.course);
        self.queue.push_back(event.student.clone());
    }
}

impl Apply<Served> for WaitingList {
    fn apply(&mut self, _: &Served) {
        self.queue.pop_front();
    }
}

impl WaitingList {
    fn look(&self) -> Reactions<Self> {
        match self.queue.is_empty() {
            true => Reactions::none(),
            false => Reactions::none().timer("serve", Duration::ZERO),
        }
    }

    /// The first one has been served. The next one is looked at.
    fn served(&self) -> Reactions<Self> {
        let Some(student) = self.queue.front().cloned() else {
            return Reactions::none();
        };
        let served = Reactions::none().event(Served { student });
        match self.queue.len() {
            1 => served,
            _ => served.timer("serve", Duration::ZERO),
        }
    }
}

impl ReactTo<Waits> for WaitingList {
    fn correlate(waits: &Envelope<Waits>) -> Option<String> {
        Some(waits.event.course.clone())
    }

    fn react(&self, waits: &Envelope<Waits>) -> Reactions<Self> {
        let Waits { student, course } = waits.event.clone();
        Reactions::none()
            .event(Queued { course, student })
            .timer("serve", Duration::ZERO)
    }
}

impl ReactTo<Left> for WaitingList {
    fn correlate(left: &Envelope<Left>) -> Option<String> {
        Some(left.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Left>) -> Reactions<Self> {
        self.look()
    }
}

impl ReactTo<Resized> for WaitingList {
    fn correlate(resized: &Envelope<Resized>) -> Option<String> {
        Some(resized.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Resized>) -> Reactions<Self> {
        self.look()
    }
}

impl OnTimer for WaitingList {
    fn timer(&self, _: &str) -> Reactions<Self> {
        let Some(first) = self.queue.front() else {
            return Reactions::none();
        };
        let admit = Admit(student(first), course(&self.course));
        self.served().command::<Course, _>(&self.course, admit)
    }
}

impl OnRejected for WaitingList {
    fn rejected(&self, rejected: &Rejected) -> Reactions<Self> {
        match rejected.reason == CourseError::IsIn.to_string() {
            true => self.served(),
            // The next one who leaves, or a larger course, makes it look again.
            false => Reactions::none(),
        }
    }
}
