//! What must not compile, the page of diagnostics, and the README's example.

mod page;
mod readme;
mod ui;
