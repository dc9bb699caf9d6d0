//! Planted faults: the law that is about each finds it with a fixed seed, in the default number of cases, and
//! shrinks it to a short history. Next to each fault stands its sound twin, which keeps every law.

use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle, Shape};
use es_testkit::laws::{Broken, Law, LawfulEvents, LawfulState, Laws};
use es_tests::tries;
use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const LAWS: [Law; 10] = [
    Law::ReplayEqualsLive,
    Law::SnapshotsEqualReplay,
    Law::EventsAreReadBack,
    Law::OldVersionsAreUpcast,
    Law::NothingPanics,
    Law::Deterministic,
    Law::RejectionsChangeNothing,
    Law::UniqueValuesAndTagsFit,
    Law::CommandsAreAccepted,
    Law::RebuiltEqualsLive,
];

/// The law does not hold for the first one, and shows it in at most so many steps. All hold for the second one.
#[track_caller]
fn twins<F, S>(law: Law, most: usize, faulty: Laws<F>, sound: Laws<S>) -> Broken
where
    F: LawfulState<Event: LawfulEvents>,
    S: LawfulState<Event: LawfulEvents>,
{
    let sound = sound.seed(7).cases(tries(64, 8));
    for law in LAWS {
        sound.assert(law);
    }
    let broken = faulty.seed(7).check(law).expect_err("the fault is found");
    assert!(broken.steps <= most, "{broken}");
    broken
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no: {0}")]
struct No(&'static str);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("jar.filled")]
struct Filled {
    grams: u32,
    by: String,
}

#[derive(Clone, Debug, Deserialize, Shape)]
struct Fill {
    grams: u32,
    by: String,
}

impl From<Fill> for Filled {
    fn from(Fill { grams, by }: Fill) -> Self {
        Self { grams, by }
    }
}

/// A jar in a module of its own, with a state, an `apply` and a `handle`.
macro_rules! jar {
    ($(#[$attribute:meta])* mod $name:ident { $($field:ident: $type:ty),* $(,)? } apply: $apply:expr, handle: $handle:expr $(,)?) => {
        mod $name {
            use super::*;

            #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
            #[aggregate("jar", id = u32, error = No, events(Filled))]
            $(#[$attribute])*
            pub(super) struct Jar {
                $($field: $type,)*
            }

            impl Apply<Filled> for Jar {
                fn apply(&mut self, event: &Filled) {
                    let apply: fn(&mut Self, &Filled) = $apply;
                    apply(self, event);
                }
            }

            impl Handle<Fill> for Jar {
                fn handle(&self, command: Fill) -> Result<Events<Self>, No> {
                    let handle: fn(&Self, Fill) -> Result<Events<Self>, No> = $handle;
                    handle(self, command)
                }
            }

            pub(super) fn laws() -> Laws<Jar> {
                Laws::new().command::<Fill>("Fill")
            }
        }
    };
}

mod snapshot_applied_twice {
    use super::*;

    /// What a snapshot holds: the sum and the last weight.
    #[derive(Serialize, Deserialize)]
    struct Kept {
        sum: u64,
        last: u32,
    }

    macro_rules! kept {
        ($name:ident, $read:expr) => {
            mod $name {
                use super::*;

                #[derive(Aggregate, Serialize, Deserialize, Default, Clone, Debug, PartialEq)]
                #[aggregate("jar", id = u32, error = No, events(Filled), snapshot(every = 2))]
                pub(super) struct Jar {
                    weights: Weights,
                }

                #[derive(Serialize, Deserialize, Default, Clone, Debug, PartialEq)]
                #[serde(from = "Kept", into = "Kept")]
                struct Weights {
                    sum: u64,
                    last: u32,
                }

                impl From<Kept> for Weights {
                    fn from(Kept { sum, last }: Kept) -> Self {
                        let read: fn(u64, u32) -> u64 = $read;
                        let sum = read(sum, last);
                        Self { sum, last }
                    }
                }

                impl From<Weights> for Kept {
                    fn from(Weights { sum, last }: Weights) -> Self {
                        Self { sum, last }
                    }
                }

                impl Apply<Filled> for Jar {
                    fn apply(&mut self, event: &Filled) {
                        self.weights.sum += u64::from(event.grams);
                        self.weights.last = event.grams;
                    }
                }

                impl Handle<Fill> for Jar {
                    fn handle(&self, command: Fill) -> Result<Events<Self>, No> {
                        Ok(Filled::from(command).into())
                    }
                }

                pub(super) fn laws() -> Laws<Jar> {
                    Laws::new().command::<Fill>("Fill")
                }
            }
        };
    }

    kept!(faulty, |sum, last| sum + u64::from(last));
    kept!(sound, |sum, _| sum);

    #[test]
    fn is_found() {
        let broken = twins(Law::SnapshotsEqualReplay, 1, faulty::laws(), sound::laws());
        assert!(
            broken.reason.contains("cannot be kept in a snapshot"),
            "{broken}"
        );
    }
}

/// A snapshot without the last name, and an equality that does not look at it: only the answers differ.
mod snapshot_that_loses_a_field {
    use super::*;

    macro_rules! remembers {
        ($name:ident, $(#[$attribute:meta])*) => {
            mod $name {
                use super::*;

                #[derive(Aggregate, Serialize, Deserialize, Default, Clone, Debug, PartialEq)]
                #[aggregate("jar", id = u32, error = No, events(Filled), snapshot(every = 2))]
                pub(super) struct Jar {
                    last: Last,
                }

                #[derive(Serialize, Deserialize, Default, Clone, Debug)]
                struct Last {
                    count: u32,
                    $(#[$attribute])*
                    by: String,
                }

                impl PartialEq for Last {
                    fn eq(&self, other: &Self) -> bool {
                        self.count == other.count
                    }
                }

                impl Apply<Filled> for Jar {
                    fn apply(&mut self, event: &Filled) {
                        self.last.count += 1;
                        self.last.by = event.by.clone();
                    }
                }

                impl Handle<Fill> for Jar {
                    fn handle(&self, command: Fill) -> Result<Events<Self>, No> {
                        if self.last.count > 0 && self.last.by == command.by {
                            return Err(No("not twice in a row"));
                        }
                        Ok(Filled::from(command).into())
                    }
                }

                pub(super) fn laws() -> Laws<Jar> {
                    Laws::new().command::<Fill>("Fill")
                }
            }
        };
    }

    remembers!(faulty, #[serde(skip)]);
    remembers!(sound,);

    #[test]
    fn is_found() {
        let broken = twins(Law::SnapshotsEqualReplay, 2, faulty::laws(), sound::laws());
        assert!(broken.reason.contains("answers command"), "{broken}");
    }
}

mod apply_reads_the_clock {
    use super::*;

    jar! {
        mod faulty { at: Option<SystemTime> }
        apply: |jar, _| jar.at = Some(SystemTime::now()),
        handle: |_, fill| Ok(Filled::from(fill).into()),
    }

    jar! {
        mod sound { at: Option<SystemTime> }
        apply: |jar, filled| jar.at = Some(UNIX_EPOCH + Duration::from_secs(filled.grams.into())),
        handle: |_, fill| Ok(Filled::from(fill).into()),
    }

    #[test]
    fn is_found() {
        let broken = twins(Law::Deterministic, 1, faulty::laws(), sound::laws());
        assert!(
            broken.reason.contains("another state a second time"),
            "{broken}"
        );
    }
}

mod not_a_number {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("film.rated")]
    struct Rated {
        mean: f64,
    }

    #[derive(Clone, Debug, Deserialize, Shape)]
    struct Rate {
        stars: u32,
        votes: u32,
    }

    macro_rules! film {
        ($name:ident, $least:expr) => {
            mod $name {
                use super::*;

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("film", id = u32, error = No, events(Rated))]
                pub(super) struct Film {
                    mean: f64,
                }

                impl Apply<Rated> for Film {
                    fn apply(&mut self, rated: &Rated) {
                        self.mean = rated.mean;
                    }
                }

                impl Handle<Rate> for Film {
                    fn handle(&self, Rate { stars, votes }: Rate) -> Result<Events<Self>, No> {
                        if i64::from(votes) < $least {
                            return Err(No("a mean of no votes"));
                        }
                        let mean = f64::from(stars) / f64::from(votes);
                        Ok(Rated { mean }.into())
                    }
                }

                pub(super) fn laws() -> Laws<Film> {
                    Laws::new().command::<Rate>("Rate")
                }
            }
        };
    }

    film!(faulty, 0);
    film!(sound, 1);

    #[test]
    fn is_found() {
        let broken = twins(Law::EventsAreReadBack, 1, faulty::laws(), sound::laws());
        assert!(broken.reason.contains("cannot be read back"), "{broken}");
        assert!(broken.history.contains("votes: 0"), "{broken}");
    }
}

mod lossy_serde_attribute {
    use super::*;

    fn in_whole_euros<S: serde::Serializer>(cents: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(cents / 100 * 100)
    }

    macro_rules! paid {
        ($name:ident, $(#[$attribute:meta])*) => {
            mod $name {
                use super::*;

                #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
                #[event("bill.paid")]
                pub(super) struct Paid {
                    $(#[$attribute])*
                    cents: u32,
                }

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("bill", id = u32, error = No, events(ignore(Paid)))]
                pub(super) struct Bill {}
            }
        };
    }

    paid!(faulty, #[serde(serialize_with = "in_whole_euros")] #[shape(as = "u32")]);
    paid!(sound,);

    #[test]
    fn is_found() {
        let broken = twins(
            Law::EventsAreReadBack,
            1,
            Laws::<faulty::Bill>::new(),
            Laws::<sound::Bill>::new(),
        );
        assert!(
            broken.reason.contains("is not read back from Json"),
            "{broken}"
        );
    }
}

mod overflow {
    use super::*;

    jar! {
        mod faulty { grams: u32 }
        apply: |jar, filled| jar.grams += filled.grams,
        handle: |_, fill| Ok(Filled::from(fill).into()),
    }

    jar! {
        mod sound { grams: u32 }
        apply: |jar, filled| jar.grams += filled.grams,
        handle: |jar, fill| {
            jar.grams.checked_add(fill.grams).ok_or(No("it is full"))?;
            Ok(Filled::from(fill).into())
        },
    }

    #[test]
    fn is_found() {
        let broken = twins(Law::NothingPanics, 2, faulty::laws(), sound::laws());
        assert!(
            broken.reason.contains("attempt to add with overflow"),
            "{broken}"
        );
        // Where in the code of the user.
        assert!(broken.reason.contains("faults.rs"), "{broken}");
    }
}

mod order_of_a_hash_map {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("shelf.listed")]
    struct Listed {
        by: Vec<String>,
    }

    #[derive(Clone, Debug, Deserialize, Shape)]
    struct List {}

    macro_rules! shelf {
        ($name:ident, $map:ident) => {
            mod $name {
                use super::*;

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("shelf", id = u32, error = No, events(Filled, ignore(Listed)))]
                pub(super) struct Shelf {
                    by: $map<String, u32>,
                }

                impl Apply<Filled> for Shelf {
                    fn apply(&mut self, event: &Filled) {
                        self.by.insert(event.by.clone(), event.grams);
                    }
                }

                impl Handle<Fill> for Shelf {
                    fn handle(&self, fill: Fill) -> Result<Events<Self>, No> {
                        Ok(Filled::from(fill).into())
                    }
                }

                impl Handle<List> for Shelf {
                    fn handle(&self, _: List) -> Result<Events<Self>, No> {
                        let by = self.by.keys().cloned().collect();
                        Ok(Listed { by }.into())
                    }
                }

                pub(super) fn laws() -> Laws<Shelf> {
                    Laws::new().command::<Fill>("Fill").command::<List>("List")
                }
            }
        };
    }

    shelf!(faulty, HashMap);
    shelf!(sound, BTreeMap);

    #[test]
    fn is_found() {
        let broken = twins(Law::Deterministic, 12, faulty::laws(), sound::laws());
        assert!(broken.history.contains("Listed"), "{broken}");
    }
}

mod skipped_field {
    use super::*;

    macro_rules! sent {
        ($name:ident, $(#[$attribute:meta])*) => {
            mod $name {
                use super::*;

                #[derive(Serialize, Deserialize, Shape, Clone, Debug, Default, PartialEq)]
                pub(super) struct Address {
                    street: String,
                    $(#[$attribute])*
                    floor: u8,
                }

                #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
                #[event("parcel.sent")]
                pub(super) struct Sent {
                    to: Address,
                }

                #[derive(Clone, Debug, Deserialize, Shape)]
                pub(super) struct Send {
                    street: String,
                    floor: u8,
                }

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("parcel", id = u32, error = No, events(ignore(Sent)))]
                pub(super) struct Parcel {}

                impl Handle<Send> for Parcel {
                    fn handle(&self, Send { street, floor }: Send) -> Result<Events<Self>, No> {
                        let to = Address { street, floor };
                        Ok(Sent { to }.into())
                    }
                }

                pub(super) fn laws() -> Laws<Parcel> {
                    Laws::new().command::<Send>("Send")
                }
            }
        };
    }

    sent!(faulty, #[serde(skip)]);
    sent!(sound,);

    #[test]
    fn is_found() {
        let broken = twins(Law::EventsAreReadBack, 1, faulty::laws(), sound::laws());
        assert!(broken.reason.contains("floor: 1"), "{broken}");
    }
}

mod upcaster_that_forgets {
    use super::*;

    macro_rules! user {
        ($name:ident, $city:expr) => {
            mod $name {
                use super::*;

                #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
                #[event("user.moved", version = 2, upcast(1 => with_country))]
                pub(super) struct Moved {
                    street: String,
                    city: String,
                    #[event(since = 2)]
                    country: String,
                }

                fn with_country(old: MovedV1) -> Moved {
                    let city: fn(String) -> String = $city;
                    Moved {
                        street: old.street,
                        city: city(old.city),
                        country: "NL".to_owned(),
                    }
                }

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("user", id = u32, error = No, events(ignore(Moved)))]
                pub(super) struct User {}
            }
        };
    }

    user!(faulty, |_| String::new());
    user!(sound, |city| city);

    #[test]
    fn is_found() {
        let broken = twins(
            Law::OldVersionsAreUpcast,
            1,
            Laws::<faulty::User>::new(),
            Laws::<sound::User>::new(),
        );
        assert!(broken.reason.contains("loses its field `city`"), "{broken}");
    }
}

mod handle_that_is_not_deterministic {
    use super::*;

    static NEXT: AtomicU64 = AtomicU64::new(1);

    jar! {
        mod faulty {  }
        apply: |_, _| (),
        handle: |_, fill| {
            let by = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
            Ok(Filled { by, ..fill.into() }.into())
        },
    }

    jar! {
        mod sound {  }
        apply: |_, _| (),
        handle: |_, fill| Ok(Filled::from(fill).into()),
    }

    #[test]
    fn is_found() {
        let broken = twins(Law::Deterministic, 1, faulty::laws(), sound::laws());
        assert!(
            broken.reason.contains("another answer a second time"),
            "{broken}"
        );
    }
}

mod rejection_that_changes_something {
    use super::*;

    jar! {
        mod faulty { tries: Cell<u32> }
        apply: |_, _| (),
        handle: |jar, fill| {
            if fill.grams == 0 {
                jar.tries.set(jar.tries.get().wrapping_add(1));
                return Err(No("nothing to fill in"));
            }
            Ok(Filled::from(fill).into())
        },
    }

    jar! {
        mod sound { tries: Cell<u32> }
        apply: |_, _| (),
        handle: |_, fill| {
            if fill.grams == 0 {
                return Err(No("nothing to fill in"));
            }
            Ok(Filled::from(fill).into())
        },
    }

    #[test]
    fn is_found() {
        let broken = twins(
            Law::RejectionsChangeNothing,
            1,
            faulty::laws(),
            sound::laws(),
        );
        assert!(
            broken.reason.contains("the rejected command 1 changed"),
            "{broken}"
        );
    }
}

mod projection_that_depends_on_an_earlier_build {
    use super::*;

    /// Numbers the rows: by itself, or by the version of the event.
    #[derive(Projection, Default)]
    #[projection("fillings", events(Filled))]
    #[projection(schema = "CREATE TABLE {fillings} (number BIGINT, grams BIGINT)")]
    struct Fillings {
        counts_itself: bool,
        count: AtomicU64,
    }

    impl Project<Filled> for Fillings {
        async fn project(
            &self,
            filled: &Envelope<Filled>,
            tx: &mut AnyTransaction,
        ) -> Result<(), HandlerError> {
            let number = if self.counts_itself {
                self.count.fetch_add(1, Ordering::Relaxed)
            } else {
                filled.version
            };
            let row = values![number, filled.event.grams];
            tx.run("INSERT INTO {fillings} VALUES ($1, $2)", row)
                .await?;
            Ok(())
        }
    }

    jar! {
        mod jar {  }
        apply: |_, _| (),
        handle: |_, fill| Ok(Filled::from(fill).into()),
    }

    fn laws(counts_itself: bool) -> Laws<jar::Jar> {
        let fillings = move || Fillings {
            counts_itself,
            ..Fillings::default()
        };
        let rows = "SELECT number, grams FROM fillings ORDER BY number, grams";
        jar::laws().projection(fillings, [rows])
    }

    #[test]
    fn is_found() {
        let broken = twins(Law::RebuiltEqualsLive, 1, laws(true), laws(false));
        assert!(
            broken.reason.contains("other rows after a rebuild"),
            "{broken}"
        );
    }
}

mod unchecked_text {
    use super::*;
    use es_runtime::Tag;

    #[derive(Tag, Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
    #[serde(transparent)]
    #[tag("writer")]
    pub(super) struct Writer(String);

    macro_rules! member {
        ($name:ident, $check:expr) => {
            pub(super) mod $name {
                use super::*;

                #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
                #[event("writer.joined")]
                pub(in super::super) struct Joined {
                    #[unique("writer.email")]
                    email: String,
                    #[tag]
                    writer: Writer,
                }

                #[derive(Clone, Debug, Deserialize, Shape)]
                pub(in super::super) struct Join {
                    pub(in super::super) email: String,
                    pub(in super::super) writer: Writer,
                }

                #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
                #[aggregate("writer", id = u32, error = No, events(ignore(Joined)))]
                pub(in super::super) struct Member {}

                impl Handle<Join> for Member {
                    fn handle(&self, join: Join) -> Result<Events<Self>, No> {
                        let check: fn(&str, &str) -> bool = $check;
                        if !check(&join.email, &join.writer.0) {
                            return Err(No("not such a text"));
                        }
                        let Join { email, writer } = join;
                        Ok(Joined { email, writer }.into())
                    }
                }

                pub(in super::super) fn laws() -> Laws<Member> {
                    Laws::new().command::<Join>("Join")
                }
            }
        };
    }

    const fn is_short(text: &str, most: usize) -> bool {
        !text.is_empty() && text.len() <= most
    }

    member!(no_email, |_, writer| is_short(writer, 256)
        && !writer.contains(char::is_control));
    member!(no_tag, |email, _| is_short(email, 512));
    member!(both, |email, writer| is_short(email, 512)
        && is_short(writer, 256)
        && !writer.contains(char::is_control));
}

#[test]
fn a_unique_or_tagged_text_that_nobody_checks() {
    let law = Law::UniqueValuesAndTagsFit;
    let (faulty, sound) = (
        unchecked_text::no_email::laws(),
        unchecked_text::both::laws(),
    );
    let broken = twins(law, 1, faulty, sound).to_string();
    for part in [
        "this law does not hold: unique values and tags fit their limits",
        "by the rule `writer.email`, more than 512",
        "Check the text in `handle`",
        "`values(\"FIELD\" => [..])`",
    ] {
        assert!(broken.contains(part), "{part}: {broken}");
    }
    let (faulty, sound) = (unchecked_text::no_tag::laws(), unchecked_text::both::laws());
    let broken = twins(law, 1, faulty, sound).to_string();
    for part in ["has a tag of kind `writer`", "Check the text in `handle`"] {
        assert!(broken.contains(part), "{part}: {broken}");
    }
    // It is no fault of a replay, and values that fit are none at all.
    let laws = || unchecked_text::no_tag::laws().seed(7);
    laws().assert(Law::ReplayEqualsLive);
    laws().values("writer", ["ada", "bob"]).assert(law);
}
