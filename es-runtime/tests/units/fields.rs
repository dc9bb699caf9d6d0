//! Enums of events are stored as the fields of their variant.

use es_runtime::{__private::Payload, Codec, CodecError, DecodeError, Decoded, StoredPayload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Inner {
    Unit,
    New(u8),
    Tuple(u8, String),
    Struct { a: Option<u8> },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all_fields = "camelCase", rename_all = "snake_case")]
enum Event {
    Opened {
        first_name: String,
        #[serde(with = "text")]
        limit: u64,
        #[serde(rename = "tags")]
        labels: BTreeMap<String, Vec<u8>>,
    },
    Closed,
    #[serde(rename = "x")]
    Empty {},
    Nested {
        list: Vec<Inner>,
    },
    Last {
        a: Option<u8>,
    },
}

#[derive(Serialize)]
struct Last {
    a: Option<u8>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
enum Strict {
    Only { a: u8 },
}

#[derive(Serialize, Deserialize)]
struct Plain {
    a: u8,
}

fn events() -> [Event; 5] {
    [
        Event::Opened {
            first_name: "Ada".to_owned(),
            limit: u64::MAX,
            labels: BTreeMap::from([("k".to_owned(), vec![1, 2])]),
        },
        Event::Closed,
        Event::Empty {},
        Event::Nested {
            list: vec![
                Inner::Unit,
                Inner::New(1),
                Inner::Tuple(2, String::new()),
                Inner::Struct { a: None },
            ],
        },
        Event::Last { a: Some(3) },
    ]
}

fn read<T: Payload>(codec: Codec, index: u32, bytes: &[u8]) -> Result<T, CodecError> {
    let stored = StoredPayload::new(1, codec.content_type(), bytes);
    match T::from_fields(index, "event", 1, stored) {
        Ok(Decoded::One(event)) => Ok(event),
        Err(DecodeError::Payload { source, .. }) => Err(source),
        Ok(Decoded::Many(_)) | Err(_) => panic!("one event, or a payload that does not fit"),
    }
}

fn problem(index: u32, json: &str) -> String {
    read::<Event>(Codec::Json, index, json.as_bytes())
        .map(|_| ())
        .map_err(|error| error.to_string())
        .expect_err("does not fit")
}

#[test]
fn every_kind_of_variant_comes_back() {
    for codec in [Codec::Json, Codec::Postcard] {
        for (index, event) in (0..).zip(events()) {
            let bytes = event.to_fields(codec).expect("encodes");
            assert_eq!(read(codec, index, &bytes), Ok(event));
        }
    }
}

#[test]
fn the_bytes_are_those_of_a_struct_with_the_same_fields() {
    let json: Vec<_> = events()
        .iter()
        .map(|event| event.to_fields(Codec::Json).expect("encodes"))
        .map(|bytes| String::from_utf8(bytes).expect("text"))
        .collect();
    assert_eq!(
        json,
        [
            r#"{"firstName":"Ada","limit":"18446744073709551615","tags":{"k":[1,2]}}"#,
            "{}",
            "{}",
            r#"{"list":["Unit",{"New":1},{"Tuple":[2,""]},{"Struct":{"a":null}}]}"#,
            r#"{"a":3}"#,
        ]
    );
    assert_eq!(
        (Event::Last { a: Some(3) }).to_fields(Codec::Postcard),
        Codec::Postcard.encode(&Last { a: Some(3) })
    );
    assert_eq!(Event::Closed.to_fields(Codec::Postcard), Ok(Vec::new()));
}

#[test]
fn what_does_not_fit_is_refused_without_quoting_it() {
    assert_eq!(
        problem(0, r#"{"firstName":"hunter2"}"#),
        "missing field `limit` at line 1 column 23"
    );
    assert_eq!(
        problem(0, r#"{"firstName":"a","limit":"hunter2","tags":{}}"#),
        "a value was refused by its type at line 1 column 34"
    );
    assert_eq!(
        problem(1, r#"{"hunter2":1}"#),
        "invalid length 1, expected a payload without fields at line 1 column 10"
    );
    assert_eq!(
        problem(1, r#""hunter2""#),
        "invalid type, expected a payload without fields at line 1 column 9"
    );
    assert_eq!(
        problem(9, "{}"),
        "invalid value, expected variant index 0 <= i < 5"
    );
    assert_eq!(
        read::<Strict>(Codec::Json, 0, br#"{"a":1,"hunter2":2}"#)
            .map_err(|error| error.to_string()),
        Err("unknown field, expected `a` at line 1 column 16".to_owned())
    );
    assert!(read::<Event>(Codec::Postcard, 1, &[0]).is_err());
    assert!(read::<Event>(Codec::Json, 1, b"{} {}").is_err());
}

#[test]
fn what_is_no_enum_of_named_fields_is_an_error() {
    for codec in [Codec::Json, Codec::Postcard] {
        assert!(Plain { a: 1 }.to_fields(codec).is_err());
        assert!(Inner::New(1).to_fields(codec).is_err());
        assert!(Inner::Tuple(1, String::new()).to_fields(codec).is_err());
        assert!(Some(1).to_fields(codec).is_err());
        assert!("text".to_owned().to_fields(codec).is_err());
        assert!(vec![1].to_fields(codec).is_err());
        assert!(read::<Plain>(codec, 0, b"{\"a\":1}").is_err());
        assert!(read::<Inner>(codec, 1, b"1").is_err());
        assert!(read::<Inner>(codec, 2, b"1").is_err());
        assert!(read::<String>(codec, 0, b"1").is_err());
    }
}
