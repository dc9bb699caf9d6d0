//! Attributes and parts that are there under a condition only.

use ::renamed::{Aggregate, Apply, Event};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// Its attribute comes from a condition.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(all(), event("cfg.opened", crate = "::renamed"))]
#[cfg_attr(any(), event("not.this"))]
pub struct Opened {
    /// Never there.
    #[cfg(any())]
    pub absent: Nothing,
    /// Always there.
    #[cfg(any(unix, not(unix)))]
    pub present: u8,
}

/// The index of a variant is that among those that are there.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Fact {
    /// Never there.
    #[cfg(any())]
    #[event("cfg.absent")]
    Absent,
    /// Always there.
    #[event("cfg.present")]
    Present {
        /// Always there.
        a: u8,
    },
}

/// The state.
#[derive(Aggregate, Default, Debug)]
#[cfg_attr(all(), aggregate("cfg", id = String, error = Infallible, crate = "::renamed"))]
#[cfg_attr(all(), aggregate(events(Opened)))]
pub struct Cfg;

impl Apply<Opened> for Cfg {
    fn apply(&mut self, _: &Opened) {}
}
