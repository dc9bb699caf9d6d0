//! What must not compile, and the README's example.

mod readme;
mod ui;
