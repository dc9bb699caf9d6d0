//! The schema lock through the derives: a lock is sealed by one release of a program and met by
//! another, whose types have the same stored names.

use es_runtime::{Aggregate, Event, Shape, schema::SetShapes};
use es_schema_lock::{LockChange, LockError, LockMode, LockReport, check_lock_in};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    process::Command,
};

// What the releases share. Each module takes these by a glob and puts its own in front of them.

mod shared {
    use super::*;

    mod line {
        use super::*;

        #[derive(Shape, Serialize, Deserialize)]
        pub(crate) struct Line {
            sku: String,
            qty: u32,
        }
    }

    pub(super) use line::Line;

    pub(super) type Customer = String;

    #[derive(Shape, Serialize, Deserialize)]
    pub(super) enum Channel {
        Web,
        Shop(String),
    }

    pub(super) fn cents(dollars: f64) -> i64 {
        (dollars * 100.0).round() as i64
    }

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.shipped")]
    pub(super) struct OrderShipped {
        carrier: String,
    }
}

/// The event that most releases have.
macro_rules! order_placed {
    () => {
        #[derive(Event, Serialize, Deserialize)]
        #[event("order.placed", version = 3)]
        #[event(removed(coupon: Option<String>, in = 3))]
        pub(super) struct OrderPlaced {
            customer: Customer,
            #[event(since = 2, default = "USD")]
            currency: String,
            #[event(was(name = "total", type = f64, with = cents, before = 3))]
            total_cents: i64,
            lines: Vec<Line>,
            #[event(since = 3, default = Channel::Web)]
            channel: Channel,
        }
    };
}

/// The aggregate with these events; its state does not matter.
macro_rules! order {
    ($codec:literal: $($event:ident),*) => {
        #[derive(Aggregate, Default)]
        #[aggregate("order", id = String, error = Infallible, codec = $codec)]
        #[aggregate(events(ignore($($event),*)))]
        pub(super) struct Order {}
    };
}

macro_rules! release {
    ($(#[$about:meta])* $name:ident: $($items:tt)*) => {
        $(#[$about])*
        mod $name {
            #![allow(dead_code, unused_imports, reason = "no release uses all that is shared")]
            use super::{shared::*, *};
            $($items)*
        }
    };
}

release! { before:
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

// What no lock allows.

release! { changed_nested_type:
    mod line {
        use super::*;

        #[derive(Shape, Serialize, Deserialize)]
        pub(crate) struct Line {
            sku: String,
            qty: u64,
        }
    }
    use line::Line;
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { changed_alias:
    type Customer = u64;
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { edited_was:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 3)]
    #[event(removed(coupon: Option<String>, in = 3))]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 2, default = "USD")]
        currency: String,
        #[event(was(name = "sum", type = f64, with = cents, before = 3))]
        total_cents: i64,
        lines: Vec<Line>,
        #[event(since = 3, default = Channel::Web)]
        channel: Channel,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { moved_since:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 3)]
    #[event(removed(coupon: Option<String>, in = 3))]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 3, default = "USD")]
        currency: String,
        #[event(was(name = "total", type = f64, with = cents, before = 3))]
        total_cents: i64,
        lines: Vec<Line>,
        #[event(since = 2, default = Channel::Web)]
        channel: Channel,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { deleted_removed:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 3)]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 2, default = "USD")]
        currency: String,
        #[event(was(name = "total", type = f64, with = cents, before = 3))]
        total_cents: i64,
        lines: Vec<Line>,
        #[event(since = 3, default = Channel::Web)]
        channel: Channel,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { renamed_event:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.sent")]
    pub(super) struct OrderShipped {
        carrier: String,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { removed_event:
    order_placed!();
    order!("json": OrderPlaced);
}

release! { lowered_version:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 2)]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 2, default = "USD")]
        currency: String,
        total: f64,
        lines: Vec<Line>,
        coupon: Option<String>,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { renamed_variant:
    #[derive(Shape, Serialize, Deserialize)]
    enum Channel {
        Internet,
        Shop(String),
    }
    impl Channel {
        #[allow(non_upper_case_globals, reason = "the default in the event calls it so")]
        const Web: Self = Self::Internet;
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! {
    /// Nothing that JSON stores, but postcard stores the number of the variant.
    turned_variants:
    #[derive(Shape, Serialize, Deserialize)]
    enum Channel {
        Shop(String),
        Web,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { compact:
    order_placed!();
    order!("postcard": OrderPlaced, OrderShipped);
}

release! { compact_turned_variants:
    #[derive(Shape, Serialize, Deserialize)]
    enum Channel {
        Shop(String),
        Web,
    }
    order_placed!();
    order!("postcard": OrderPlaced, OrderShipped);
}

// What every lock allows.

release! { new_version:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 4)]
    #[event(removed(coupon: Option<String>, in = 3))]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 2, default = "USD")]
        currency: String,
        #[event(was(name = "total", type = f64, with = cents, before = 3))]
        total_cents: i64,
        lines: Vec<Line>,
        #[event(since = 3, default = Channel::Web)]
        channel: Channel,
        #[event(since = 4)]
        note: Option<String>,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { edited_open_version:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 4)]
    #[event(removed(coupon: Option<String>, in = 3))]
    pub(super) struct OrderPlaced {
        customer: Customer,
        #[event(since = 2, default = "USD")]
        currency: String,
        #[event(was(name = "total", type = f64, with = cents, before = 3))]
        total_cents: i64,
        lines: Vec<Line>,
        #[event(since = 3, default = Channel::Web)]
        channel: Channel,
        #[event(since = 4, default = 0)]
        notes: u32,
    }
    order!("json": OrderPlaced, OrderShipped);
}

release! { new_event:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.cancelled")]
    pub(super) struct OrderCancelled {
        reason: String,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped, OrderCancelled);
}

release! {
    /// Other names in Rust for the module, the types, the fields and the variants; the same wire.
    renamed_in_rust:
    mod goods {
        use super::*;

        #[derive(Shape, Serialize, Deserialize)]
        pub(crate) struct Goods {
            sku: String,
            #[serde(rename = "qty")]
            count: u32,
        }
    }
    #[derive(Shape, Serialize, Deserialize)]
    enum Via {
        #[serde(rename = "Web")]
        Internet,
        #[serde(rename = "Shop")]
        Store(String),
    }
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed", version = 3)]
    #[event(removed(coupon: Option<String>, in = 3))]
    pub(super) struct Placed {
        #[serde(rename = "customer")]
        buyer: Box<str>,
        #[serde(rename = "lines")]
        goods: Vec<goods::Goods>,
        #[event(since = 2, default = "USD")]
        currency: String,
        #[event(was(name = "total", type = f64, with = cents, before = 3))]
        #[serde(rename = "total_cents")]
        price: i64,
        #[event(since = 3, default = Via::Internet)]
        #[serde(rename = "channel")]
        via: Via,
    }
    order!("json": Placed, OrderShipped);
}

release! { dropped_and_renamed_as_declared:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.sent")]
    pub(super) struct OrderSent {
        carrier: String,
    }
    #[derive(Aggregate, Default)]
    #[aggregate("order", id = String, error = Infallible, events(ignore(OrderSent)))]
    #[aggregate(alias("order.shipped" => OrderSent), drop("order.placed"))]
    pub(super) struct Order {}
}

// The two branches.

release! { ours:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.shipped", version = 2)]
    pub(super) struct OrderShipped {
        carrier: String,
        #[event(since = 2)]
        parcel: Option<u64>,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { theirs:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.shipped", version = 2)]
    pub(super) struct OrderShipped {
        carrier: String,
        #[event(since = 2)]
        weight: Option<u32>,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

release! { merged:
    #[derive(Event, Serialize, Deserialize)]
    #[event("order.shipped", version = 3)]
    pub(super) struct OrderShipped {
        carrier: String,
        #[event(since = 2)]
        parcel: Option<u64>,
        #[event(since = 3)]
        weight: Option<u32>,
    }
    order_placed!();
    order!("json": OrderPlaced, OrderShipped);
}

/// A folder with a lock, and with golden samples next to it.
struct Project {
    folder: tempfile::TempDir,
}

type Check = fn(&Project, LockMode) -> Result<LockReport, LockError>;

fn check<A>(project: &Project, mode: LockMode) -> Result<LockReport, LockError>
where
    A: Aggregate,
    A::Event: SetShapes,
{
    check_lock_in::<A>(project.path(), mode)
}

impl Project {
    fn new() -> Self {
        let folder = es_tests::tiers::folder();
        Self { folder }
    }

    /// A project whose lock was sealed by that release.
    fn sealed(by: Check) -> Self {
        let project = Self::new();
        by(&project, LockMode::Seal).expect("seals");
        by(&project, LockMode::Check).expect("holds");
        project
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("order.lock")
    }

    /// The lock without its comments.
    fn lines(&self) -> String {
        let text = fs::read_to_string(self.path()).expect("reads");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| format!("{line}\n")).collect()
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).expect("writes");
    }

    /// The message for that release; nothing is written in any mode.
    fn refuses(&self, release: Check) -> String {
        let before = self.lines();
        let [said, update, seal] = [LockMode::Check, LockMode::Update, LockMode::Seal]
            .map(|mode| release(self, mode).expect_err("is refused").to_string());
        assert_eq!(said, update);
        assert_eq!(said, seal);
        assert_eq!(self.lines(), before);
        let path = self.path().display().to_string();
        said.replace(&path, "order.lock")
    }
}

const JSON: Check = check::<before::Order>;
const POSTCARD: Check = check::<compact::Order>;

/// Who sealed the lock, who meets it, and what is said.
const REFUSED: [(Check, Check, &str); 10] = [
    (
        JSON,
        check::<changed_nested_type::Order>,
        r"order.lock: `order.placed` version 1 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,customer:str,lines:[{qty:u64,sku:str}],total:f64}
  differs at: lines[].qty:u32 -> lines[].qty:u64
  help: a type inside the event has changed, and version 1 is stored with the old one. Take that change back, or keep the old type under another name and use it in `was(type = .., with = .., before = ..)`
  `order.placed` version 2 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,currency:str,customer:str,lines:[{qty:u64,sku:str}],total:f64}
  differs at: lines[].qty:u32 -> lines[].qty:u64
  help: a type inside the event has changed, and version 2 is stored with the old one. Take that change back, or keep the old type under another name and use it in `was(type = .., with = .., before = ..)`
  `order.placed` version 3 is sealed and its shape has changed
  lock: {channel:<Shop(str)|Web>,currency:str,customer:str,lines:[{qty:u32,sku:str}],total_cents:i64}
  code: {channel:<Shop(str)|Web>,currency:str,customer:str,lines:[{qty:u64,sku:str}],total_cents:i64}
  differs at: lines[].qty:u32 -> lines[].qty:u64
  help: events of this shape are stored. Raise `version` to 4 and describe the change on the field (`since`, `was` or `removed`), or take the change back",
    ),
    (
        JSON,
        check::<changed_alias::Order>,
        r"order.lock: `order.placed` version 1 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,customer:u64,lines:[{qty:u32,sku:str}],total:f64}
  differs at: customer:str -> customer:u64
  help: version 1 stores `customer` as `str`. Put the type in its `was(type = ..)` back; where the field's own type changed, name the old one with `was(type = .., with = .., before = ..)`
  `order.placed` version 2 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,currency:str,customer:u64,lines:[{qty:u32,sku:str}],total:f64}
  differs at: customer:str -> customer:u64
  help: version 2 stores `customer` as `str`. Put the type in its `was(type = ..)` back; where the field's own type changed, name the old one with `was(type = .., with = .., before = ..)`
  `order.placed` version 3 is sealed and its shape has changed
  lock: {channel:<Shop(str)|Web>,currency:str,customer:str,lines:[{qty:u32,sku:str}],total_cents:i64}
  code: {channel:<Shop(str)|Web>,currency:str,customer:u64,lines:[{qty:u32,sku:str}],total_cents:i64}
  differs at: customer:str -> customer:u64
  help: events of this shape are stored. Raise `version` to 4 and describe the change on the field (`since`, `was` or `removed`), or take the change back",
    ),
    (
        JSON,
        check::<edited_was::Order>,
        r#"order.lock: `order.placed` version 1 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,customer:str,lines:[{qty:u32,sku:str}],sum:f64}
  differs at: total is called sum in the code
  help: version 1 has the field `total`. Put `was(name = "total", ..)` back on what is `sum` in the code
  `order.placed` version 2 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],sum:f64}
  differs at: total is called sum in the code
  help: version 2 has the field `total`. Put `was(name = "total", ..)` back on what is `sum` in the code"#,
    ),
    (
        JSON,
        check::<moved_since::Order>,
        r"order.lock: `order.placed` version 2 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {channel:<Shop(str)|Web>,coupon:str?,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  differs at: currency:str is not in the code
  differs at: channel:<Shop(str)|Web> is not in the lock
  help: version 2 has the field `currency`. Put its `removed(currency: .., in = ..)` back (its shape is `str`), or the earlier `since` of the field",
    ),
    (
        JSON,
        check::<deleted_removed::Order>,
        r"order.lock: `order.placed` version 1 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {customer:str,lines:[{qty:u32,sku:str}],total:f64}
  differs at: coupon:str? is not in the code
  help: version 1 has the field `coupon`. Put its `removed(coupon: .., in = ..)` back (its shape is `str?`), or the earlier `since` of the field
  `order.placed` version 2 is sealed and the code now describes it differently (its newest version is 3)
  lock: {coupon:str?,currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  code: {currency:str,customer:str,lines:[{qty:u32,sku:str}],total:f64}
  differs at: coupon:str? is not in the code
  help: version 2 has the field `coupon`. Put its `removed(coupon: .., in = ..)` back (its shape is `str?`), or the earlier `since` of the field",
    ),
    (
        JSON,
        check::<renamed_event::Order>,
        r#"order.lock: `order.shipped` is sealed and gone from the code; the new event `order.sent` has the same shapes
  lock: v1 {carrier:str}
  code: nothing
  help: was it renamed? Put the stored name `order.shipped` back, or declare `alias("order.shipped")` on the event `order.sent`"#,
    ),
    (
        JSON,
        check::<removed_event::Order>,
        r#"order.lock: `order.shipped` is sealed and gone from the code
  lock: v1 {carrier:str}
  code: nothing
  help: stored events of this name would stop every reader. Put the event back, or declare what becomes of them: `drop("order.shipped")` where they mean nothing any more"#,
    ),
    (
        JSON,
        check::<lowered_version::Order>,
        r"order.lock: `order.placed` version 3 is sealed, but the code ends at version 2
  lock: {channel:<Shop(str)|Web>,currency:str,customer:str,lines:[{qty:u32,sku:str}],total_cents:i64}
  code: nothing
  help: stored events of version 3 could not be read. Put `version = 3` back, or a higher one",
    ),
    (
        JSON,
        check::<renamed_variant::Order>,
        r"order.lock: `order.placed` version 3 is sealed and its shape has changed
  lock: {channel:<Shop(str)|Web>,currency:str,customer:str,lines:[{qty:u32,sku:str}],total_cents:i64}
  code: {channel:<Internet|Shop(str)>,currency:str,customer:str,lines:[{qty:u32,sku:str}],total_cents:i64}
  differs at: channel::Web is called channel::Internet in the code
  help: events of this shape are stored. Raise `version` to 4 and describe the change on the field (`since`, `was` or `removed`), or take the change back",
    ),
    (
        POSTCARD,
        check::<compact_turned_variants::Order>,
        r"order.lock: `order.placed` version 3 is sealed and its shape has changed
  lock: {customer:str,currency:str,total_cents:i64,lines:[{sku:str,qty:u32}],channel:<Web|Shop(str)>}
  code: {customer:str,currency:str,total_cents:i64,lines:[{sku:str,qty:u32}],channel:<Shop(str)|Web>}
  differs at: the order of channel: Web, Shop -> Shop, Web
  help: events of this shape are stored. Raise `version` to 4 and describe the change on the field (`since`, `was` or `removed`), or take the change back",
    ),
];

#[test]
fn what_was_stored_stays_what_it_is() {
    for (before, after, expected) in REFUSED {
        let said = Project::sealed(before).refuses(after);
        assert_eq!(said, expected, "\n{said}\n");
    }
}

#[test]
fn what_is_allowed_leaves_sealed_lines_as_they_are() {
    let cases: [(Check, Check, &[&str]); 5] = [
        (
            JSON,
            check::<new_version::Order>,
            &["+ order.placed v4 open"],
        ),
        (
            JSON,
            check::<new_event::Order>,
            &["+ order.cancelled v1 open {reason:str}"],
        ),
        (JSON, check::<renamed_in_rust::Order>, &[]),
        (JSON, check::<turned_variants::Order>, &[]),
        (
            JSON,
            check::<dropped_and_renamed_as_declared::Order>,
            &[
                "+ order.placed open drop",
                "+ order.sent v1 open {carrier:str}",
                "+ order.shipped open alias order.sent",
            ],
        ),
    ];
    for (before, after, expected) in cases {
        let project = Project::sealed(before);
        let sealed = project.lines();
        let report = after(&project, LockMode::Update).expect("is allowed");
        let changes: Vec<_> = report.changes.iter().map(LockChange::to_string).collect();
        assert_eq!(changes.len(), expected.len(), "{changes:?}");
        for (change, expected) in changes.iter().zip(expected) {
            assert!(change.starts_with(expected), "{change}");
        }
        let lines = project.lines();
        for line in sealed.lines() {
            assert!(lines.lines().any(|now| now == line), "{line}\n{lines}");
        }
        after(&project, LockMode::Check).expect("holds");
    }
}

#[test]
fn an_open_line_follows_the_code() {
    let project = Project::sealed(JSON);
    let sealed = project.lines();
    check::<new_version::Order>(&project, LockMode::Update).expect("a new version");
    let report = check::<edited_open_version::Order>(&project, LockMode::Update).expect("edited");
    assert!(matches!(
        report.changes.as_slice(),
        [LockChange::Updated { .. }]
    ));
    let report = JSON(&project, LockMode::Update).expect("taken back");
    assert!(matches!(
        report.changes.as_slice(),
        [LockChange::Removed(_)]
    ));
    assert_eq!(project.lines(), sealed);
    // Once sealed it stays.
    check::<new_version::Order>(&project, LockMode::Seal).expect("released");
    let said = project.refuses(check::<edited_open_version::Order>);
    assert!(
        said.contains("`order.placed` version 4 is sealed and its shape has changed"),
        "{said}"
    );
    assert!(said.contains("Raise `version` to 5"), "{said}");
}

/// What git makes of two changes of one file, and whether they were at odds.
fn git_merge(base: &str, ours: &str, theirs: &str) -> (String, bool) {
    let folder = es_tests::tiers::folder();
    let names = ["ours", "base", "theirs"];
    for (name, text) in names.into_iter().zip([ours, base, theirs]) {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    let output = Command::new("git")
        .args(["merge-file", "-p"])
        .args(names)
        .current_dir(folder.path())
        .output()
        .expect("git is installed");
    let text = String::from_utf8(output.stdout).expect("the text of a lock");
    (text, !output.status.success())
}

#[test]
fn two_branches_that_take_the_same_version_meet_in_a_conflict() {
    let project = Project::sealed(JSON);
    let read = || fs::read_to_string(project.path()).expect("reads");
    let base = read();
    let [ours, theirs] = [check::<ours::Order>, check::<theirs::Order>].map(|branch: Check| {
        project.write(&base);
        branch(&project, LockMode::Update).expect("a new version");
        read()
    });
    let (conflict, at_odds) = git_merge(&base, &ours, &theirs);
    assert!(at_odds, "{conflict}");
    project.write(&conflict);
    assert_eq!(
        project.refuses(check::<ours::Order>),
        "order.lock is not a schema lock
line 7: unresolved merge conflict
  help: keep the lines of both sides and delete the markers; where both sides added the same version, one of the two changes takes the next version
  <<<<<<< ours
line 9: unresolved merge conflict
  help: keep the lines of both sides and delete the markers; where both sides added the same version, one of the two changes takes the next version
  =======
line 10: line 8 has the same name and version:
  order.shipped v2 open {carrier:str,parcel:u64?}
  help: two branches used the same version; one of the two changes takes the next version
  order.shipped v2 open {carrier:str,weight:u32?}
line 11: unresolved merge conflict
  help: keep the lines of both sides and delete the markers; where both sides added the same version, one of the two changes takes the next version
  >>>>>>> theirs"
    );
    // Both lines are kept, as a merge in haste does it.
    let markers = ["<<<<<<<", "=======", ">>>>>>>"];
    let is_line = |line: &&str| !markers.iter().any(|marker| line.starts_with(marker));
    let both: Vec<_> = conflict.lines().filter(is_line).collect();
    project.write(&both.join("\n"));
    assert_eq!(
        project.refuses(check::<ours::Order>),
        "order.lock is not a schema lock
line 8: line 7 has the same name and version:
  order.shipped v2 open {carrier:str,parcel:u64?}
  help: two branches used the same version; one of the two changes takes the next version
  order.shipped v2 open {carrier:str,weight:u32?}"
    );
    // The way out: one of the two takes the next version, in the code and in the lock.
    project.write(&ours);
    let report = check::<merged::Order>(&project, LockMode::Update).expect("a new version");
    let changes: Vec<_> = report.changes.iter().map(LockChange::to_string).collect();
    assert_eq!(
        changes,
        ["+ order.shipped v3 open {carrier:str,parcel:u64?,weight:u32?}"]
    );
}

// As a user writes it. The file was sealed by `before`.

es_schema_lock::schema_lock!(fn the_lock_of_a_user, before::Order, "tests/schema/lock/order.lock", check);

#[test]
#[allow(
    unnameable_test_items,
    reason = "the test inside is called by hand, because it fails"
)]
fn the_generated_test_fails() {
    es_schema_lock::schema_lock!(fn generated, changed_nested_type::Order, "tests/schema/lock/order.lock");
    let panic = catch_unwind(generated).expect_err("the nested type has changed");
    let said = panic.downcast_ref::<String>().expect("a message");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/lock");
    let said = said.replace(&format!("{}/", folder.display()), "");
    assert_eq!(said, REFUSED[0].2);
}
