//! Checks that errors and debug output, which end up in logs, show no stored data.

use super::{AnyFixture, all_of, append_id, stream};
use es_runtime::{
    Append, EventStore, ExpectedVersion, Fingerprint, NewEvent, Position, Snapshot, SnapshotStore,
};

const CANARY: &str = "canary-7f3a9c51";

/// No error and no debug output shows payloads, user names or states.
pub async fn errors_and_debug_forms_quote_no_payload(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("safe");
    let event = || NewEvent::json("test.secret", 1, format!(r#"{{"card":"{CANARY}"}}"#));
    let first = event();
    let with = |event: NewEvent, expected| {
        Append::new(order.clone(), expected)
            .with_event(event)
            .with_append_id(append_id("request"))
    };
    let append = with(first.clone(), ExpectedVersion::NoStream);
    let mut said = vec![format!("{append:?}")];
    let done = store.append(append).await.expect("appended");
    said.push(format!("{done:?}"));

    let other = NewEvent::json("test.secret", 1, format!(r#"["{CANARY}"]"#));
    let mut too_large = event();
    too_large.payload = CANARY
        .as_bytes()
        .repeat(fixture.limits().payload_bytes / CANARY.len() + 1);
    let plain = |event: NewEvent, expected| Append::new(order.clone(), expected).with_event(event);
    let twice = plain(first.clone(), ExpectedVersion::Any).with_event(first);
    let refusals = [
        with(other, ExpectedVersion::Any),
        plain(event(), ExpectedVersion::NoStream),
        twice,
        plain(too_large, ExpectedVersion::Any),
    ];
    for append in refusals {
        let error = store.append(append).await.expect_err("it is refused");
        said.push(format!("{error} {error:?}"));
    }
    let events = all_of(&store, &order).await;
    assert_eq!(events.len(), 1);
    said.push(format!("{events:?}"));

    let snapshot = Snapshot::new(
        order.clone(),
        1,
        done.position,
        Fingerprint::from_u64(1),
        "application/json".to_owned(),
        format!(r#""{CANARY}""#).into_bytes(),
    );
    store.save_snapshot(snapshot).await.expect("saved");
    let snapshot = store.load_snapshot(&order).await.expect("loads");
    said.push(format!("{snapshot:?}"));

    if fixture.damage(&store, &order, 1).await {
        let limit = es_runtime::ReadLimit::default();
        let range = es_runtime::StreamRange::forward(0);
        let error = store.read_stream(&order, range, limit).await;
        let error = error.expect_err("it is damaged");
        said.push(format!("{error} {error:?}"));
        let all = es_runtime::EventFilter::all();
        let error = store.read_feed(Position::START, &all, limit).await;
        let error = error.expect_err("it is damaged");
        said.push(format!("{error} {error:?}"));
    }
    for text in said {
        assert!(!text.contains(CANARY), "a payload is quoted: {text}");
        // As bytes in a list, as derived debug forms have them.
        assert!(
            !text.contains("99, 97, 110, 97, 114, 121"),
            "a payload is quoted: {text}"
        );
    }
}
