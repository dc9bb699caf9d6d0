//! The schema lock and its golden samples, on hand-written shapes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong"
)]

use es_runtime::{
    Aggregate, Codec, CodecError, DecodeError, Decoded, Event, EventSet, EventTag, EventType,
    StoredPayload, UniqueChange,
    schema::{EventShape, Layout, Member, Node, Retired, Retirement, SetShapes, Shape},
};
use es_schema_lock::{
    __private::compiled, Difference, GoldenProblem, LineProblem, Lock, LockChange, LockEntry,
    LockError, LockMode, Violation, check_lock_in,
};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

const fn m(name: &'static str, node: Node) -> Member {
    Member { name, node }
}

const STR: Node = Node::Scalar("str");
const F64: Node = Node::Scalar("f64");

macro_rules! structure {
    ($($name:ident: $node:expr),* $(,)?) => {
        Node::Struct(&[$(m(stringify!($name), $node)),*])
    };
}

/// A set of events that has shapes and nothing else.
macro_rules! code {
    ($code:ident { $($name:literal: [$($shape:expr),* $(,)?]),* $(,)? } $($retired:literal => $into:expr),*) => {
        code!($code { $($name: [$($shape),*]),* } $($retired => $into),*; tags [], unique []);
    };
    (
        $code:ident { $($name:literal: [$($shape:expr),* $(,)?]),* $(,)? } $($retired:literal => $into:expr),*;
        tags $tags:expr, unique $unique:expr
    ) => {
        #[derive(Debug)]
        struct $code;
        impl EventSet for $code {
            const TYPES: &'static [EventType] = &[];
            const TAG_KINDS: &'static [(&'static str, &'static [&'static str])] = &$tags;
            const UNIQUE_RULES: &'static [(&'static str, &'static [&'static str])] = &$unique;
            fn event_type(&self) -> EventType {
                EventType { name: "none", version: 1 }
            }
            fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
                codec.encode(&())
            }
            fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
                Err(DecodeError::unknown_event(name, stored))
            }
        }
        impl SetShapes for $code {
            const EVENTS: &'static [EventShape] =
                &[$(EventShape { name: $name, shapes: &[$($shape),*] }),*];
            const RETIRED: &'static [Retired] = &[$(Retired { name: $retired, into: $into }),*];
        }
    };
}

type Customer = String;
const LINE: Node = structure!(sku: STR, qty: <u32 as Shape>::SHAPE);
const KIND: Node = Node::Enum(&[m("Web", Node::Nothing), m("Shop", STR)]);
const V1: Node = structure!(customer: Customer::SHAPE, total: F64, coupon: <Option<u8>>::SHAPE);
const V2: Node = structure!(
    customer: Customer::SHAPE, currency: STR, total: F64, coupon: <Option<u8>>::SHAPE,
    lines: Node::Seq(&LINE), kind: KIND,
);
const V3: Node = structure!(
    customer: Customer::SHAPE, currency: STR, total_cents: <i64 as Shape>::SHAPE,
    lines: Node::Seq(&LINE), kind: KIND,
);
const SHIPPED: Node = structure!(carrier: STR);

code!(Base { "order.placed": [V1, V2, V3], "order.shipped": [SHIPPED] });

/// The lock of [`Base`], sealed.
fn sealed(layout: Layout) -> Lock {
    let mut lock = Lock::new();
    lock.update::<Base>(layout);
    lock.seal::<Base>(layout);
    assert_eq!(lock.check::<Base>(), Ok(()));
    lock
}

fn violations<S: SetShapes>(layout: Layout) -> Vec<Violation> {
    sealed(layout).check::<S>().expect_err("the code changed")
}

/// The violations with their texts one below the other.
fn broken<S: SetShapes>() -> (Vec<Violation>, String) {
    let found = violations::<S>(Layout::ByName);
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    (found, texts.join("\n"))
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn a_lock_is_rendered_sorted_and_parsed_back() {
    code!(Many {
        "b": [V1, V1, V1, V1, V1, V1, V1, V1, V1, SHIPPED],
        "a-b": [SHIPPED], "a": [SHIPPED], "B": [SHIPPED]
    } "c" => Retirement::Dropped, "a.old" => Retirement::Alias("a"), "both" => Retirement::Split);
    let mut lock = Lock::new();
    lock.update::<Many>(Layout::ByOrder);
    lock.seal::<Many>(Layout::ByOrder);
    let text = lock.to_string();
    let keys: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(" sealed").next().unwrap_or_default())
        .collect();
    assert_eq!(
        keys,
        [
            "B v1", "a v1", "a-b v1", "a.old", "b v1", "b v2", "b v3", "b v4", "b v5", "b v6",
            "b v7", "b v8", "b v9", "b v10", "both", "c"
        ]
    );
    has(
        &text,
        &[
            "\na.old sealed alias a\n",
            "\nboth sealed split\nc sealed drop\n",
            "\nb v10 sealed ordered {carrier:str}\n",
            "\nb v9 sealed ordered {customer:str,total:f64,coupon:u8?}\n",
        ],
    );
    assert!(text.starts_with("# "));
    assert_eq!(text.parse::<Lock>(), Ok(lock));
}

#[test]
fn comments_stay_where_they_are() {
    let text = "# top\n\n# of nobody\norder.placed v1 sealed {}\n# why v2\norder.placed v2 open {a:u8}\n# end\n";
    let mut lock: Lock = text.parse().expect("parses");
    assert_eq!(lock.to_string(), text.replace("\n\n", "\n"));
    code!(Two { "order.placed": [structure!(), structure!(b: STR)], "a": [structure!()] });
    let changes = lock.update::<Two>(Layout::ByName);
    assert_eq!(
        changes,
        [
            LockChange::Updated {
                from: "order.placed v2 open {a:u8}".to_owned(),
                to: "order.placed v2 open {b:str}".to_owned(),
            },
            LockChange::Added("a v1 open {}".to_owned()),
        ]
    );
    assert_eq!(
        lock.to_string(),
        "# top\n# of nobody\na v1 open {}\norder.placed v1 sealed {}\n# why v2\norder.placed v2 open {b:str}\n# end\n"
    );
}

#[test]
fn damaged_lines_are_all_reported_with_their_numbers() {
    use LineProblem::{Form, Shape, State, Version};
    let text = "\
# fine
order.placed v1 sealed {a:u8}
order.placed
order.placed v0 open {}
order.placed v01 open {}
order.placed v65536 open {}
order.placed v2 shut {}
order.placed v2 open
order.placed open gone
order.placed open alias
 v1 open {}
";
    let damage = text.parse::<Lock>().expect_err("damaged");
    let lines: Vec<_> = damage
        .lines
        .iter()
        .map(|line| (line.line, line.problem.clone()))
        .collect();
    assert_eq!(
        lines,
        [
            (3, Form),
            (4, Version),
            (5, Version),
            (6, Version),
            (7, State),
            (8, Shape),
            (9, Form),
            (10, Form),
            (11, Form)
        ]
    );
    has(
        &damage.to_string(),
        &[
            "line 7: `open` or `sealed` is missing",
            "order.placed v2 shut {}",
        ],
    );
}

#[test]
fn what_a_merge_leaves_is_reported() {
    let both =
        "order.placed v3 open {a:u8}\norder.blinked v1 open {}\norder.placed v3 open {b:u8}\n";
    let damage = both.parse::<Lock>().expect_err("a version twice");
    has(
        &damage.to_string(),
        &[
            "line 3:",
            "line 1 has the same",
            "{a:u8}",
            "{b:u8}",
            "takes the next version",
        ],
    );
    assert!(matches!(
        damage.lines.as_slice(),
        [line] if line.line == 3 && matches!(line.problem, LineProblem::Duplicate { first: 1, .. })
    ));
    let conflict = "\
<<<<<<< HEAD
order.placed v3 open {a:u8}
||||||| base
=======
order.placed v3 open {b:u8}
>>>>>>> other
";
    let damage = conflict.parse::<Lock>().expect_err("a conflict");
    let markers = |line: &&es_schema_lock::DamagedLine| line.problem == LineProblem::Conflict;
    assert_eq!(damage.lines.iter().filter(markers).count(), 4);
    has(&damage.to_string(), &["line 1: unresolved merge conflict"]);
}

#[test]
fn a_nested_type_that_changes_breaks_every_version_that_holds_it() {
    const WIDE: Node = structure!(sku: STR, qty: <u64 as Shape>::SHAPE);
    code!(Changed {
        "order.placed": [
            V1,
            structure!(
                customer: STR, currency: STR, total: F64, coupon: <Option<u8>>::SHAPE,
                lines: Node::Seq(&WIDE), kind: KIND,
            ),
            structure!(
                customer: STR, currency: STR, total_cents: i64::SHAPE,
                lines: Node::Seq(&WIDE), kind: KIND,
            ),
        ],
        "order.shipped": [SHIPPED]
    });
    let (found, text) = broken::<Changed>();
    assert!(matches!(
        found.as_slice(),
        [
            Violation::HistoryChanged { version: 2, current: 3, .. },
            Violation::Changed { version: 3, differences, .. },
        ] if *differences == [Difference::Type {
            at: "lines[].qty".to_owned(),
            locked: "u32".to_owned(),
            derived: "u64".to_owned(),
        }]
    ));
    has(
        &text,
        &[
            "lock: {coupon:u8?,currency:str,customer:str,kind:<Shop(str)|Web>,lines:[{qty:u32,sku:str}],total:f64}",
            "code: {coupon:u8?,currency:str,customer:str,kind:<Shop(str)|Web>,lines:[{qty:u64,sku:str}],total:f64}",
            "differs at: lines[].qty:u32 -> lines[].qty:u64",
            "keep the old type under another name",
            "Raise `version` to 4 and describe the change on the field",
        ],
    );
}

#[test]
fn an_alias_that_changes_is_seen_through() {
    type Customer = u64;
    code!(Changed {
        "order.placed": [
            structure!(customer: Customer::SHAPE, total: F64, coupon: <Option<u8>>::SHAPE), V2, V3,
        ],
        "order.shipped": [SHIPPED]
    });
    let (found, text) = broken::<Changed>();
    assert!(matches!(
        found.as_slice(),
        [Violation::HistoryChanged { version: 1, .. }]
    ));
    has(
        &text,
        &[
            "customer:str -> customer:u64",
            "version 1 stores `customer` as `str`",
        ],
    );
}

#[test]
fn an_edited_was_is_seen_in_the_old_version() {
    code!(Changed {
        "order.placed": [
            structure!(customer: STR, sum: F64, coupon: <Option<u8>>::SHAPE), V2, V3,
        ],
        "order.shipped": [SHIPPED]
    });
    let (found, text) = broken::<Changed>();
    assert!(matches!(
        found.as_slice(),
        [Violation::HistoryChanged { version: 1, differences, .. }]
            if matches!(differences.as_slice(), [Difference::Renamed { .. }])
    ));
    has(
        &text,
        &[
            "total is called sum in the code",
            "Put `was(name = \"total\", ..)` back",
        ],
    );
}

#[test]
fn a_moved_since_is_seen_in_the_old_version() {
    code!(Earlier {
        "order.placed": [
            structure!(customer: STR, currency: STR, total: F64, coupon: <Option<u8>>::SHAPE), V2, V3,
        ],
        "order.shipped": [SHIPPED]
    });
    let (found, text) = broken::<Earlier>();
    assert!(matches!(
        found.as_slice(),
        [Violation::HistoryChanged { version: 1, differences, .. }]
            if matches!(differences.as_slice(), [Difference::Added { .. }])
    ));
    has(
        &text,
        &["currency:str is not in the lock", "Put its `since` back"],
    );
}

#[test]
fn a_deleted_removed_is_seen_in_the_old_version() {
    code!(Changed {
        "order.placed": [structure!(customer: STR, total: F64), V2, V3],
        "order.shipped": [SHIPPED]
    });
    let (found, text) = broken::<Changed>();
    assert!(matches!(
        found.as_slice(),
        [Violation::HistoryChanged { version: 1, differences, .. }]
            if matches!(differences.as_slice(), [Difference::Missing { .. }])
    ));
    has(
        &text,
        &[
            "coupon:u8? is not in the code",
            "Put its `removed(coupon: .., in = ..)` back",
        ],
    );
}

#[test]
fn a_renamed_stored_name_is_guessed() {
    code!(Renamed { "order.placed": [V1, V2, V3], "order.sent": [SHIPPED, V1] });
    let (found, text) = broken::<Renamed>();
    assert!(matches!(
        found.as_slice(),
        [Violation::Renamed { event, to, .. }] if event == "order.shipped" && to == "order.sent"
    ));
    has(
        &text,
        &[
            "was it renamed?",
            "declare `alias(\"order.shipped\")` on the event `order.sent`",
        ],
    );
    code!(Declared { "order.placed": [V1, V2, V3], "order.sent": [SHIPPED, V1] }
        "order.shipped" => Retirement::Alias("order.sent"));
    assert_eq!(sealed(Layout::ByName).check::<Declared>(), Ok(()));
    code!(Other { "order.placed": [V1, V2, V3], "order.sent": [V1] }
        "order.shipped" => Retirement::Alias("order.sent"));
    let (found, text) = broken::<Other>();
    assert!(matches!(
        found.as_slice(),
        [Violation::AliasDiffers { version: 1, read_as, .. }] if read_as == "order.sent"
    ));
    has(
        &text,
        &[
            "carrier is called customer in the code",
            "read as `order.sent` version 1",
        ],
    );
}

#[test]
fn a_removed_event_is_reported_once_with_all_its_versions() {
    code!(Removed { "order.shipped": [SHIPPED] });
    let (found, text) = broken::<Removed>();
    assert!(matches!(
        found.as_slice(),
        [Violation::Removed { event, locked }] if event == "order.placed" && locked.len() == 3
    ));
    has(
        &text,
        &[
            "declare what becomes of them: `drop(\"order.placed\")`",
            "lock: v2 {",
        ],
    );
    code!(Dropped { "order.shipped": [SHIPPED] } "order.placed" => Retirement::Dropped);
    assert_eq!(sealed(Layout::ByName).check::<Dropped>(), Ok(()));
    code!(Split { "order.shipped": [SHIPPED] } "order.placed" => Retirement::Split);
    assert_eq!(sealed(Layout::ByName).check::<Split>(), Ok(()));
}

#[test]
fn a_lowered_version_is_refused() {
    code!(Lowered { "order.placed": [V1, V2], "order.shipped": [SHIPPED] });
    let (found, text) = broken::<Lowered>();
    assert!(matches!(
        found.as_slice(),
        [Violation::VersionLowered {
            version: 3,
            current: 2,
            ..
        }]
    ));
    has(
        &text,
        &[
            "the code ends at version 2",
            "Put `version = 3` back",
            "total_cents:i64",
        ],
    );
}

#[test]
fn a_renamed_variant_is_a_change_and_the_order_counts_where_it_is_stored() {
    const RENAMED: Node = Node::Enum(&[m("Net", Node::Nothing), m("Shop", STR)]);
    const TURNED: Node = Node::Enum(&[m("Shop", STR), m("Web", Node::Nothing)]);
    const fn v3(kind: Node) -> [Member; 5] {
        [
            m("customer", STR),
            m("currency", STR),
            m("total_cents", i64::SHAPE),
            m("lines", Node::Seq(&LINE)),
            m("kind", kind),
        ]
    }
    const WITH_RENAMED: [Member; 5] = v3(RENAMED);
    const WITH_TURNED: [Member; 5] = v3(TURNED);
    code!(Renamed { "order.placed": [V1, V2, Node::Struct(&WITH_RENAMED)], "order.shipped": [SHIPPED] });
    has(
        &broken::<Renamed>().1,
        &["differs at: kind::Web is called kind::Net in the code"],
    );
    code!(Turned { "order.placed": [V1, V2, Node::Struct(&WITH_TURNED)], "order.shipped": [SHIPPED] });
    assert_eq!(sealed(Layout::ByName).check::<Turned>(), Ok(()));
    let found = violations::<Turned>(Layout::ByOrder);
    assert!(matches!(
        found.as_slice(),
        [Violation::Changed { version: 3, differences, .. }]
            if matches!(differences.as_slice(), [Difference::Order { at, .. }] if at == "kind")
    ));
    has(
        &found[0].to_string(),
        &["the order of kind: Web, Shop -> Shop, Web"],
    );
}

#[test]
fn sealed_tags_and_unique_values_are_held_to() {
    code!(Tagged { "order.placed": [V1], "order.shipped": [SHIPPED] };
        tags [("order.placed", &["customer", "shop"])], unique [("order.placed", &["order.no"])]);
    let mut lock = Lock::new();
    lock.update::<Base>(Layout::ByName);
    lock.seal::<Base>(Layout::ByName);
    let added = lock.update::<Tagged>(Layout::ByName);
    let added: Vec<_> = added.iter().map(ToString::to_string).collect();
    assert_eq!(
        added,
        [
            "+ order.placed open tag customer",
            "+ order.placed open tag shop",
            "+ order.placed open unique order.no",
        ]
    );
    let mut lock = Lock::new();
    lock.update::<Tagged>(Layout::ByName);
    lock.seal::<Tagged>(Layout::ByName);
    assert_eq!(lock.check::<Tagged>(), Ok(()));
    assert_eq!(lock.to_string().parse::<Lock>().as_ref(), Ok(&lock));
    assert_eq!(breach::<Tagged, 2>(&lock.to_string()), None);

    code!(Fewer { "order.placed": [V1], "order.shipped": [SHIPPED] };
        tags [("order.placed", &["shop"]), ("order.shipped", &["customer"])], unique []);
    let found = lock.check::<Fewer>().expect_err("differs");
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    has(
        &texts.join("\n"),
        &[
            "`order.placed` is sealed with the tag `customer` and the code has it no more",
            "`order.placed` is sealed with the unique value `order.no` and the code has it no more",
            "lock: the tag `customer`\n  code: nothing",
            "help: stores refuse this event from a program that does not know it, once it is on. Put it back",
        ],
    );
    assert_eq!(found.len(), 2);
    // An event that is gone, or has another name, is one violation and not several.
    code!(Gone { "order.shipped": [SHIPPED] });
    let found = lock.check::<Gone>().expect_err("differs");
    assert!(
        matches!(found.as_slice(), [Violation::Removed { .. }]),
        "{found:?}"
    );
    code!(Renamed { "order.made": [V1], "order.shipped": [SHIPPED] });
    let found = lock.check::<Renamed>().expect_err("differs");
    assert!(
        matches!(found.as_slice(), [Violation::Renamed { .. }]),
        "{found:?}"
    );
}

#[test]
fn sealed_retirements_are_held_to() {
    code!(Retires { "order.placed": [V1] } "x" => Retirement::Dropped, "y" => Retirement::Alias("order.placed"));
    let mut lock = Lock::new();
    lock.update::<Retires>(Layout::ByName);
    lock.seal::<Retires>(Layout::ByName);
    assert_eq!(lock.check::<Retires>(), Ok(()));
    code!(Forgets { "order.placed": [V1], "y": [V1] } "x" => Retirement::Split);
    let found = lock.check::<Forgets>().expect_err("differs");
    assert!(matches!(
        found.as_slice(),
        [
            Violation::RetirementChanged {
                locked: LockEntry::Dropped,
                declared: Some(LockEntry::Split),
                ..
            },
            Violation::NameReused {
                locked: LockEntry::Alias(_),
                ..
            },
        ]
    ));
    has(
        &found[0].to_string(),
        &["lock: `drop(\"x\")`", "code: `split(\"x\")`"],
    );
    has(
        &found[1].to_string(),
        &["Give the new event another stored name"],
    );
}

#[test]
fn what_is_allowed_is_allowed() {
    let mut lock = sealed(Layout::ByName);
    code!(NewVersion { "order.shipped": [SHIPPED, V1], "order.placed": [V1, V2, V3, SHIPPED], "new": [V1] });
    assert_eq!(lock.check::<NewVersion>(), Ok(()));
    let before = lock.to_string();
    let changes = lock.update::<NewVersion>(Layout::ByName);
    assert_eq!(changes.len(), 3);
    assert!(
        changes
            .iter()
            .all(|change| matches!(change, LockChange::Added(_)))
    );
    for line in before.lines() {
        has(&lock.to_string(), &[line]);
    }
    code!(EditedOpen { "order.shipped": [SHIPPED, V2], "order.placed": [V1, V2, V3] });
    assert_eq!(lock.check::<EditedOpen>(), Ok(()));
    let changes = lock.update::<EditedOpen>(Layout::ByName);
    assert!(matches!(
        changes.as_slice(),
        [
            LockChange::Removed(_),
            LockChange::Removed(_),
            LockChange::Updated { .. }
        ]
    ));
    assert_eq!(lock.update::<EditedOpen>(Layout::ByName), []);
}

#[test]
fn an_aggregate_may_move_to_a_positional_codec() {
    let mut lock = sealed(Layout::ByName);
    assert_eq!(lock.update::<Base>(Layout::ByOrder), []);
    assert_eq!(lock.check::<Base>(), Ok(()));
    let changes = lock.seal::<Base>(Layout::ByOrder);
    assert_eq!(changes.len(), 4);
    assert_eq!(lock, sealed(Layout::ByOrder));
}

// The check of the compiler, called at run time.

code!(Compiled {
    "order.shipped": [SHIPPED],
    "order.placed": [
        structure!(customer: STR, total: F64),
        structure!(customer: STR, currency: STR, total: F64),
        V3,
    ]
} "order.blinked" => Retirement::Dropped, "OrderShipped" => Retirement::Alias("order.shipped"));

es_schema_lock::assert_schema_lock!(Order<Compiled>, "tests/lock/order.lock");

struct Order<E>(std::marker::PhantomData<fn() -> E>);

impl<E> Default for Order<E> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: EventSet> Aggregate for Order<E> {
    const NAME: &'static str = "order";
    type Id = String;
    type Event = E;
    type Error = std::fmt::Error;
    fn initial() -> Self {
        Self::default()
    }
    fn apply_event(&mut self, _: &E) {}
}

fn breach<S: SetShapes, const N: usize>(lock: &str) -> Option<String> {
    let order = compiled::order::<N>(S::EVENTS);
    let breach = compiled::first_breach(lock, S::EVENTS, &order, S::RETIRED)?;
    let mut bytes = vec![0; breach.message(&mut [])];
    breach.message(&mut bytes);
    Some(compiled::text(&bytes).to_owned())
}

#[test]
fn the_compiler_finds_what_the_test_finds() {
    let lock = include_str!("lock/order.lock");
    assert_eq!(breach::<Compiled, 2>(lock), None);
    assert_eq!(breach::<Compiled, 2>(&lock.replace('\n', "\r\n")), None);
    assert_eq!(
        breach::<Compiled, 2>(include_str!("lock/broken.lock")).as_deref(),
        Some(
            "the schema lock does not hold for event `order.placed` version 2\n  \
             lock: order.placed v2 sealed {currency:str,customer:str,total:f32} (line 7)\n  \
             code: {currency:str,customer:str,total:f64}\n  \
             help: take the change back, or raise `version` and describe the change on the field"
        )
    );
    let cases = [
        (
            "order.placed v2",
            "order.placed v1",
            "two branches used the same version",
        ),
        ("order.shipped v1", "order.a v1", "not sorted"),
        (
            "order.placed v1",
            "order.olaced v1",
            "event `order.olaced` version 1",
        ),
        ("order.placed v1", "order.placed v0", "not a line of a lock"),
        (
            "order.placed v3 open",
            "order.placed v4 sealed",
            "no longer has this version",
        ),
        (
            "order.placed v3 open",
            "=======",
            "unresolved merge conflict",
        ),
        (
            "order.blinked sealed drop",
            "order.blinked sealed split",
            "declare the retired name",
        ),
        (
            "OrderShipped v1 sealed {carrier",
            "OrderShipped v1 sealed {career",
            "version 1",
        ),
        ("ordered {carrier", "ordered {career", "code: {carrier:str}"),
        (
            "alias order.shipped",
            "alias order.placed",
            "declare the retired name",
        ),
    ];
    for (from, to, expected) in cases {
        let text = lock.replacen(from, to, 1);
        assert_ne!(text, lock);
        has(
            &breach::<Compiled, 2>(&text).unwrap_or_default(),
            &[expected],
        );
    }
}

#[test]
fn the_compiler_sorts_any_number_of_events() {
    code!(Seven {
        "g": [SHIPPED], "c": [SHIPPED], "a": [SHIPPED], "f": [SHIPPED], "b": [SHIPPED],
        "e": [SHIPPED], "d": [SHIPPED]
    });
    let mut lock = Lock::new();
    lock.update::<Seven>(Layout::ByName);
    lock.seal::<Seven>(Layout::ByName);
    assert_eq!(breach::<Seven, 7>(&lock.to_string()), None);
    assert_eq!(compiled::order::<7>(Seven::EVENTS), [2, 4, 1, 6, 5, 3, 0]);
    assert_eq!(compiled::order::<0>(&[]), [0; 0]);
}

// The check of a file, with events that decode.

/// An event of version 2, or 3 in some variants of the code, whose version 1 held dollars.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed<const CODE: u8> {
    customer: String,
    cents: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacedV1 {
    customer: String,
    total: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacedV2 {
    customer: String,
    cents: i64,
}

/// The right code.
const RIGHT: u8 = 0;
/// Another conversion of dollars.
const WRONG: u8 = 1;
/// A third version.
const THIRD: u8 = 2;
/// A third version and another conversion of dollars.
const THIRD_WRONG: u8 = 3;
/// A conversion that reads the clock.
const CLOCK: u8 = 4;
/// Customers must have a number.
const STRICT: u8 = 5;
/// The customer is a tag.
const TAGGED: u8 = 6;
/// The text of the tag is another one.
const UPPER: u8 = 7;
/// There is a second kind of tags.
const TWO_KINDS: u8 = 8;
/// The customer is a unique value.
const UNIQUE: u8 = 9;
/// In another form.
const UNIQUE_UPPER: u8 = 10;
/// There is a second rule, which the event releases.
const TWO_RULES: u8 = 11;

const fn in_three(code: u8) -> bool {
    matches!(code, THIRD | THIRD_WRONG)
}

/// A customer that made-up text does not pass for.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Numbered;

impl TryFrom<String> for Numbered {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.starts_with("C-").then_some(Self).ok_or("no number")
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only decoded")]
struct Strict {
    customer: Numbered,
}

impl<const CODE: u8> Event for Placed<CODE> {
    const NAME: &'static str = "order.placed";
    const VERSION: u16 = if in_three(CODE) { 3 } else { 2 };

    fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
        codec.encode(self)
    }

    fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError> {
        let codec = Codec::from_content_type(stored.content_type).expect("a known codec");
        let payload = |source| DecodeError::Payload {
            name: Self::NAME,
            version: stored.schema_version,
            source,
        };
        if CODE == STRICT {
            codec.decode::<Strict>(stored.bytes).map_err(payload)?;
        }
        let currency = in_three(CODE).then(|| "USD".to_owned());
        Ok(match stored.schema_version {
            1 => {
                let old: PlacedV1 = codec.decode(stored.bytes).map_err(payload)?;
                #[expect(clippy::cast_possible_truncation, reason = "small sums")]
                let cents = match CODE {
                    WRONG | THIRD_WRONG => old.total as i64,
                    CLOCK => {
                        std::thread::sleep(std::time::Duration::from_micros(2));
                        es_runtime::Timestamp::now().unix_micros()
                    }
                    _ => (old.total * 100.0) as i64,
                };
                Self {
                    customer: old.customer,
                    cents,
                    currency,
                }
            }
            2 => {
                let old: PlacedV2 = codec.decode(stored.bytes).map_err(payload)?;
                Self {
                    customer: old.customer,
                    cents: old.cents,
                    currency,
                }
            }
            _ => codec.decode(stored.bytes).map_err(payload)?,
        })
    }

    fn tags(&self) -> Vec<EventTag> {
        let customer = EventTag::new("customer");
        match CODE {
            TAGGED => vec![customer.with(&self.customer)],
            UPPER => vec![customer.with(self.customer.to_uppercase())],
            TWO_KINDS => vec![customer.with(&self.customer), EventTag::new("region")],
            _ => Vec::new(),
        }
    }

    fn unique(&self) -> Vec<UniqueChange> {
        let claim = |value: String| UniqueChange::claim("order.customer", value);
        match CODE {
            UNIQUE => vec![claim(self.customer.clone())],
            UNIQUE_UPPER => vec![claim(self.customer.to_uppercase())],
            TWO_RULES => vec![
                claim(self.customer.clone()),
                UniqueChange::release("order.place"),
            ],
            _ => Vec::new(),
        }
    }
}

impl<const CODE: u8> SetShapes for Placed<CODE> {
    const EVENTS: &'static [EventShape] = &[EventShape {
        name: "order.placed",
        shapes: if in_three(CODE) {
            &[
                structure!(customer: STR, total: F64),
                structure!(customer: STR, cents: <i64 as Shape>::SHAPE),
                structure!(customer: STR, cents: <i64 as Shape>::SHAPE, currency: <Option<String>>::SHAPE),
            ]
        } else {
            &[
                structure!(customer: STR, total: F64),
                structure!(customer: STR, cents: <i64 as Shape>::SHAPE),
            ]
        },
    }];
    const RETIRED: &'static [Retired] = &[];
}

/// An aggregate that stores postcard.
struct Compact<E>(std::marker::PhantomData<fn() -> E>);

impl<E> Default for Compact<E> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: EventSet> Aggregate for Compact<E> {
    const NAME: &'static str = "order";
    const CODEC: Codec = Codec::Postcard;
    type Id = String;
    type Event = E;
    type Error = std::fmt::Error;
    fn initial() -> Self {
        Self::default()
    }
    fn apply_event(&mut self, _: &E) {}
}

type Placing<const CODE: u8> = Order<Placed<CODE>>;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A project whose lock was sealed with the right code.
    fn sealed<A: Aggregate<Event: SetShapes>>() -> Self {
        let project = Self::new();
        project.run::<A>(LockMode::Seal).expect("seals");
        project
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("schema").join(name)
    }

    fn run<A: Aggregate<Event: SetShapes>>(
        &self,
        mode: LockMode,
    ) -> Result<Vec<String>, LockError> {
        let report = check_lock_in::<A>(self.path("order.lock"), mode)?;
        let name = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        Ok(report.written.iter().map(name).collect())
    }

    #[track_caller]
    fn fails<A: Aggregate<Event: SetShapes>>(&self, mode: LockMode, parts: &[&str]) -> LockError {
        let before = self.files();
        let error = self.run::<A>(mode).expect_err("must fail");
        assert_eq!(self.files(), before, "an error writes nothing");
        has(&error.to_string(), parts);
        error
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file")
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{text}");
        fs::write(self.path(name), text.replace(from, to)).expect("writes");
    }

    /// Every file with its text.
    fn files(&self) -> Vec<(String, String)> {
        fn walk(folder: &Path, files: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    let text = fs::read_to_string(&path).expect("a text");
                    files.push((path.display().to_string(), text));
                }
            }
        }
        let mut files = Vec::new();
        walk(self.folder.path(), &mut files);
        files.sort();
        files
    }
}

const LOCK: &str = "order.lock";
const GOLDEN_1: &str = "order.golden/order.placed.v1.json";
const GOLDEN_2: &str = "order.golden/order.placed.v2.json";

#[test]
fn a_lock_is_created_open_and_follows_the_code_until_it_is_sealed() {
    let project = Project::new();
    project.fails::<Placing<RIGHT>>(
        LockMode::Check,
        &["order.lock is missing", "ES_LOCK=update"],
    );
    assert_eq!(
        project
            .run::<Placing<RIGHT>>(LockMode::Update)
            .expect("creates"),
        [LOCK]
    );
    assert_eq!(
        project
            .run::<Placing<RIGHT>>(LockMode::Update)
            .expect("holds"),
        [""; 0]
    );
    has(
        &project.read(LOCK),
        &["order.placed v2 open {cents:i64,customer:str}\n"],
    );
    assert!(!project.path(GOLDEN_1).exists());
    project.fails::<Placing<THIRD>>(
        LockMode::Check,
        &[
            "out of date",
            "+ order.placed v3 open {cents:i64,currency:str?,customer:str}",
        ],
    );
    assert_eq!(
        project
            .run::<Placing<THIRD>>(LockMode::Update)
            .expect("updates"),
        [LOCK]
    );
    project
        .run::<Placing<RIGHT>>(LockMode::Update)
        .expect("an open line may go");
    assert_eq!(
        project
            .run::<Placing<RIGHT>>(LockMode::Seal)
            .expect("seals"),
        ["order.placed.v1.json", "order.placed.v2.json", LOCK]
    );
    has(
        &project.read(LOCK),
        &["order.placed v2 sealed {cents:i64,customer:str}\n"],
    );
    for mode in [LockMode::Check, LockMode::Update, LockMode::Seal] {
        assert_eq!(project.run::<Placing<RIGHT>>(mode).expect("holds"), [""; 0]);
    }
    assert!(
        project
            .files()
            .iter()
            .all(|(path, _)| !path.contains("tmp-"))
    );
}

#[test]
fn a_lock_that_git_turned_to_other_line_ends_or_left_unsorted_is_understood() {
    let project = Project::sealed::<Placing<RIGHT>>();
    project.edit(LOCK, "\n", "\r\n");
    assert_eq!(
        project
            .run::<Placing<RIGHT>>(LockMode::Check)
            .expect("holds"),
        [""; 0]
    );
    let text = project.read(LOCK);
    let (mut lines, last) = (text.lines().collect::<Vec<_>>(), text.lines().last());
    lines.insert(2, last.expect("a line"));
    lines.pop();
    fs::write(project.path(LOCK), lines.join("\n")).expect("writes");
    project.fails::<Placing<RIGHT>>(LockMode::Check, &["the lines are sorted"]);
    assert_eq!(
        project
            .run::<Placing<RIGHT>>(LockMode::Update)
            .expect("sorts"),
        [LOCK]
    );
    project.edit(LOCK, "order.placed v1", "<<<<<<< HEAD\norder.placed v1");
    project.fails::<Placing<RIGHT>>(
        LockMode::Update,
        &["is not a schema lock", "line 3: unresolved merge conflict"],
    );
}

#[test]
fn a_sealed_line_that_the_code_breaks_is_an_error_in_every_mode() {
    let project = Project::sealed::<Placing<RIGHT>>();
    project.edit(
        LOCK,
        "v1 sealed {customer:str,total:f64}",
        "v1 sealed {customer:str,total:f32}",
    );
    for mode in [LockMode::Check, LockMode::Update, LockMode::Seal] {
        project.fails::<Placing<RIGHT>>(mode, &["differs at: total:f32 -> total:f64"]);
    }
}

#[test]
fn a_golden_file_holds_a_sample_and_what_it_is_read_as() {
    let project = Project::sealed::<Placing<RIGHT>>();
    assert_eq!(
        project.read(GOLDEN_1),
        r#"{
  "event": "order.placed",
  "version": 1,
  "cases": [
    {
      "sample": {
        "customer": "text-11",
        "total": 12.25
      },
      "expected": [
        {
          "event": "order.placed",
          "version": 2,
          "payload": {
            "cents": 1225,
            "customer": "text-11"
          }
        }
      ]
    }
  ]
}
"#
    );
}

#[test]
fn a_changed_conversion_turns_the_golden_sample_red() {
    let project = Project::sealed::<Placing<RIGHT>>();
    for mode in [LockMode::Check, LockMode::Update, LockMode::Seal] {
        let error = project.fails::<Placing<WRONG>>(
            mode,
            &[
                "golden sample of `order.placed` version 1",
                r#"sample:   {"customer":"text-11","total":12.25}"#,
                r#"recorded: order.placed v2 {"cents":1225,"customer":"text-11"}"#,
                r#"now:      order.placed v2 {"cents":12,"customer":"text-11"}"#,
            ],
        );
        assert!(matches!(
            error,
            LockError::Golden { errors }
                if matches!(errors[0].problem, GoldenProblem::Changed { case: 1, .. })
        ));
    }
}

#[test]
fn a_changed_tag_turns_the_golden_sample_red() {
    let project = Project::sealed::<Placing<TAGGED>>();
    let recorded = project.read(GOLDEN_1);
    let customer = r#"
      "tags": {
        "customer": [
          "text-11"
        ]
      }
"#;
    has(&recorded, &[customer]);
    for mode in [LockMode::Check, LockMode::Update, LockMode::Seal] {
        let error = project.fails::<Placing<UPPER>>(
            mode,
            &[
                "case 1 has other tags of kind `customer` now",
                "recorded: text-11",
                "now:      TEXT-11",
            ],
        );
        assert!(matches!(
            error,
            LockError::Golden { errors }
                if matches!(errors[0].problem, GoldenProblem::OtherTags { case: 1, .. })
        ));
    }
    project.fails::<Placing<RIGHT>>(LockMode::Update, &["now:      it is gone"]);
    // A kind that is new is recorded, also without a value.
    project.fails::<Placing<TWO_KINDS>>(
        LockMode::Check,
        &["case 1 has no recorded tags of kind `region`"],
    );
    let written = project.run::<Placing<TWO_KINDS>>(LockMode::Update);
    assert_eq!(written.expect("records it").len(), 2);
    has(&project.read(GOLDEN_1), &[r#""region": []"#]);
    // Who wants other tags deletes the recorded ones.
    project.edit(GOLDEN_1, "\"text-11\"\n        ]", "\"TEXT-11\"\n        ]");
    project.fails::<Placing<TWO_KINDS>>(LockMode::Update, &["recorded: TEXT-11"]);
}

/// Values are taken in the form in which they were claimed: in another one they would be free.
#[test]
fn a_changed_form_turns_the_golden_sample_red() {
    let project = Project::sealed::<Placing<UNIQUE>>();
    let customer = r#"
      "unique": {
        "order.customer": [
          "text-11"
        ]
      }
"#;
    has(&project.read(GOLDEN_1), &[customer]);
    for mode in [LockMode::Check, LockMode::Update, LockMode::Seal] {
        let error = project.fails::<Placing<UNIQUE_UPPER>>(
            mode,
            &[
                "case 1 has another unique value by rule `order.customer` now",
                "recorded: text-11",
                "now:      TEXT-11",
                "put a rule of another name with the new form beside this one",
            ],
        );
        assert!(matches!(
            error,
            LockError::Golden { errors }
                if matches!(errors[0].problem, GoldenProblem::OtherUnique { case: 1, .. })
        ));
    }
    project.fails::<Placing<RIGHT>>(LockMode::Update, &["now:      it is gone"]);
    // A rule that is new is recorded.
    project.fails::<Placing<TWO_RULES>>(
        LockMode::Check,
        &["case 1 has no recorded unique value by rule `order.place`"],
    );
    let written = project.run::<Placing<TWO_RULES>>(LockMode::Update);
    assert_eq!(written.expect("records it").len(), 2);
    has(&project.read(GOLDEN_1), &[r#""order.place": []"#]);
}

#[test]
fn a_new_version_leaves_golden_samples_green_and_does_not_hide_a_changed_conversion() {
    let project = Project::sealed::<Placing<RIGHT>>();
    let before = project.read(GOLDEN_1);
    assert_eq!(
        project
            .run::<Placing<THIRD>>(LockMode::Update)
            .expect("holds"),
        [LOCK]
    );
    assert_eq!(project.read(GOLDEN_1), before);
    let parts = [
        r#"recorded: order.placed v3 {"cents":1225,"currency":"USD","customer":"text-11"}"#,
        r#"now:      order.placed v3 {"cents":12,"currency":"USD","customer":"text-11"}"#,
    ];
    project.fails::<Placing<THIRD_WRONG>>(LockMode::Update, &parts);
    project.fails::<Placing<THIRD_WRONG>>(LockMode::Seal, &parts);
    project
        .run::<Placing<THIRD>>(LockMode::Seal)
        .expect("seals");
    has(
        &project.read(GOLDEN_1),
        &["\"version\": 3", "\"currency\": \"USD\""],
    );
    project.fails::<Placing<THIRD_WRONG>>(LockMode::Check, &parts);
}

#[test]
fn a_sample_is_never_overwritten_and_a_missing_result_is_recorded() {
    let project = Project::sealed::<Placing<RIGHT>>();
    fs::write(
        project.path(GOLDEN_1),
        r#"{"event":"order.placed","version":1,"cases":[{"sample":{"customer":"Ann","total":3.5}}]}"#,
    )
    .expect("writes");
    project.fails::<Placing<RIGHT>>(LockMode::Check, &["case 1 has no `expected`"]);
    project
        .run::<Placing<RIGHT>>(LockMode::Update)
        .expect("records");
    has(
        &project.read(GOLDEN_1),
        &["\"Ann\"", "3.5", "\"cents\": 350"],
    );
    project
        .run::<Placing<RIGHT>>(LockMode::Seal)
        .expect("holds");
    has(&project.read(GOLDEN_1), &["\"Ann\"", "3.5"]);
    fs::remove_file(project.path(GOLDEN_2)).expect("removes");
    project.fails::<Placing<RIGHT>>(LockMode::Check, &["version 2", "the file is missing"]);
    project
        .run::<Placing<RIGHT>>(LockMode::Update)
        .expect("creates");
    assert!(project.path(GOLDEN_2).exists());
}

#[test]
fn a_type_that_refuses_made_up_text_is_reported_with_its_field() {
    let project = Project::new();
    let error = project.fails::<Placing<STRICT>>(
        LockMode::Seal,
        &[
            "golden sample of `order.placed` version 1",
            "order.golden/order.placed.v1.json",
            "at:   \"customer\": \"text-11\"",
            "write the file with a sample that decodes",
            "\"event\": \"order.placed\",\n  \"version\": 1,\n  \"cases\"",
        ],
    );
    assert!(matches!(error, LockError::Golden { errors } if errors.len() == 2));
    fs::create_dir_all(project.path("order.golden")).expect("a folder");
    for (file, version, rest) in [(GOLDEN_1, 1, "\"total\":1"), (GOLDEN_2, 2, "\"cents\":1")] {
        let text = format!(
            r#"{{"event":"order.placed","version":{version},"cases":[{{"sample":{{"customer":"C-1",{rest}}}}}]}}"#
        );
        fs::write(project.path(file), text).expect("writes");
    }
    project
        .run::<Placing<STRICT>>(LockMode::Seal)
        .expect("seals");
    has(&project.read(GOLDEN_1), &["\"cents\": 100"]);
}

#[test]
fn a_sample_that_is_now_refused_is_reported() {
    let project = Project::sealed::<Placing<RIGHT>>();
    let parts = [
        "case 1 can no longer be decoded",
        "at:   \"customer\": \"text-11\"",
        "take back the change that refuses it",
        "made up when the version was sealed",
        "write one that was into `sample`",
    ];
    project.fails::<Placing<STRICT>>(LockMode::Check, &parts);
    // What the help says, of all samples: a text that was stored, and the rest is recorded.
    for file in [GOLDEN_1, GOLDEN_2] {
        let mut golden: serde_json::Value =
            serde_json::from_str(&project.read(file)).expect("JSON");
        for case in golden["cases"].as_array_mut().expect("cases") {
            case["sample"]["customer"] = "C-1".into();
            case.as_object_mut()
                .expect("a case")
                .retain(|key, _| key == "sample");
        }
        fs::write(project.path(file), golden.to_string()).expect("writes");
    }
    project
        .run::<Placing<STRICT>>(LockMode::Update)
        .expect("records");
    has(&project.read(GOLDEN_1), &["C-1", "expected"]);
    project
        .run::<Placing<STRICT>>(LockMode::Check)
        .expect("holds");
}

#[test]
fn a_conversion_that_reads_the_clock_is_reported() {
    Project::new().fails::<Placing<CLOCK>>(LockMode::Seal, &["is decoded differently each time"]);
}

#[test]
fn golden_files_that_do_not_belong_are_reported() {
    let project = Project::sealed::<Placing<RIGHT>>();
    project.edit(LOCK, "order.placed v2 sealed", "order.placed v2 open");
    project.fails::<Placing<RIGHT>>(LockMode::Check, &["version 2", "a sealed line was lost"]);
    project.edit(LOCK, "order.placed v2 open", "order.placed v2 sealed");
    fs::copy(project.path(GOLDEN_1), project.path(GOLDEN_2)).expect("copies");
    project.fails::<Placing<RIGHT>>(
        LockMode::Check,
        &["says that it is of `order.placed` version 1"],
    );
    fs::write(project.path(GOLDEN_2), "{").expect("writes");
    project.fails::<Placing<RIGHT>>(LockMode::Check, &["the file cannot be read: EOF"]);
    fs::write(
        project.path(GOLDEN_2),
        r#"{"event":"order.placed","version":2,"skip":"no JSON"}"#,
    )
    .expect("writes");
    let report = check_lock_in::<Placing<RIGHT>>(project.path(LOCK), LockMode::Check);
    has(
        &report.expect("holds").left_out.join("\n"),
        &["order.placed v2: its file says `skip`"],
    );
}

#[test]
fn a_postcard_aggregate_keeps_the_bytes_of_its_events() {
    let project = Project::sealed::<Compact<Placed<RIGHT>>>();
    has(
        &project.read(LOCK),
        &["order.placed v2 sealed ordered {customer:str,cents:i64}"],
    );
    assert!(!project.read(GOLDEN_1).contains("postcard"));
    has(
        &project.read(GOLDEN_2),
        &["\"postcard\": \"07746578742d313118\""],
    );
    project
        .run::<Compact<Placed<THIRD>>>(LockMode::Seal)
        .expect("holds");
    has(
        &project.read(GOLDEN_2),
        &["\"postcard\": \"07746578742d313118\""],
    );
    project.edit(GOLDEN_2, "313118", "313218");
    project.fails::<Compact<Placed<THIRD>>>(LockMode::Check, &["is now read as something else"]);
}

#[test]
fn a_retired_event_keeps_its_golden_samples() {
    let project = Project::sealed::<Placing<RIGHT>>();
    project
        .run::<Order<Emptied>>(LockMode::Seal)
        .expect("an event may be dropped");
    has(&project.read(GOLDEN_1), &["\"expected\": []"]);
    has(
        &project.read(LOCK),
        &["order.placed sealed drop\norder.placed v1 sealed {"],
    );
    project
        .run::<Order<Emptied>>(LockMode::Check)
        .expect("holds");
}

/// A set that has dropped its only event.
#[derive(Debug)]
enum Emptied {}

impl EventSet for Emptied {
    const TYPES: &'static [EventType] = &[];
    fn event_type(&self) -> EventType {
        match *self {}
    }
    fn encode(&self, _: Codec) -> Result<Vec<u8>, CodecError> {
        match *self {}
    }
    fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
        match name {
            "order.placed" => Ok(Decoded::Many(Vec::new())),
            _ => Err(DecodeError::unknown_event(name, stored)),
        }
    }
}

impl SetShapes for Emptied {
    const EVENTS: &'static [EventShape] = &[];
    const RETIRED: &'static [Retired] = &[Retired {
        name: "order.placed",
        into: Retirement::Dropped,
    }];
}

mod pasted {
    use super::{Compiled, Order};

    es_schema_lock::schema_lock!(fn compiled_lock, Order<Compiled>, "tests/lock/unsealed.lock", check);
    es_schema_lock::schema_lock!(Order<Compiled>, "tests/lock/unsealed.lock");
}
