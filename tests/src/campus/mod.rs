//! A campus for processes that are killed: accounts, courses, a waiting list and a saga that moves credit, in one store.
//!
//! - `courses.rs`: courses and the students in them, with decisions over tags; some of them pay a fee in the same commit;
//! - `waiting.rs`: the process manager that gives free seats to those who wait;
//! - `credit.rs`: the saga that moves money in two commands, and gives it back;
//! - `work.rs`: what a task does, the same in each life of its process.

mod courses;
mod credit;
mod waiting;
mod work;

pub use work::{CAPACITY, COURSES, MOST, OPERATIONS, SCHOOL, Work, open, sagas};
