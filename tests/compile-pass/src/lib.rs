//! Odd but legal programs that the derives must accept without a word: no prelude, a renamed
//! dependency, names that hide those of the standard library, and every lint turned up.
//!
//! Each module is one kind of oddity. That it compiles quietly is the test; what can go wrong at
//! run time is checked in the module itself.

#![no_implicit_prelude]
#![deny(missing_docs, warnings)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(
    unused_qualifications,
    unreachable_pub,
    single_use_lifetimes,
    trivial_casts,
    unused_lifetimes,
    variant_size_differences,
    missing_debug_implementations,
    let_underscore_drop,
    unit_bindings
)]
#![deny(clippy::unwrap_used, clippy::panic, clippy::unreachable)]
#![allow(
    clippy::redundant_pub_crate,
    reason = "it contradicts `unreachable_pub`"
)]
#![forbid(unsafe_code, unused_must_use)]

pub mod bare;
pub mod cfg;
pub mod decisions;
mod deprecated;
pub mod facade;
mod hidden;
pub mod hygiene;
pub mod lists;
pub mod macros;
pub mod many;
pub mod paths;
pub mod raw;
pub mod sagas;
pub mod scoped;
pub mod serde_forms;
pub mod shadows;
pub mod tags;
pub mod unique;

/// Uses what is private.
#[must_use]
pub fn private() -> ::std::option::Option<u64> {
    deprecated::old();
    hidden::seen()
}
