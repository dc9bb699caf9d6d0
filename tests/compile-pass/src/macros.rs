//! Items whose every part comes out of a `macro_rules`.

use crate::facade::inner;
use ::renamed::{Aggregate, Apply, Event};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// What the macro below refers to as `$crate::..`.
pub mod listed {
    use super::{Deserialize, Event, Serialize};
    use ::std::prelude::v1::*;

    /// An event of another module.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("macros.listed", crate = "::renamed")]
    pub struct Listed {}
}

macro_rules! event {
    ($(#[$meta:meta])* $name:ident, $stored:literal, $version:literal, $krate:path, $($field:ident: $ty:ty),*) => {
        $(#[$meta])*
        #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
        #[event($stored, version = $version, crate = $krate)]
        pub struct $name {
            $(
                /// A field.
                pub $field: $ty,
            )*
        }
    };
}

event!(
    /// Made of fragments.
    Made, "macros.made", 1, ::renamed, name: String, size: Option<u64>
);

macro_rules! aggregate {
    ($name:ident, $stored:expr, $id:ty, $error:ty, $event:path, $other:ty, $alias:ident, $every:literal) => {
        /// Made of fragments.
        #[derive(Aggregate, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[aggregate($stored, id = $id, error = $error, snapshot(every = $every))]
        #[aggregate(events($event, $other as $alias, $crate::macros::listed::Listed))]
        #[aggregate(crate = ::renamed)]
        pub struct $name {
            size: u64,
        }

        impl Apply<$event> for $name {
            fn apply(&mut self, event: &$event) {
                self.size += event.size.unwrap_or(0);
            }
        }

        impl Apply<$other> for $name {
            fn apply(&mut self, _: &$other) {}
        }

        impl Apply<listed::Listed> for $name {
            fn apply(&mut self, _: &listed::Listed) {}
        }
    };
}

aggregate!(
    Macros,
    "macros",
    String,
    Infallible,
    Made,
    inner::Opened,
    OpenedElsewhere,
    50
);

macro_rules! fact {
    ($name:ident { $($variant:ident = $stored:literal),* }) => {
        /// Made of fragments.
        #[derive(Event, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
        #[event(crate = "::renamed")]
        pub enum $name {
            $(
                /// A fact.
                #[event($stored)]
                $variant,
            )*
        }
    };
}

fact!(MadeFact { Begun = "made.begun", Ended = "made.ended" });
