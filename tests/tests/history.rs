//! Events that were stored in older versions, read by today's program.

use es_runtime::{Codec, DecodeError, Decoded, Event, EventSet, StoredPayload};
use serde::{Deserialize, Serialize, Serializer};

fn stored(version: u16, codec: Codec, bytes: &[u8]) -> StoredPayload<'_> {
    StoredPayload {
        schema_version: version,
        content_type: codec.content_type(),
        bytes,
    }
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

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct CustomerId(u64);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
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
    assert_eq!(json(1, "[7,12.5,null]"), Ok(placed("USD")));
}

/// The second version as serde's own derive reads it, to compare what is said.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename = "OrderPlacedV2")]
#[expect(dead_code, reason = "it is never read successfully")]
struct Derived {
    customer: CustomerId,
    currency: Currency,
    total: f64,
    coupon: Option<String>,
}

#[test]
fn what_does_not_fit_is_refused_in_the_words_of_serde() {
    for text in [
        r#"{"customer":7,"currency":"EUR","total_cents":1250}"#,
        r#"{"customer":7,"currency":"EUR"}"#,
        r#"{"customer":7,"total":1.5,"coupon":null}"#,
        r#"{"customer":7,"customer":7}"#,
        r#"{"customer":7,"coupon":"a","coupon":"b"}"#,
        r#"{"customer":"seven"}"#,
        r#"{"customer":7"#,
        "[7]",
        r#"[7,"EUR",1.5]"#,
        r#"[7,"EUR",1.5,null,1]"#,
        "7",
        "null",
        "",
        "{}",
    ] {
        let derived = Codec::Json
            .decode::<Derived>(text.as_bytes())
            .expect_err("does not fit");
        let derived = derived.to_string().replace("Derived", "OrderPlacedV2");
        assert_eq!(refusal::<OrderPlaced>(2, text), derived, "{text}");
    }
    assert!(postcard::<OrderPlaced>(2, &7_u64).is_err());
    assert!(postcard::<OrderPlaced>(1, &(7_u64, 12.5_f64, Some("x"), 1_u8)).is_err());
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
    let strange = StoredPayload {
        schema_version: 1,
        content_type: "text/plain",
        bytes: b"{}",
    };
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
        "missing field `type` at line 1 column 38"
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
