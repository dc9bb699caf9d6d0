//! Names of the user's that are those of generated code, and derives whose parts come from different macros.

/// Functions called like locals of generated code, where an attribute calls them.
pub mod functions {
    use ::renamed::Event;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    const fn old() -> u64 {
        1
    }

    const fn json() -> u64 {
        2
    }

    const fn stored() -> u64 {
        3
    }

    const fn event() -> u64 {
        4
    }

    const fn fields() -> u64 {
        5
    }

    const fn codec() -> u64 {
        6
    }

    const fn from() -> u64 {
        7
    }

    const fn source() -> u64 {
        8
    }

    const fn index() -> u64 {
        9
    }

    const fn field_0() -> u64 {
        10
    }

    const fn upcast() -> u64 {
        11
    }

    const fn with() -> u64 {
        12
    }

    const fn text() -> u64 {
        13
    }

    const fn value() -> u64 {
        14
    }

    const fn name() -> u64 {
        15
    }

    const fn to() -> u64 {
        16
    }

    const fn back() -> u64 {
        17
    }

    const fn read() -> u64 {
        18
    }

    const fn split() -> u64 {
        19
    }

    const fn given() -> u64 {
        20
    }

    const fn absent() -> u64 {
        21
    }

    const fn encode() -> u64 {
        22
    }

    const fn other() -> u64 {
        23
    }

    /// Each field that version 2 added has one of them as its default.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("hygiene.defaults", version = 2, crate = "::renamed")]
    pub struct Defaults {
        /// All that version 1 had.
        pub first: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = old())]
        pub old: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = json())]
        pub json: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = stored())]
        pub stored: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = event())]
        pub event: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = fields())]
        pub fields: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = codec())]
        pub codec: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = from())]
        pub from: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = source())]
        pub source: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = index())]
        pub index: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = field_0())]
        pub field_0: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = upcast())]
        pub upcast: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = with())]
        pub with: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = text())]
        pub text: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = value())]
        pub value: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = name())]
        pub name: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = to())]
        pub to: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = back())]
        pub back: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = read())]
        pub read: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = split())]
        pub split: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = given())]
        pub given: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = absent())]
        pub absent: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = encode())]
        pub encode: u64,
        /// Calls the function of its name.
        #[event(since = 2, default = other())]
        pub other: u64,
    }

    /// The same in a variant, written as it was.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event(crate = "::renamed")]
    pub enum Fact {
        /// An older version has one field more.
        #[event("hygiene.fact", version = 2, write = 1)]
        #[event(removed(codec: u64, in = 2, back = codec()))]
        Changed {
            /// The newest version has it too.
            #[event(was(before = 2, name = "before"))]
            stored: u64,
        },
    }
}

/// The same in the way back to an older version.
pub mod back {
    use ::renamed::Event;
    use ::serde::{Deserialize, Serialize, Serializer};
    use ::std::prelude::v1::*;

    /// Called like the type that writes an older version.
    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    pub struct Back(pub u64);

    /// Called like the type that calls `serialize_with`.
    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    pub struct With(pub u64);

    /// Called like the type parameters of serde's traits.
    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    pub struct S(pub u64);

    impl S {
        fn write<T: Serializer>(value: &With, to: T) -> Result<T::Ok, T::Error> {
            value.serialize(to)
        }
    }

    /// Called like another one.
    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    pub struct D(pub u64);

    impl D {
        fn read<'de, T: ::serde::Deserializer<'de>>(from: T) -> Result<With, T::Error> {
            With::deserialize(from)
        }
    }

    fn field_0(value: &Narrow) -> u64 {
        value.0.into()
    }

    fn narrow(value: u64) -> Narrow {
        Narrow(
            ::std::convert::TryFrom::try_from(value).unwrap_or(u32::MAX),
            [0; 4],
        )
    }

    /// What was a number before.
    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    pub struct Narrow(pub u32, pub [u64; 4]);

    fn joined(parts: &[String]) -> String {
        parts.concat()
    }

    fn parted(text: String) -> Vec<String> {
        Vec::from([text])
    }

    const fn length(text: &str) -> usize {
        text.len()
    }

    fn of_length(length: usize) -> String {
        "x".repeat(length)
    }

    /// Its functions take what a reference to the field coerces to, as clippy advises.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("hygiene.coerced", version = 2, write = 1, crate = "::renamed")]
    pub struct Coerced {
        /// A slice.
        #[event(was(before = 2, type = String, with = parted, back = joined))]
        pub parts: Vec<String>,
        /// A text.
        #[event(was(before = 2, type = usize, with = of_length, back = length))]
        pub text: String,
    }

    /// The same, not written back at present.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("hygiene.spare", version = 2, crate = "::renamed")]
    pub struct Spare {
        /// A text.
        #[event(was(before = 2, type = usize, with = of_length, back = length))]
        pub text: String,
    }

    /// Writes its first version, whose fields have types of these names.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("hygiene.back", version = 2, write = 1, crate = "::renamed")]
    pub struct WrittenBack {
        /// Its type is called like a generated one.
        pub one: Back,
        /// This one too, and it is written and read by functions of types that are called like parameters.
        #[serde(serialize_with = "S::write", deserialize_with = "D::read")]
        pub two: With,
        /// Written by a function that is called like a local.
        #[event(was(before = 2, type = u64, with = narrow, back = field_0))]
        pub three: Narrow,
        /// Their names again.
        pub four: S,
        /// And this.
        pub five: D,
    }
}

/// An item of a macro's, listed in an attribute that another macro wrote.
pub mod macros {
    use ::renamed::{Aggregate, Apply, Envelope, Event};
    use ::renamed_projections::{Delivery, HandlerError, Project, Projection, React, Subscription};
    use ::renamed_sagas::{OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected};
    use ::serde::{Deserialize, Serialize};
    use ::std::{convert::Infallible, prelude::v1::*};

    /// Something was opened.
    #[derive(Event, Serialize, Deserialize, Debug)]
    #[event("hygiene.opened", crate = "::renamed")]
    pub struct Opened {}

    /// It was closed.
    #[derive(Event, Serialize, Deserialize, Debug)]
    #[event("hygiene.closed", crate = "::renamed")]
    pub struct Closed {}

    macro_rules! process {
        ($name:ident, $stored:literal, $own:ty, $($event:path),*) => {
            /// Made of fragments.
            #[derive(Aggregate, ProcessManager, Default, Debug)]
            #[aggregate($stored, id = String, error = Infallible, events($own), crate = ::renamed)]
            #[process_manager(reacts($($event),*), timers, rejections, crate = ::renamed_sagas)]
            pub struct $name;

            impl Apply<$own> for $name {
                fn apply(&mut self, _: &$own) {}
            }

            $(
                impl ReactTo<$event> for $name {
                    fn correlate(event: &Envelope<$event>) -> Option<String> {
                        Some(event.stream.id().to_owned())
                    }

                    fn react(&self, _: &Envelope<$event>) -> Reactions<Self> {
                        Reactions::none()
                    }
                }
            )*

            impl OnTimer for $name {
                fn timer(&self, _: &str) -> Reactions<Self> {
                    Reactions::none()
                }
            }

            impl OnRejected for $name {
                fn rejected(&self, _: &Rejected) -> Reactions<Self> {
                    Reactions::none()
                }
            }
        };
    }

    process!(
        Manager,
        "hygiene-manager",
        Opened,
        Closed,
        super::functions::Defaults
    );

    macro_rules! consumers {
        ($projection:ident, $subscription:ident, $schema:expr, $($event:path),*) => {
            /// Made of fragments.
            #[derive(Projection, Debug)]
            #[projection("hygiene-rows", events($($event),*), schema = $schema, crate = ::renamed_projections)]
            pub struct $projection;

            /// Made of fragments.
            #[derive(Subscription, Debug)]
            #[subscription("hygiene-calls", events($($event),*), crate = ::renamed_projections)]
            pub struct $subscription;

            $(
                impl Project<$event> for $projection {
                    async fn project(
                        &self,
                        _: &Envelope<$event>,
                        _: &mut ::renamed_projections::AnyTransaction,
                    ) -> Result<(), HandlerError> {
                        Ok(())
                    }
                }

                impl React<$event> for $subscription {
                    async fn react(&self, _: &Envelope<$event>, _: &Delivery) -> Result<(), HandlerError> {
                        Ok(())
                    }
                }
            )*
        };
    }

    consumers!(
        Rows,
        Calls,
        "CREATE TABLE {rows} (id TEXT)",
        Opened,
        super::functions::Defaults
    );
}
