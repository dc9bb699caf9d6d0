//! The macro that writes the tests.

/// Makes tests of the laws of an aggregate, from its derives.
///
/// It makes random commands from their shapes, sends them to an aggregate from its first event on, and tests that
/// nine [laws](crate::laws::Law) hold, ten with `projection(..)`. It makes stored events of every version from the shapes that
/// `#[derive(Event)]` knows, too. Each law is a `#[test]` in a module `laws`. One that fails shows the shortest history
/// that breaks it, and is tried first the next time.
///
/// ```
/// use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("account.deposited")]
/// struct Deposited { cents: u64 }
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("account.withdrawn")]
/// struct Withdrawn { cents: u64 }
///
/// #[derive(Deserialize, Shape, Clone, Debug)]
/// struct Deposit { cents: u64 }
///
/// #[derive(Deserialize, Shape, Clone, Debug)]
/// struct Withdraw { cents: u64 }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// enum No {
///     #[error("there is less than that")]
///     TooLittle,
///     #[error("nobody has that much")]
///     TooMuch,
/// }
///
/// #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
/// #[aggregate("account", id = u64, error = No, events(Deposited, Withdrawn))]
/// struct Account { cents: u64 }
///
/// impl Apply<Deposited> for Account {
///     fn apply(&mut self, event: &Deposited) { self.cents += event.cents; }
/// }
///
/// impl Apply<Withdrawn> for Account {
///     fn apply(&mut self, event: &Withdrawn) { self.cents -= event.cents; }
/// }
///
/// impl Handle<Deposit> for Account {
///     fn handle(&self, Deposit { cents }: Deposit) -> Result<Events<Self>, No> {
///         self.cents.checked_add(cents).ok_or(No::TooMuch)?;
///         Ok(Deposited { cents }.into())
///     }
/// }
///
/// impl Handle<Withdraw> for Account {
///     fn handle(&self, Withdraw { cents }: Withdraw) -> Result<Events<Self>, No> {
///         self.cents.checked_sub(cents).ok_or(No::TooLittle)?;
///         Ok(Withdrawn { cents }.into())
///     }
/// }
///
/// es_testkit::laws!(Account, commands(Deposit, Withdraw));
/// # fn main() {
/// # use es_testkit::laws::Law;
/// # for law in [Law::ReplayEqualsLive, Law::NothingPanics, Law::Deterministic, Law::CommandsAreAccepted] {
/// #     laws::laws().assert(law);
/// # }
/// # }
/// ```
///
/// Without `checked_add` the law on panics would fail, and say:
///
/// ```text
/// account: this law does not hold: no command and no event panics
///
///   1. Deposit { cents: 1 }
///      -> Deposited(Deposited { cents: 1 })
///   2. Deposit { cents: 18446744073709551615 }
///      -> `apply` panicked: attempt to add with overflow (src/account.rs:31:60)
///
/// `apply` panicked: attempt to add with overflow (src/account.rs:31:60)
/// ```
///
/// # What it needs
///
/// - The aggregate and its events are `Debug` and `PartialEq`, the aggregate is `Clone`.
/// - The types inside events and commands have a [`Shape`](es_runtime::Shape), which can be derived.
/// - Commands are `Deserialize`, `Shape`, `Clone` and `Debug`. For one that is not, give a strategy of
///   [`proptest`](crate::laws::proptest).
///
/// # Options
///
/// All are optional, in any order.
///
/// | option | meaning |
/// |---|---|
/// | `commands(Deposit, Withdraw = strategy)` | The commands of the histories. Without commands a history is of random events, which may be an impossible one. |
/// | `values("email" => ["ada@example.org"])` | Values of each field with this name, or of each scalar with this name in a shape: `email` of `#[shape(as = "email")]`, `i64@cents` of a unit, `with(hex)` of serde's `with`. |
/// | `lock("schema/account.lock")` | The golden samples of the [schema lock](https://docs.rs/es-schema-lock) at this path, next to the values that are made. |
/// | `projection(Balances, "SELECT .. ORDER BY id", ..)` | A projection whose rows a rebuild must not change, in a new SQLite file. With the feature `sqlite`. |
/// | `codecs(Codec::Postcard)` | Events are read back from these too, and not only from the codec of the aggregate. |
/// | `id = Account::id()` | The stream of the history. Needed where an id is neither a text, a number nor a UUID. |
/// | `cases = 256` | How many cases each law tries, 64 without it. `PROPTEST_CASES` in the environment comes first. |
/// | `seed = 7` | Always the same cases. Without it each run has others. |
///
/// `laws!(account: Account, ..)` names the module, for several aggregates in one file. The module has a function
/// `laws()`, which returns the [`Laws`](crate::laws::Laws) for tests of your own.
///
/// # Values
///
/// A value is as small as it can be, or at a bound: the least and the greatest integer, empty and long texts and lists,
/// days at the ends of months. Most values of one history are among three of their kind, so that a payment can be of
/// the amount that was ordered. A type may refuse values. When it refuses nearly all, the test fails and says what to
/// give. A command that is never accepted fails the last test of the module, because the other laws say nothing of its
/// events.
///
/// # Regressions
///
/// The seed of a failure is written next to the source file, under its name with the extension `regressions`. Check the
/// file in. Every law of that source file tries its seeds first. A seed stands for a history only as long as the
/// shapes and the options stay the same.
///
/// # What a test cannot vary
///
/// Two runs differ in time by microseconds, so that a kept instant is found and a kept day is not. The values of
/// environment variables, files, the locale and the machine are the same in both.
#[macro_export]
macro_rules! laws {
    ($module:ident: $aggregate:ty $(, $($options:tt)*)?) => {
        mod $module {
            #[allow(unused_imports, reason = "the options name what is around")]
            use super::*;

            #[allow(dead_code, reason = "called by the tests, and by those of the user")]
            pub(super) fn laws() -> $crate::laws::Laws<$aggregate> {
                let laws = $crate::laws::Laws::<$aggregate>::new()
                    .regressions(::core::file!());
                $crate::__laws_options!(laws; $($($options)*)?)
            }

            $crate::__laws_tests! {
                a_replay_equals_what_a_command_saw: ReplayEqualsLive,
                a_snapshot_and_the_events_after_it_equal_a_replay: SnapshotsEqualReplay,
                events_are_read_back_as_they_were_written: EventsAreReadBack,
                older_versions_are_upcast_and_lose_nothing: OldVersionsAreUpcast,
                no_command_and_no_event_panics: NothingPanics,
                commands_and_events_are_deterministic: Deterministic,
                a_rejected_command_changes_nothing: RejectionsChangeNothing,
                unique_values_and_tags_fit_their_limits: UniqueValuesAndTagsFit,
                every_command_is_accepted_in_some_history: CommandsAreAccepted,
            }
            $crate::__laws_of_projections! { $($($options)*)? }
        }
    };
    ($aggregate:ty $(, $($options:tt)*)?) => {
        $crate::laws! { laws: $aggregate $(, $($options)*)? }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __laws_tests {
    ($($name:ident: $law:ident,)*) => {
        $(#[test]
        fn $name() {
            laws().assert($crate::laws::Law::$law);
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __laws_options {
    ($laws:expr; $(,)?) => { $laws };
    ($laws:expr; commands($($commands:tt)*) $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($crate::__laws_commands!($laws; $($commands)*); $($($rest)*)?)
    };
    ($laws:expr; values($($name:literal => [$($value:expr),* $(,)?]),* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws$(.values($name, [$($value),*]))*; $($($rest)*)?)
    };
    ($laws:expr; codecs($($codec:expr),* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws$(.codec($codec))*; $($($rest)*)?)
    };
    ($laws:expr; lock($path:literal) $(, $($rest:tt)*)?) => {
        $crate::__laws_options!(
            $laws.lock(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", $path));
            $($($rest)*)?
        )
    };
    ($laws:expr; projection($projection:expr, $($sql:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws.projection(|| $projection, [$($sql),+]); $($($rest)*)?)
    };
    ($laws:expr; id = $id:expr $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws.id($id); $($($rest)*)?)
    };
    ($laws:expr; cases = $cases:expr $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws.cases($cases); $($($rest)*)?)
    };
    ($laws:expr; seed = $seed:expr $(, $($rest:tt)*)?) => {
        $crate::__laws_options!($laws.seed($seed); $($($rest)*)?)
    };
    ($laws:expr; $option:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($option), "` is no option of `laws!`, or it is written otherwise: commands(PlaceOrder, \
             PayOrder = strategy), values(\"name\" => [..]), projection(Orders, \"SELECT ..\"), lock(\"schema/order.lock\"), \
             codecs(..), id = .., cases = .., seed = .."
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __laws_commands {
    ($laws:expr; $(,)?) => { $laws };
    ($laws:expr; $command:ident = $strategy:expr $(, $($rest:tt)*)?) => {
        $crate::__laws_commands!(
            $laws.command_from(::core::stringify!($command), $strategy);
            $($($rest)*)?
        )
    };
    ($laws:expr; $command:ty $(, $($rest:tt)*)?) => {
        $crate::__laws_commands!(
            $laws.command::<$command>(::core::stringify!($command));
            $($($rest)*)?
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __laws_of_projections {
    (projection $($rest:tt)*) => {
        $crate::__laws_tests! {
            a_rebuilt_projection_equals_the_live_one: RebuiltEqualsLive,
        }
    };
    ($other:tt $($rest:tt)*) => { $crate::__laws_of_projections! { $($rest)* } };
    () => {};
}
