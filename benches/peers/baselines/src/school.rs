//! What the baselines of decisions store and read: the events and the tags of es-runtime.

use bench_common::{COURSES, SEATS};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use uuid::Uuid;

pub(crate) const NAME: &str = "student.subscribed";

#[derive(Serialize, Deserialize)]
struct Subscribed {
    student: String,
    course: String,
}

/// A subscription that was decided on.
pub(crate) struct New {
    pub(crate) id: Uuid,
    pub(crate) student: String,
    pub(crate) course: String,
    pub(crate) payload: Vec<u8>,
}

/// The texts of the tags.
pub(crate) fn tags(student: &str, course: &str) -> [String; 2] {
    [format!("course:{course}"), format!("student:{student}")]
}

/// Counts a stored subscription.
pub(crate) fn count(number: &mut u64, payload: &[u8]) {
    black_box(serde_json::from_slice::<Subscribed>(payload).unwrap());
    *number += 1;
}

/// Decides, and reads the new event back. `None` where the course is full.
pub(crate) fn decide_and_prove(
    taken: u64,
    courses: u64,
    student: String,
    course: String,
) -> Option<New> {
    if taken >= SEATS || courses >= COURSES {
        return None;
    }
    let subscribed = Subscribed { student, course };
    let payload = serde_json::to_vec(&subscribed).unwrap();
    let mut counted = 0;
    count(&mut counted, &payload);
    let Subscribed { student, course } = subscribed;
    Some(New {
        id: Uuid::now_v7(),
        student,
        course,
        payload,
    })
}
