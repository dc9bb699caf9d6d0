//! What codecs accept, and what their errors say.

use es_runtime::Codec;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secretive {
    #[allow(dead_code)]
    amount: u64,
}

fn json_error(text: &str) -> String {
    Codec::Json
        .decode::<Secretive>(text.as_bytes())
        .map(|_| ())
        .map_err(|e| e.to_string())
        .expect_err("does not fit")
}

#[test]
fn errors_never_quote_a_value() {
    assert_eq!(
        json_error(r#"{"amount":"hunter2, expected x"}"#),
        "invalid type, expected u64 at line 1 column 31"
    );
    assert_eq!(
        json_error(r#"{"amount":-17}"#),
        "invalid value, expected u64 at line 1 column 13"
    );
    assert_eq!(
        json_error("{}"),
        "missing field `amount` at line 1 column 2"
    );
    assert_eq!(
        json_error(r#"{"hunter2":1}"#),
        "unknown field, expected `amount` at line 1 column 10"
    );
}

#[test]
fn bytes_after_the_value_are_refused() {
    let mut bytes = Codec::Postcard.encode(&7_u8).expect("encodes");
    bytes.push(0);
    assert_eq!(
        Codec::Postcard
            .decode::<u8>(&bytes)
            .map_err(|e| e.to_string()),
        Err("1 bytes are left over after the value".to_owned())
    );
    assert!(Codec::Json.decode::<u8>(b"7 8").is_err());
}

#[test]
fn json_that_is_no_text_is_refused_with_its_place() {
    assert_eq!(
        Codec::Json
            .decode::<String>(b"\"a\xff\"")
            .map_err(|e| e.to_string()),
        Err("JSON is UTF-8 text, and the byte at 2 is not".to_owned())
    );
}

#[test]
fn every_codec_is_found_by_its_content_type() {
    for codec in [Codec::Json, Codec::Postcard] {
        assert_eq!(Codec::from_content_type(codec.content_type()), Some(codec));
    }
    assert_eq!(Codec::from_content_type("text/plain"), None);
}
