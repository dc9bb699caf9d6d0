//! Events that were stored in older versions, read by today's program.

use es_runtime::{
    Aggregate, Append, Apply, Codec, DecodeError, Decoded, Event, EventSet, EventStore,
    ExpectedVersion, LoadError, MemoryStore, NewEvent, Repository, StoredPayload, StreamId,
};
use serde::{Deserialize, Serialize, Serializer};
use std::convert::Infallible;

/// The same events under the laws of the test kit.
#[path = "history_laws.rs"]
mod laws;

fn stored(version: u16, codec: Codec, bytes: &[u8]) -> StoredPayload<'_> {
    StoredPayload::new(version, codec.content_type(), bytes)
}

fn json<E: Event>(version: u16, text: &str) -> Result<E, DecodeError> {
    E::from_payload(stored(version, Codec::Json, text.as_bytes()))
}

fn postcard<E: Event>(version: u16, value: &impl Serialize) -> Result<E, DecodeError> {
    let bytes = Codec::Postcard.encode(value).expect("encodes");
    E::from_payload(stored(version, Codec::Postcard, &bytes))
}

/// What is said of a payload that does not fit its version.
fn refusal<E: Event>(version: u16, text: &str) -> String {
    match json::<E>(version, text).map(|_| ()) {
        Err(DecodeError::Payload { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[derive(es_runtime::Shape, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct CustomerId(u64);

#[derive(es_runtime::Shape, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Currency(String);

impl From<&str> for Currency {
    fn from(code: &str) -> Self {
        Self(code.to_owned())
    }
}

fn cents_from_dollars(dollars: f64) -> i64 {
    (dollars * 100.0).round() as i64
}

/// A customer placed an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed", version = 3)]
#[event(removed(coupon: Option<String>, in = 3))]
pub struct OrderPlaced {
    /// Who.
    customer: CustomerId,
    #[event(since = 2, default = "USD")]
    currency: Currency,
    #[event(was(name = "total", type = f64, with = cents_from_dollars, before = 3))]
    total_cents: i64,
}

fn placed(currency: &str) -> OrderPlaced {
    OrderPlaced {
        customer: CustomerId(7),
        currency: currency.into(),
        total_cents: 1_250,
    }
}

#[test]
fn every_version_becomes_the_newest() {
    for (version, text, currency) in [
        (1, r#"{"customer":7,"total":12.5,"coupon":"x"}"#, "USD"),
        (1, r#"{"total":12.5,"customer":7,"coupon":null}"#, "USD"),
        (1, r#"{"customer":7,"total":12.5}"#, "USD"),
        (
            2,
            r#"{"customer":7,"currency":"EUR","total":12.5,"coupon":null}"#,
            "EUR",
        ),
        (
            2,
            r#"{"customer":7,"curr\u0065ncy":"EUR","total":12.5}"#,
            "EUR",
        ),
        (
            3,
            r#"{"customer":7,"currency":"EUR","total_cents":1250}"#,
            "EUR",
        ),
    ] {
        assert_eq!(json(version, text), Ok(placed(currency)), "{text}");
    }
}

#[test]
fn codecs_without_names_read_the_fields_in_order() {
    let coupon = Some("x");
    assert_eq!(postcard(1, &(7_u64, 12.5_f64, coupon)), Ok(placed("USD")));
    assert_eq!(
        postcard(2, &(7_u64, "EUR", 12.5_f64, coupon)),
        Ok(placed("EUR"))
    );
    assert_eq!(postcard(3, &(7_u64, "EUR", 1_250_i64)), Ok(placed("EUR")));
}

#[test]
fn what_does_not_fit_is_refused() {
    for (text, refused) in [
        (
            r#"{"customer":7,"currency":"EUR","total_cents":1250}"#,
            "unknown field, expected one of `customer`, `currency`, `total`, `coupon`",
        ),
        (
            r#"{"customer":7,"currency":"EUR"}"#,
            "missing field `total`",
        ),
        (
            r#"{"customer":7,"total":1.5,"coupon":null}"#,
            "missing field `currency`",
        ),
        (
            r#"{"customer":7,"customer":7}"#,
            "duplicate field `customer`",
        ),
        (
            r#"{"customer":7,"coupon":"a","coupon":"b"}"#,
            "duplicate field `coupon`",
        ),
        (
            r#"{"customer":"seven"}"#,
            "field `customer`: invalid type, expected u64",
        ),
        (r#"{"customer":7"#, "expected `,`"),
        (r#"{"customer""#, "expected `:`"),
        (r#"{"customer"#, "expected the name of a field"),
        (
            r#"{"customer":"#,
            "field `customer`: the text ends too early",
        ),
        (r#"{,"customer":7}"#, "expected the name of a field"),
        (r#"{"customer":7,}"#, "expected the name of a field"),
        (
            r#"{"customer":7;"currency":"EUR"}"#,
            "field `customer`: trailing characters",
        ),
        (r#"{"customer":7"currency":"EUR"}"#, "expected `,`"),
        (
            r#"{"customer":7,"currency":"EUR","total":1.5}}"#,
            "there is text after the object",
        ),
        ("[7]", "expected a JSON object, for struct OrderPlacedV2"),
        (
            r#"[7,"EUR",1.5,null]"#,
            "expected a JSON object, for struct OrderPlacedV2",
        ),
        ("7", "expected a JSON object, for struct OrderPlacedV2"),
        ("null", "expected a JSON object, for struct OrderPlacedV2"),
        ("", "expected a JSON object, for struct OrderPlacedV2"),
        ("{}", "missing field `customer`"),
    ] {
        assert_eq!(refusal::<OrderPlaced>(2, text), refused, "{text}");
    }
    assert!(postcard::<OrderPlaced>(2, &7_u64).is_err());
    assert!(postcard::<OrderPlaced>(1, &(7_u64, 12.5_f64, Some("x"), 1_u8)).is_err());
}

/// The second version as serde's own derive reads it.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it is read counts")]
struct Derived {
    customer: CustomerId,
    currency: Currency,
    total: f64,
    coupon: Option<String>,
}

#[test]
fn what_is_accepted_is_what_the_derive_of_serde_accepts() {
    let text = r#" {"customer":7 ,"currency":"E\"R", "total":-1.5e1,"coupon":null} "#;
    let mut accepted = 0;
    let mut compare = |text: &str| {
        let derived = Codec::Json.decode::<Derived>(text.as_bytes());
        let read = json::<OrderPlaced>(2, text);
        assert_eq!(
            read.is_ok(),
            derived.is_ok(),
            "{text}: {read:?}, {derived:?}"
        );
        accepted += u32::from(read.is_ok());
    };
    compare(text);
    for (at, _) in text.char_indices() {
        let (before, after) = text.split_at(at);
        compare(before);
        compare(&format!("{before}{}", &after[1..]));
        for inserted in " \n\t\\\"{}[]:,0-.enux/\u{0}\u{e9}".chars() {
            compare(&format!("{before}{inserted}{after}"));
            compare(&format!("{before}{inserted}{}", &after[1..]));
        }
    }
    assert!(accepted > 100, "{accepted} texts were accepted");
}

#[test]
fn versions_outside_the_history_are_typed_errors() {
    assert_eq!(
        json::<OrderPlaced>(0, "{}"),
        Err(DecodeError::InvalidVersion {
            name: "order.placed"
        })
    );
    assert_eq!(
        json::<OrderPlaced>(4, "{}"),
        Err(DecodeError::NewerVersion {
            name: "order.placed",
            stored: 4,
            known: 3
        })
    );
    let strange = StoredPayload::new(1, "text/plain", b"{}");
    assert_eq!(
        OrderPlaced::from_payload(strange),
        Err(DecodeError::UnknownContentType {
            name: "order.placed",
            content_type: "text/plain".to_owned()
        })
    );
}

#[test]
fn the_older_versions_are_types_with_the_fields_of_their_time() {
    let old = OrderPlacedV1 {
        customer: CustomerId(7),
        total: 12.5,
        coupon: None,
    };
    assert_eq!(OrderPlaced::from(OrderPlacedV2::from(old)), placed("USD"));
}

mod decimal {
    use serde::{Deserialize, Deserializer, de::Error};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn as_text<S: Serializer>(value: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
    value.map(|value| value.to_string()).serialize(to)
}

fn doubled(old: u32) -> u64 {
    u64::from(old) * 2
}

/// Written as hexadecimal text.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{value:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(from)?, 16).map_err(D::Error::custom)
    }
}

/// What stood on a field of the past is said where the past is described.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("door.opened", version = 3, write = 2)]
#[event(removed(#[serde(with = "hex")] #[shape(unit = "code")] key: u32, in = 3, back = 7, first))]
#[event(removed(lock: u8, in = 2, after = key))]
#[event(removed(
    /// Which way it went.
    #[serde(rename = "dir")]
    direction: String,
    in = 2,
    first
))]
pub struct DoorOpened {
    #[event(was(
        name = "at",
        #[serde(with = "hex")]
        #[shape(unit = "s")]
        type = u32,
        with = millis,
        back = seconds,
        before = 3
    ))]
    #[shape(unit = "ms")]
    at_ms: u64,
}

fn millis(seconds: u32) -> u64 {
    u64::from(seconds) * 1_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called so")]
fn seconds(millis: &u64) -> u32 {
    u32::try_from(millis / 1_000).unwrap_or(u32::MAX)
}

#[test]
fn what_stood_on_a_field_of_the_past_counts_there() {
    let opened = DoorOpened { at_ms: 255_000 };
    for (version, text) in [
        (1, r#"{"dir":"in","key":"ff","lock":1,"at":"ff"}"#),
        (2, r#"{"key":"ff","at":"ff"}"#),
        (3, r#"{"at_ms":255000}"#),
    ] {
        assert_eq!(json(version, text), Ok(opened.clone()), "{text}");
    }
    // In the order in which they stood, for codecs without names.
    assert_eq!(postcard(1, &("in", "ff", 1_u8, "ff")), Ok(opened.clone()));
    assert_eq!(postcard(2, &("ff", "ff")), Ok(opened.clone()));
    let written = opened.to_payload(Codec::Json).expect("is written");
    assert_eq!(written, br#"{"key":"7","at":"ff"}"#);
    use es_runtime::schema::EventShapes;
    let shapes = DoorOpened::SHAPES
        .iter()
        .map(|shape| shape.render(es_runtime::schema::Layout::ByOrder));
    assert_eq!(
        shapes.collect::<Vec<_>>(),
        [
            r#"{dir:str,key:"with(hex)"@code,lock:u8,at:"with(hex)"@s}"#,
            r#"{key:"with(hex)"@code,at:"with(hex)"@s}"#,
            "{at_ms:u64@ms}",
        ]
    );
}

/// A type inside an event, with a value for what may be absent.
#[derive(es_runtime::Shape, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[shape(version = 2)]
struct Crate {
    #[shape(was(name = "width", before = 2))]
    width_mm: u32,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default = "one", with = "hex")]
    count: u32,
}

fn one() -> u32 {
    1
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("box.packed", version = 2)]
struct BoxPacked {
    #[event(was(type = CrateV1, before = 2))]
    packed: Crate,
}

#[test]
fn a_default_inside_an_event_holds_for_its_older_versions_too() {
    let packed = |tags: &[&str], count| {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Ok(BoxPacked {
            packed: Crate {
                width_mm: 5,
                tags,
                count,
            },
        })
    };
    for (version, text, expected) in [
        (1, r#"{"packed":{"width":5}}"#, packed(&[], 1)),
        (
            1,
            r#"{"packed":{"tags":["a"],"width":5,"count":"a"}}"#,
            packed(&["a"], 10),
        ),
        (2, r#"{"packed":{"width_mm":5}}"#, packed(&[], 1)),
    ] {
        assert_eq!(json(version, text), expected, "{text}");
    }
    assert_eq!(
        refusal::<BoxPacked>(1, r#"{"packed":{}}"#),
        "field `packed`: missing field `width`"
    );
    let twice = r#"{"packed":{"width":5,"tags":[],"tags":[]}}"#;
    assert!(refusal::<BoxPacked>(1, twice).contains("duplicate field"));
}

/// Names, functions and several changes of one field.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[event("stock.moved", version = 5)]
#[event(removed(pub warehouse_no: u8, in = 4, after = item_no))]
#[event(removed(short_lived: bool, since = 2, default = false, in = 3, name = "tmp"))]
pub struct StockMoved {
    item_no: u64,
    #[serde(rename = "$quantity")]
    #[event(was(type = u32, with = doubled, before = 5))]
    #[event(was(name = "count", type = u8, before = 2))]
    #[event(was(name = "qtyMoved", before = 3))]
    quantity: u64,
    #[serde(deserialize_with = "decimal::deserialize", serialize_with = "as_text")]
    #[event(was(name = "type", before = 4))]
    reference: Option<u64>,
    #[event(since = 4, default = Vec::with_capacity(2))]
    tags: Vec<String>,
    #[event(since = 3)]
    note: Option<String>,
}

#[test]
fn names_functions_and_several_changes_add_up() {
    let moved = StockMoved {
        item_no: 1,
        quantity: 6,
        reference: Some(9),
        tags: Vec::new(),
        note: None,
    };
    for (version, text) in [
        (1, r#"{"itemNo":1,"warehouseNo":2,"count":3,"type":"9"}"#),
        (
            2,
            r#"{"itemNo":1,"warehouseNo":2,"qtyMoved":3,"type":"9","tmp":true}"#,
        ),
        (
            3,
            r#"{"itemNo":1,"warehouseNo":2,"$quantity":3,"type":"9"}"#,
        ),
        (
            4,
            r#"{"itemNo":1,"$quantity":3,"reference":"9","tags":[],"note":null}"#,
        ),
        (5, r#"{"itemNo":1,"$quantity":6,"reference":"9","tags":[]}"#),
    ] {
        assert_eq!(json(version, text), Ok(moved.clone()), "{text}");
    }
    assert_eq!(
        postcard(1, &(1_u64, 2_u8, 3_u8, Some("9"))),
        Ok(moved.clone())
    );
    assert_eq!(
        postcard(2, &(1_u64, 2_u8, 3_u32, Some("9"), true)),
        Ok(moved)
    );
    // With a function of its own an absent `Option` is no `None`, as with serde.
    assert_eq!(
        refusal::<StockMoved>(1, r#"{"itemNo":1,"warehouseNo":2,"count":3}"#),
        "missing field `type`"
    );
    let second = StockMovedV2 {
        item_no: 1,
        warehouse_no: 2,
        qty_moved: 3,
        r#type: None,
        short_lived: false,
    };
    assert_eq!(StockMovedV3::from(second).quantity, 3);
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all_fields = "SCREAMING-KEBAB-CASE")]
enum AccountEvent {
    #[event("account.opened", version = 2)]
    Opened {
        owner: String,
        #[event(since = 2, default = 100)]
        over_draft: u32,
    },
    #[event("account.closed", version = 2, removed(why: String, in = 2))]
    Closed,
    #[serde(rename_all = "kebab-case")]
    #[event("account.moved", version = 3)]
    Moved {
        #[event(was(name = "place", before = 3), was(name = "city", before = 2))]
        new_place: String,
    },
}

#[test]
fn variants_have_a_history_too() {
    let decode = |name, version, text: &str| {
        AccountEvent::decode(name, stored(version, Codec::Json, text.as_bytes()))
    };
    for (version, text) in [
        (1, r#"{"OWNER":"Ada"}"#),
        (2, r#"{"OWNER":"Ada","OVER-DRAFT":100}"#),
    ] {
        assert_eq!(
            decode("account.opened", version, text),
            Ok(Decoded::One(AccountEvent::Opened {
                owner: "Ada".to_owned(),
                over_draft: 100
            }))
        );
    }
    assert_eq!(
        decode("account.closed", 1, r#"{"WHY":"bored"}"#),
        Ok(Decoded::One(AccountEvent::Closed))
    );
    assert_eq!(
        decode("account.closed", 2, "{}"),
        Ok(Decoded::One(AccountEvent::Closed))
    );
    for (version, text) in [
        (1, r#"{"city":"Turin"}"#),
        (2, r#"{"place":"Turin"}"#),
        (3, r#"{"new-place":"Turin"}"#),
    ] {
        assert_eq!(
            decode("account.moved", version, text),
            Ok(Decoded::One(AccountEvent::Moved {
                new_place: "Turin".to_owned()
            }))
        );
    }
    assert_eq!(
        decode("account.moved", 4, "{}"),
        Err(DecodeError::NewerVersion {
            name: "account.moved",
            stored: 4,
            known: 3
        })
    );
}

mod v1 {
    use super::{Deserialize, Event, Serialize};

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("user.named", version = 2)]
    pub struct Named {
        #[event(was(name = "n", before = 2))]
        pub name: String,
    }
}

/// The version before is a whole event; it may be refused.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("user.named", version = 3, previous = v1::Named)]
struct Named {
    first: String,
    last: String,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no space")]
struct NoSpace(String);

impl TryFrom<v1::Named> for Named {
    type Error = NoSpace;

    fn try_from(old: v1::Named) -> Result<Self, NoSpace> {
        let (first, last) = old.name.split_once(' ').ok_or(NoSpace(old.name.clone()))?;
        Ok(Self {
            first: first.to_owned(),
            last: last.to_owned(),
        })
    }
}

#[test]
fn the_previous_version_can_be_an_event_of_its_own() {
    let ada = Named {
        first: "Ada".to_owned(),
        last: "Lovelace".to_owned(),
    };
    for (version, text) in [
        (1, r#"{"n":"Ada Lovelace"}"#),
        (2, r#"{"name":"Ada Lovelace"}"#),
        (3, r#"{"first":"Ada","last":"Lovelace"}"#),
    ] {
        assert_eq!(json(version, text), Ok(ada.clone()));
    }
    let error = json::<Named>(1, r#"{"n":"Ada"}"#).expect_err("no space");
    assert_eq!(
        error.to_string(),
        "event `user.named`, stored in version 1, cannot be upcast from version 2 to 3: \
         `Ada` has no space"
    );
    let DecodeError::Upcast { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(source.downcast_ref::<NoSpace>().is_some());
    assert_eq!(error, error.clone());
    assert_ne!(json::<Named>(1, r#"{"n":"Ada"}"#), Err(error));
}

fn add(old: MeasuredV2) -> MeasuredV3 {
    assert!(old.b < 100, "too much");
    MeasuredV3 { sum: old.a + old.b }
}

fn positive(old: MeasuredV3) -> Result<MeasuredV4, std::num::TryFromIntError> {
    Ok(MeasuredV4 {
        sum: old.sum.try_into()?,
        extra: 1,
    })
}

fn fix(json: &mut serde_json::Map<String, serde_json::Value>) -> Result<(), NoSpace> {
    match json
        .remove("pair")
        .as_ref()
        .and_then(|pair| pair.as_array())
    {
        Some(pair) if pair.len() == 2 => {
            json.insert("a".to_owned(), pair[0].clone());
            json.insert("b".to_owned(), pair[1].clone());
            Ok(())
        }
        _ => Err(NoSpace("pair".to_owned())),
    }
}

fn rename(json: &mut serde_json::Map<String, serde_json::Value>) -> Result<(), NoSpace> {
    let sum = json.remove("sum").unwrap_or_default();
    let name = if sum == 7 { "totla" } else { "total" };
    json.insert(name.to_owned(), sum);
    json.remove("extra");
    json.entry("note").or_insert_with(|| "none".into());
    Ok(())
}

/// Every kind of upcaster, one after the other.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("measured", version = 5)]
#[event(upcast_json(1 => fix), upcast(2 => add), try_upcast(3 => positive), upcast_json(4 => rename))]
#[event(removed(a: i64, in = 3), removed(b: i64, in = 3))]
#[event(removed(extra: u8, since = 4, in = 5))]
struct Measured {
    #[event(since = 3)]
    #[event(was(name = "sum", before = 5), was(type = i64, before = 4))]
    total: u32,
    #[event(since = 5)]
    note: String,
}

#[test]
fn steps_written_by_hand_lead_on() {
    let measured = |total| {
        Ok(Measured {
            total,
            note: "none".to_owned(),
        })
    };
    for (version, text) in [
        (1, r#"{"pair":[2,3]}"#),
        (2, r#"{"a":2,"b":3}"#),
        (3, r#"{"sum":5}"#),
        (4, r#"{"sum":5,"extra":1}"#),
        (5, r#"{"total":5,"note":"none"}"#),
    ] {
        assert_eq!(json(version, text), measured(5), "{text}");
    }
    assert_eq!(postcard(5, &(5_u32, "none")), measured(5));
    assert_eq!(postcard(2, &(2_i64, 3_i64)), measured(5));
}

#[test]
fn a_step_that_fails_is_a_typed_error_with_its_cause() {
    let failure = |version, text| {
        json::<Measured>(version, text)
            .expect_err("fails")
            .to_string()
    };
    for (version, text, message) in [
        (
            1,
            r#"{"pair":[2]}"#,
            "event `measured`, stored in version 1, cannot be upcast from version 1 to 2: \
             `pair` has no space",
        ),
        (
            1,
            r#"{"pair":[2,3],"c":1}"#,
            "event `measured`, stored in version 1, cannot be upcast from version 1 to 2: \
             unknown field, expected `a` or `b`",
        ),
        (
            2,
            r#"{"a":-2,"b":1}"#,
            "event `measured`, stored in version 2, cannot be upcast from version 3 to 4: \
             out of range integral type conversion attempted",
        ),
        (
            4,
            r#"{"sum":7,"extra":1}"#,
            "event `measured`, stored in version 4, cannot be upcast from version 4 to 5: \
             missing field `total` at line 1 column 25",
        ),
        (
            4,
            r#"{"sum":5,"extra":1,"more":1}"#,
            "event `measured`, stored in version 4, cannot be upcast from version 4 to 5: \
             the function of `upcast_json` left a field that the next version does not have",
        ),
    ] {
        assert_eq!(failure(version, text), message);
    }
    let error = postcard::<Measured>(4, &(5_u32, 1_u8)).expect_err("not JSON");
    assert_eq!(
        error.to_string(),
        "event `measured`, stored in version 4, cannot be upcast from version 4 to 5: \
         `upcast_json` reads JSON only, and this payload is of another codec"
    );
}

fn split(old: PersonEventNamedV1) -> PersonEvent {
    PersonEvent::Named { full: old.name }
}

fn shorten(json: &mut serde_json::Map<String, serde_json::Value>) -> Result<(), std::fmt::Error> {
    let age = json.remove("years").ok_or(std::fmt::Error)?;
    json.insert("age".to_owned(), age);
    Ok(())
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
enum PersonEvent {
    #[event("person.named", version = 2, upcast(1 => split))]
    Named {
        #[event(was(name = "name", before = 2))]
        full: String,
    },
    #[event("person.aged", version = 2, upcast_json(1 => shorten))]
    Aged {
        #[event(was(name = "years", before = 2))]
        age: u8,
    },
    #[event("user.named", version = 3, previous = v1::Named)]
    Renamed { full: String },
}

impl From<v1::Named> for PersonEvent {
    fn from(old: v1::Named) -> Self {
        Self::Renamed { full: old.name }
    }
}

#[test]
fn variants_have_steps_too() {
    let decode =
        |name, text: &str| PersonEvent::decode(name, stored(1, Codec::Json, text.as_bytes()));
    let full = || "Ada".to_owned();
    assert_eq!(
        decode("person.named", r#"{"name":"Ada"}"#),
        Ok(Decoded::One(PersonEvent::Named { full: full() }))
    );
    assert_eq!(
        decode("person.aged", r#"{"years":7}"#),
        Ok(Decoded::One(PersonEvent::Aged { age: 7 }))
    );
    assert_eq!(
        decode("user.named", r#"{"n":"Ada"}"#),
        Ok(Decoded::One(PersonEvent::Renamed { full: full() }))
    );
    assert!(matches!(
        decode("person.aged", "{}"),
        Err(DecodeError::Upcast { .. })
    ));
    assert!(matches!(
        decode("person.aged", r#"{"years":7,"x":1}"#),
        Err(DecodeError::Upcast { .. })
    ));
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("meter", id = u32, error = Infallible, events(Measured))]
struct Meter {
    total: u32,
}

impl Apply<Measured> for Meter {
    fn apply(&mut self, event: &Measured) {
        self.total += event.total;
    }
}

#[tokio::test]
async fn a_panic_in_a_step_is_an_error_of_that_load() {
    let store = MemoryStore::new();
    let stream = StreamId::new("meter", "7").expect("an id");
    let append = Append::new(stream, ExpectedVersion::NoStream)
        .with_event(NewEvent::json("measured", 2, r#"{"a":2,"b":3}"#))
        .with_event(NewEvent::json("measured", 2, r#"{"a":2,"b":100}"#));
    store.append(append).await.expect("appended");
    let error = Repository::<Meter, _>::new(store)
        .load(&7)
        .await
        .expect_err("panics");
    assert!(
        matches!(error, LoadError::Panicked { version: 2, .. }),
        "{error}"
    );
}

#[allow(dead_code, reason = "only the shapes of these types count")]
mod shapes {
    use super::*;
    use es_runtime::{
        Shape,
        schema::{EventShapes, Layout, Node, SetShapes, each},
    };
    use std::collections::BTreeMap;

    fn text(node: &Node) -> String {
        node.render(Layout::ByName)
    }

    fn texts(nodes: &[Node]) -> Vec<String> {
        nodes.iter().map(text).collect()
    }

    #[derive(Shape)]
    struct Unit;

    #[derive(Shape)]
    struct Cents(u64);

    #[derive(Shape)]
    struct Pair(u8, #[shape(unit = "cents")] Cents);

    #[derive(Shape)]
    #[shape(unit = "grams")]
    struct Weight(u32);

    #[derive(Shape)]
    #[shape(as = "decimal")]
    struct Decimal {
        digits: Vec<u8>,
    }

    #[derive(Shape, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Transparent {
        #[serde(skip)]
        cache: (),
        inner: String,
    }

    #[derive(Shape, Serialize, Deserialize, Clone)]
    #[serde(into = "String", try_from = "String")]
    struct Code(u8, u8);

    impl From<Code> for String {
        fn from(_: Code) -> Self {
            Self::new()
        }
    }

    impl TryFrom<String> for Code {
        type Error = std::num::ParseIntError;

        fn try_from(text: String) -> Result<Self, Self::Error> {
            text.parse().map(|n| Self(n, n))
        }
    }

    #[derive(Shape, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<T> {
        item_no: T,
        #[serde(rename = "q")]
        quantity: Option<u32>,
        #[serde(skip)]
        cache: Vec<u8>,
        #[serde(deserialize_with = "decimal::deserialize", serialize_with = "as_text")]
        at: Option<u64>,
        #[serde(with = "raw")]
        #[shape(as = "str")]
        raw: (),
    }

    mod raw {
        pub(super) fn serialize<S: serde::Serializer>((): &(), to: S) -> Result<S::Ok, S::Error> {
            to.serialize_str("")
        }

        pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(_: D) -> Result<(), D::Error> {
            Ok(())
        }
    }

    #[derive(Shape)]
    struct Tree {
        left: Option<Box<Tree>>,
        children: Vec<Self>,
        named: BTreeMap<String, Tree>,
        other: Forest,
    }

    #[derive(Shape)]
    struct Forest {
        #[shape(recursive)]
        trees: Vec<Grove>,
    }

    #[derive(Shape)]
    struct Grove {
        forest: Box<Forest>,
    }

    macro_rules! kinds {
        ($($name:ident $tag:meta;)*) => {
            $(
                #[derive(Shape, Serialize, Deserialize)]
                #[$tag]
                #[serde(rename_all = "snake_case", rename_all_fields = "UPPERCASE")]
                enum $name {
                    PaidLate { days: u8 },
                    #[serde(rename = "x")]
                    Open,
                    #[serde(skip)]
                    Hidden,
                }
            )*
        };
    }

    kinds! {
        External serde();
        Internal serde(tag = "kind");
        Adjacent serde(tag = "t", content = "c");
        Untagged serde(untagged);
    }

    #[test]
    fn types_tell_their_shape() {
        for (node, expected) in [
            (Unit::SHAPE, "unit"),
            (Cents::SHAPE, "u64"),
            (Pair::SHAPE, "(u8,u64@cents)"),
            (Weight::SHAPE, "u32@grams"),
            (Decimal::SHAPE, "decimal"),
            (Transparent::SHAPE, "str"),
            (Code::SHAPE, "str"),
            (External::SHAPE, "<paid_late{DAYS:u8}|x>"),
            (Forest::SHAPE, "{trees:[^Grove]}"),
        ] {
            assert_eq!(text(&node), expected);
        }
        let line = text(&Line::<u8>::SHAPE);
        assert!(line.contains("itemNo:u8,q:u32?,raw:str"), "{line}");
        assert!(line.contains("as_text"), "{line}");
        let tree = text(&Tree::SHAPE);
        assert!(
            tree.starts_with("{children:[^Tree],left:^Tree?,named:{str=>^Tree},other:"),
            "{tree}"
        );
        for (node, tag) in [
            (Internal::SHAPE, "tag=kind"),
            (Adjacent::SHAPE, "tag=t,content=c"),
            (Untagged::SHAPE, "untagged"),
        ] {
            let Node::Unit(inner, found) = node else {
                panic!("{node:?}");
            };
            assert_eq!(found, tag);
            assert_eq!(text(inner), text(&External::SHAPE));
        }
    }

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.priced", version = 3, removed(coupon: Option<String>, in = 3))]
    #[serde(rename_all = "camelCase")]
    struct Priced {
        #[event(since = 2)]
        note: Option<String>,
        #[event(was(name = "total", type = f64, before = 2), was(name = "cents", before = 3))]
        #[shape(unit = "cents")]
        total_cents: Amount,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct Amount(i64);

    impl From<f64> for Amount {
        fn from(dollars: f64) -> Self {
            Self((dollars * 100.0) as i64)
        }
    }

    /// Without a shape of its own.
    #[derive(Serialize, Deserialize)]
    struct Opaque;

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.opaque")]
    struct WithOpaque {
        opaque: Opaque,
    }

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.named")]
    struct WithNamed {
        #[shape(as = "opaque")]
        opaque: Opaque,
    }

    #[derive(Aggregate, Default)]
    #[aggregate("pricing", id = u32, error = Infallible, events(ignore(Priced, Named)))]
    struct Pricing;

    #[derive(Aggregate, Default)]
    #[aggregate("opaque", id = u32, error = Infallible, events(ignore(Priced, WithOpaque)))]
    struct OpaqueToo;

    #[test]
    fn events_tell_the_shape_of_every_version() {
        assert_eq!(
            texts(Priced::SHAPES),
            [
                "{coupon:str?,total:f64}",
                "{cents:i64@cents,coupon:str?,note:str?}",
                "{note:str?,totalCents:i64@cents}",
            ]
        );
        assert_eq!(texts(WithNamed::SHAPES), ["{opaque:opaque}"]);
        assert_eq!(
            texts(Named::SHAPES),
            ["{n:str}", "{name:str}", "{first:str,last:str}"]
        );
    }

    #[test]
    fn sets_tell_the_shapes_of_their_events() {
        let set = |events: &[es_runtime::schema::EventShape]| -> Vec<(&str, Vec<String>)> {
            events
                .iter()
                .map(|event| (event.name, texts(event.shapes)))
                .collect()
        };
        let pricing = set(PricingEvent::EVENTS);
        assert_eq!(pricing.len(), 2);
        assert_eq!(pricing[0].0, "order.priced");
        assert_eq!(pricing[1], ("user.named", texts(Named::SHAPES)));
        assert_eq!(
            set(PersonEvent::EVENTS),
            [
                (
                    "person.named",
                    vec!["{name:str}".to_owned(), "{full:str}".to_owned()]
                ),
                (
                    "person.aged",
                    vec!["{years:u8}".to_owned(), "{age:u8}".to_owned()]
                ),
                (
                    "user.named",
                    vec![
                        "{n:str}".to_owned(),
                        "{name:str}".to_owned(),
                        "{full:str}".to_owned()
                    ]
                ),
            ]
        );
        assert!(PersonEvent::RETIRED.is_empty());
    }

    #[derive(Shape, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[shape(version = 3, removed(color: String, in = 2))]
    #[serde(rename_all = "camelCase")]
    pub struct Item {
        #[shape(was(name = "sku", before = 3))]
        item_sku: String,
        #[shape(since = 2, default = 1, unit = "pieces")]
        quantity: u32,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("basket.filled", version = 3)]
    struct Filled {
        #[event(was(type = Vec<ItemV1>, with = each, before = 2))]
        #[event(was(type = Vec<ItemV2>, with = each, before = 3))]
        items: Vec<Item>,
        #[event(was(type = ItemV1, before = 2), was(type = ItemV2, before = 3))]
        one: Item,
    }

    #[test]
    fn an_event_keeps_the_version_of_a_type_inside_it() {
        let item = |sku: &str, quantity| Item {
            item_sku: sku.to_owned(),
            quantity,
        };
        let filled = |quantity| {
            Ok(Filled {
                items: vec![item("a", quantity)],
                one: item("b", quantity),
            })
        };
        for (version, text, quantity) in [
            (
                1,
                r#"{"items":[{"color":"red","sku":"a"}],"one":{"sku":"b","color":""}}"#,
                1,
            ),
            (
                2,
                r#"{"items":[{"sku":"a","quantity":5}],"one":{"sku":"b","quantity":5}}"#,
                5,
            ),
            (
                3,
                r#"{"items":[{"itemSku":"a","quantity":5}],"one":{"itemSku":"b","quantity":5}}"#,
                5,
            ),
        ] {
            assert_eq!(json(version, text), filled(quantity), "{text}");
        }
        assert_eq!(
            refusal::<Filled>(1, r#"{"items":[{"sku":"a","x":1}]}"#),
            "field `items`: unknown field, expected `sku` or `color`"
        );
        let old = ItemV1 {
            sku: "a".to_owned(),
            color: String::new(),
        };
        assert_eq!(Item::from(old), item("a", 1));
        assert_eq!(
            texts(Filled::SHAPES),
            [
                "{items:[{color:str,sku:str}],one:{color:str,sku:str}}",
                "{items:[{quantity:u32@pieces,sku:str}],one:{quantity:u32@pieces,sku:str}}",
                "{items:[{itemSku:str,quantity:u32@pieces}],one:{itemSku:str,quantity:u32@pieces}}",
            ]
        );
    }
}

mod retired {
    use super::*;
    use es_runtime::{
        EventFilter, Events, Handle,
        schema::{Retirement, SetShapes},
    };

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("parcel.sent", version = 2)]
    struct Sent {
        #[event(was(name = "no", before = 2))]
        tracking: String,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("parcel.paid")]
    struct Paid {
        cents: u64,
    }

    mod legacy {
        use super::*;

        #[derive(Event, Serialize, Deserialize)]
        #[event("parcel.sent_and_paid", version = 2)]
        pub(super) struct SentAndPaid {
            pub(super) no: String,
            #[event(since = 2, default = 5)]
            pub(super) cents: u64,
        }
    }

    fn split_paid(old: legacy::SentAndPaid) -> [ParcelEvent; 2] {
        let legacy::SentAndPaid { no, cents } = old;
        [Sent { tracking: no }.into(), Paid { cents }.into()]
    }

    #[derive(Aggregate, Default, Debug)]
    #[aggregate("parcel", id = u32, error = Infallible, events(Sent, Paid))]
    #[aggregate(drop("parcel.blinked", "parcel.shook"), alias("ParcelSent" => Sent))]
    #[aggregate(split(legacy::SentAndPaid, with = split_paid))]
    struct Parcel {
        sent: u32,
        cents: u64,
    }

    impl Apply<Sent> for Parcel {
        fn apply(&mut self, _: &Sent) {
            self.sent += 1;
        }
    }

    impl Apply<Paid> for Parcel {
        fn apply(&mut self, event: &Paid) {
            self.cents += event.cents;
        }
    }

    #[derive(Clone)]
    struct Pay;

    impl Handle<Pay> for Parcel {
        fn handle(&self, _: Pay) -> Result<Events<Self>, Infallible> {
            Ok(Paid { cents: 1 }.into())
        }
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(drop("cell.blinked"), alias("CellBorn" => Born))]
    #[event(split(legacy::SentAndPaid, with = two))]
    enum CellEvent {
        #[event("cell.born", version = 2, removed(at: u64, in = 2))]
        Born,
    }

    fn two(_: legacy::SentAndPaid) -> Vec<CellEvent> {
        vec![CellEvent::Born, CellEvent::Born]
    }

    fn decode<S: EventSet>(
        name: &str,
        version: u16,
        text: &str,
    ) -> Result<Decoded<S>, DecodeError> {
        S::decode(name, stored(version, Codec::Json, text.as_bytes()))
    }

    #[test]
    fn retired_names_are_read_as_what_became_of_them() {
        let sent = || Sent {
            tracking: "1Z".to_owned(),
        };
        assert_eq!(
            decode::<ParcelEvent>("parcel.blinked", 9, "no json"),
            Ok(Decoded::Many(Vec::new()))
        );
        for (version, text) in [(1, r#"{"no":"1Z"}"#), (2, r#"{"tracking":"1Z"}"#)] {
            assert_eq!(
                decode::<ParcelEvent>("ParcelSent", version, text),
                Ok(Decoded::One(ParcelEvent::Sent(sent())))
            );
        }
        assert_eq!(
            decode::<ParcelEvent>("parcel.sent_and_paid", 1, r#"{"no":"1Z"}"#),
            Ok(Decoded::Many(vec![
                ParcelEvent::Sent(sent()),
                ParcelEvent::Paid(Paid { cents: 5 })
            ]))
        );
        assert!(decode::<ParcelEvent>("parcel.sent_and_paid", 3, "{}").is_err());
        assert!(decode::<ParcelEvent>("parcel.lost", 1, "{}").is_err());
        assert_eq!(
            decode::<CellEvent>("cell.blinked", 1, ""),
            Ok(Decoded::Many(Vec::new()))
        );
        assert_eq!(
            decode::<CellEvent>("CellBorn", 1, r#"{"at":1}"#),
            Ok(Decoded::One(CellEvent::Born))
        );
        assert_eq!(
            decode::<CellEvent>("parcel.sent_and_paid", 2, r#"{"no":"","cents":1}"#),
            Ok(Decoded::Many(vec![CellEvent::Born, CellEvent::Born]))
        );
    }

    /// A page of stored events that all read as none is not the end of the history.
    #[tokio::test]
    async fn a_history_goes_on_behind_events_that_were_dropped() {
        let store = es_runtime::MemoryStore::new();
        let blinked = (0..3).map(|_| NewEvent::json("parcel.blinked", 1, "{}"));
        let sent = NewEvent::json("parcel.sent", 2, r#"{"tracking":"1Z"}"#);
        let stream = es_runtime::StreamId::of::<Parcel>(7).expect("an id");
        let append = es_runtime::Append::new(stream, es_runtime::ExpectedVersion::NoStream);
        store
            .append(append.with_events(blinked).with_event(sent))
            .await
            .expect("stored");
        let parcels: Repository<Parcel, _> = Repository::new(store);
        let page = parcels
            .history(7, 0, es_runtime::ReadLimit::events(1))
            .await;
        let page = page.expect("read");
        assert_eq!((page.len(), page[0].version), (1, 4));
        let end = parcels
            .history(7, 4, es_runtime::ReadLimit::events(1))
            .await;
        assert!(end.expect("read").is_empty());
    }

    #[test]
    fn readers_ask_for_retired_names_and_the_lock_knows_them() {
        let filter = EventFilter::of::<ParcelEvent>();
        for name in [
            "parcel.sent",
            "parcel.blinked",
            "ParcelSent",
            "parcel.sent_and_paid",
        ] {
            assert!(filter.accepts_name(name), "{name}");
        }
        assert!(!filter.accepts_name("parcel.lost"));
        let retired: Vec<_> = <ParcelEvent as SetShapes>::RETIRED
            .iter()
            .map(|retired| (retired.name, retired.into))
            .collect();
        assert_eq!(
            retired,
            [
                ("parcel.blinked", Retirement::Dropped),
                ("parcel.shook", Retirement::Dropped),
                ("ParcelSent", Retirement::Alias("parcel.sent")),
                ("parcel.sent_and_paid", Retirement::Split),
            ]
        );
    }

    #[tokio::test]
    async fn the_next_append_expects_the_stored_version() {
        for (last, sent, cents) in [
            (NewEvent::json("parcel.blinked", 1, "?"), 1, 0),
            (
                NewEvent::json("parcel.sent_and_paid", 1, r#"{"no":"1Z"}"#),
                2,
                5,
            ),
        ] {
            let store = MemoryStore::new();
            let stream = StreamId::new("parcel", "7").expect("an id");
            let append = Append::new(stream, ExpectedVersion::NoStream)
                .with_event(NewEvent::json("ParcelSent", 1, r#"{"no":"1Z"}"#))
                .with_event(last);
            store.append(append).await.expect("appended");
            let parcels = Repository::<Parcel, _>::new(store);
            let loaded = parcels.load(&7).await.expect("loads");
            assert_eq!(loaded.version, 2);
            assert_eq!((loaded.state.sent, loaded.state.cents), (sent, cents));
            let done = parcels.execute(7, Pay).await.expect("executes");
            assert_eq!(done.version, 3);
        }
    }
}

/// The first version had `seat` and `seat-no`; both were dropped, and what was the row is called `seat` today.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("seat.sold", version = 4)]
#[event(removed(seat: u32, in = 4), removed(#[serde(rename = "seat-no")] seat_no: u32, in = 4))]
struct SeatSold {
    #[event(was(name = "seatNo", before = 4))]
    seat: String,
    #[event(since = 2, default = 1)]
    places: u32,
    #[event(since = 3, default = 0)]
    price: u32,
}

#[test]
fn a_removed_field_may_have_had_the_name_that_a_field_has_today() {
    let first = br#"{"seat":7,"seat-no":8,"seatNo":"B"}"#;
    let sold = SeatSold::from_payload(stored(1, Codec::Json, first)).expect("reads");
    let today = SeatSold {
        seat: "B".to_owned(),
        places: 1,
        price: 0,
    };
    assert_eq!(sold, today);
}
