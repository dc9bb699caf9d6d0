//! Types without `Clone`, `Debug` or `PartialEq`, next to others that have some of them.

use ::renamed::{Aggregate, Apply, Envelope, Event, Events, Handle};
use ::renamed_sagas::{OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, fmt, prelude::v1::*};

/// Nothing but what is stored.
#[derive(Event, Serialize, Deserialize)]
#[event("bare.opened", crate = "::renamed")]
#[expect(missing_debug_implementations, reason = "on purpose")]
pub struct Opened {}

/// Can be shown.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("bare.closed", crate = ::renamed)]
pub struct Closed {
    /// A big variant next to an empty one.
    pub reason: [u64; 32],
}

/// A state in a tuple.
#[derive(Aggregate, Default, Debug)]
#[aggregate("bare", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(Opened, Closed), commands(Open))]
#[allow(missing_debug_implementations, variant_size_differences)]
pub struct Bare(bool);

/// A command without anything.
#[expect(missing_debug_implementations, reason = "on purpose")]
pub struct Open;

impl Apply<Opened> for Bare {
    fn apply(&mut self, _: &Opened) {
        self.0 = true;
    }
}

impl Apply<Closed> for Bare {
    fn apply(&mut self, _: &Closed) {
        self.0 = false;
    }
}

impl Handle<Open> for Bare {
    fn handle(&self, _: Open) -> Result<Events<Self>, Infallible> {
        Ok(if self.0 {
            Events::none()
        } else {
            Opened {}.into()
        })
    }
}

/// A state without any field.
#[derive(Aggregate, Default, Debug)]
#[aggregate("door", id = u64, error = fmt::Error, crate = "::renamed", events(Closed), codec = "postcard")]
#[aggregate(event_enum = DoorFact)]
pub struct Door;

impl Apply<Closed> for Door {
    fn apply(&mut self, _: &Closed) {}
}

/// The enum of [`Door`] has `Debug`, because its one event has it.
#[must_use]
pub fn shown(event: &DoorFact) -> String {
    ::std::format!("{event:?}")
}

/// A process manager without any field, under another name of the crate.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("porter", id = String, error = Infallible, crate = "::renamed", events(Opened))]
#[process_manager(reacts(Closed), timers, rejections, crate = "::renamed_sagas")]
#[allow(missing_debug_implementations)]
pub struct Porter;

impl Apply<Opened> for Porter {
    fn apply(&mut self, _: &Opened) {}
}

impl ReactTo<Closed> for Porter {
    fn correlate(closed: &Envelope<Closed>) -> Option<String> {
        Some(closed.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Closed>) -> Reactions<Self> {
        Reactions::none().event(Opened {})
    }
}

impl OnTimer for Porter {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none()
    }
}

impl OnRejected for Porter {
    fn rejected(&self, _: &Rejected) -> Reactions<Self> {
        Reactions::none()
    }
}
