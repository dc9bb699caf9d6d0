//! Types that hide the names that generated code is tempted to use.

use ::renamed::{Aggregate as DeriveAggregate, Event as DeriveEvent};
use ::serde::{Deserialize, Serialize};

macro_rules! shadows {
    ($($name:ident $stored:literal)*) => {
        $(
            /// Hides a well-known name.
            #[derive(DeriveEvent, Serialize, Deserialize, ::std::clone::Clone, ::std::fmt::Debug, ::std::cmp::PartialEq, ::std::cmp::Eq)]
            #[event($stored, crate = "::renamed")]
            pub struct $name {}

            impl ::renamed::Apply<$name> for State {
                fn apply(&mut self, _: &$name) {}
            }
        )*

        /// All of them.
        #[derive(DeriveAggregate, ::std::default::Default, ::std::fmt::Debug)]
        #[aggregate("shadows", id = ::std::string::String, error = ::std::convert::Infallible)]
        #[aggregate(events($($name),*), crate = "::renamed")]
        pub struct State;
    };
}

shadows! {
    Result "s.result"
    Option "s.option"
    Some "s.some"
    None "s.none"
    Ok "s.ok"
    Err "s.err"
    String "s.string"
    Vec "s.vec"
    Box "s.box"
    Event "s.event"
    EventSet "s.event-set"
    EventType "s.event-type"
    Aggregate "s.aggregate"
    Apply "s.apply"
    Handle "s.handle"
    Codec "s.codec"
    Decoded "s.decoded"
    Error "s.error"
    Id "s.id"
    Clone "s.clone"
    Debug "s.debug"
    PartialEq "s.partial-eq"
    From "s.from"
    TryFrom "s.try-from"
    Send "s.send"
    Version "s.version"
}

/// Hides modules and primitive types.
pub mod lower_case {
    use ::renamed::{Aggregate, Apply, Event};
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::{Clone, Debug, Default, PartialEq};

    /// Hides `::core` for relative paths.
    pub mod core {}
    /// Hides `::std` for relative paths.
    pub mod std {}
    /// Hides the dependency for relative paths.
    pub mod renamed {}
    /// Hides the dependency's real name.
    pub mod es_runtime {}

    /// An event.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("lower.opened", crate = "::renamed")]
    pub struct Opened {}

    /// Its state.
    #[derive(Aggregate, Default, Debug)]
    #[aggregate("lower", id = ::std::string::String, error = ::std::convert::Infallible, crate = "::renamed", events(Opened))]
    pub struct State;

    impl Apply<Opened> for State {
        fn apply(&mut self, _: &Opened) {}
    }
}
