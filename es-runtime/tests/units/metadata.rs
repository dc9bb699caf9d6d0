//! Metadata as JSON.

use es_runtime::Metadata;

#[test]
fn only_an_object_is_metadata() {
    let metadata = Metadata::new().with_user("alice").with("channel", "web");
    assert_eq!(Metadata::from_json(&metadata.to_json()), Ok(metadata));
    assert_eq!(Metadata::from_json(" {} "), Ok(Metadata::new()));
    for damaged in ["", "[]", " [null]", "null", "7", "{", "{\"causation\":7}"] {
        assert!(Metadata::from_json(damaged).is_err(), "{damaged:?}");
    }
}
