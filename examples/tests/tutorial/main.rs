//! The tutorial: its pages have the code of `tutorial`, and print what its programs print. What a reader tests in it is
//! run here too.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(
    clippy::pedantic,
    dead_code,
    unreachable_pub,
    reason = "modules of the tutorial, which are used by its programs"
)]

// The modules of step 6, and the tests of step 7.
#[path = "../../tutorial/step-6/booking.rs"]
mod booking;
#[path = "../../tutorial/step-5/bookings.rs"]
mod bookings;
#[path = "../programs/built.rs"]
mod built;
#[path = "../../tutorial/step-3/guest.rs"]
mod guest;
mod pages;
#[path = "../../tutorial/step-6/payment.rs"]
mod payment;
#[path = "../../tutorial/step-6/room.rs"]
mod room;
mod step_8;
#[path = "../../tutorial/step-7/tests.rs"]
mod tests;
