//! Events behind paths, aliases and re-exports; two types of one name.

use ::renamed::{Aggregate, Apply};
use ::std::{convert::Infallible, prelude::v1::*};

/// The events of this module.
pub mod events {
    use ::renamed::Event;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Stored with an old-style name.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("PathsOpened", crate = "::renamed")]
    pub struct Opened {}

    /// Re-exported under another name.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("paths/renamed:v1_x-y", crate = "::renamed")]
    pub struct Renamed {}

    /// Documented with "quotes", `code` and a \ backslash.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("paths.quoted", version = 0x2, crate = "::renamed")]
    #[event(removed(why: Option<String>, in = 2))]
    pub struct Quoted {
        /// How often.
        #[event(was(type = u8, before = 2))]
        pub times: u16,
    }
}

/// The same names once more.
pub mod legacy {
    use ::renamed::Event;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Of the same name.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("legacy.opened", crate = "::renamed")]
    pub struct Opened {}
}

pub use self::events::Renamed as Moved;

/// An alias.
pub type Alias = events::Quoted;

/// Its events are all somewhere else.
#[derive(Aggregate, Default, Debug)]
#[aggregate("paths", id = String, error = Infallible, crate = "::renamed")]
#[allow(unused_qualifications, reason = "the paths are written out on purpose")]
#[aggregate(events(
    self::events::Opened,
    crate::paths::legacy::Opened as LegacyOpened,
    Alias,
    ignore(Moved,),
))]
pub struct Paths {
    opened: u64,
}

impl Apply<events::Opened> for Paths {
    fn apply(&mut self, _: &events::Opened) {
        self.opened += 1;
    }
}

impl Apply<legacy::Opened> for Paths {
    fn apply(&mut self, _: &legacy::Opened) {
        self.opened += 1;
    }
}

impl Apply<events::Quoted> for Paths {
    fn apply(&mut self, _: &events::Quoted) {}
}
