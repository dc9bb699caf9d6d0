//! Checks of fidelity: reads return exactly what was written, and limits are exact.

use super::{
    AnyFixture, Seen, again, all_of, append_id, folded, numbered, stream, version_of, whole_feed,
    write,
};
use es_runtime::{
    Append, AppendError, EventId, EventStore, ExpectedVersion, InvalidAppend, Metadata, NewEvent,
    Outcome, Position, StreamId,
};
use serde_json::json;
use std::collections::HashSet;

/// Appends the events to one stream and expects them back from every kind of read, also after the store was
/// reopened.
async fn come_back(fixture: AnyFixture, events: Vec<NewEvent>) {
    let store = fixture.open().await;
    let order = stream("fidelity");
    let append = Append::new(order.clone(), ExpectedVersion::NoStream).with_events(events.clone());
    store.append(append).await.expect("appended");
    let store = again(&fixture, store).await;
    let stored = all_of(&store, &order).await;
    assert_eq!(stored.len(), events.len());
    assert_eq!(whole_feed(&store).await, stored);
    let fold = folded(&store, &order, 0).await;
    assert_eq!(fold, stored.iter().map(Seen::from).collect::<Vec<_>>());
    for (index, (old, new)) in stored.iter().zip(&events).enumerate() {
        assert_eq!(old.payload, new.payload, "payload {index}");
        assert_eq!(*old.name, *new.name);
        assert_eq!(*old.content_type, *new.content_type);
        assert_eq!(old.schema_version, new.schema_version);
        assert_eq!(old.event_id, new.id);
    }
}

/// Payloads may be any bytes with any content type: empty, every byte, invalid UTF-8, NUL, spaces, a megabyte.
pub async fn payloads_come_back_byte_for_byte(fixture: AnyFixture) {
    let large = fixture.limits().payload_bytes.min(1024 * 1024);
    let mut payloads: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        b" ".to_vec(),
        (0..=255).collect(),
        vec![0xff, 0xfe, 0xfd],
        vec![0xc3],
        b"null".to_vec(),
        b"12345678901234567890".to_vec(),
        b"0x10".to_vec(),
        b"1e5".to_vec(),
        br#"{"a":1,"a":2,  "b" : [1,2 ] }"#.to_vec(),
        br#"{"nul":"\u0000","lone":"\ud800"}"#.to_vec(),
        b"{\"raw\":\"\0\"}".to_vec(),
        "{\"text\":\"e\u{301} \u{e9} \u{202e}rtl \u{1f980} \u{10ffff}\"}".into(),
        b"\r\n\t\n".to_vec(),
        b"'; DROP TABLE events; --".to_vec(),
    ];
    payloads.push(vec![b'x'; large]);
    payloads.push((0..=250).cycle().take(large).collect());
    let types = [
        "application/json",
        "application/x-postcard",
        "application/problem+json",
        "text/plain; charset=utf-8",
        "",
    ];
    for payload in &payloads {
        assert!(payload.len() <= large);
    }
    // In appends of their own, so that the bound on one append does not matter.
    let store = fixture.open().await;
    let order = stream("payloads");
    let mut events = Vec::new();
    for kind in types {
        for payload in &payloads {
            let event = NewEvent::new("test.bytes", 1, kind, payload.clone());
            let append = Append::new(order.clone(), ExpectedVersion::Any).with_event(event.clone());
            store.append(append).await.expect("appended");
            events.push(event);
        }
    }
    let store = again(&fixture, store).await;
    let stored = all_of(&store, &order).await;
    let fold = folded(&store, &order, 0).await;
    assert_eq!(stored.len(), events.len());
    assert_eq!(fold.len(), events.len());
    for (index, event) in events.iter().enumerate() {
        let context = (event.content_type.as_ref(), index % payloads.len());
        assert!(stored[index].payload == event.payload, "{context:?}");
        assert!(fold[index].bytes == event.payload, "{context:?}");
        assert_eq!(*stored[index].content_type, *event.content_type);
    }
}

/// Numbers at the ends of their ranges come back, in payloads and in schema versions.
pub async fn numbers_at_their_ends_come_back(fixture: AnyFixture) {
    let numbers = [
        "0",
        "-0",
        "-0.0",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "170141183460469231731687303715884105727",
        "1.7976931348623157e308",
        "5e-324",
        "0.1",
        "1E400",
        "9007199254740993",
    ];
    let mut events: Vec<NewEvent> = numbers
        .into_iter()
        .flat_map(|number| {
            [
                NewEvent::json("test.number", 1, number),
                NewEvent::json("test.number", 1, format!("{{\"number\":{number}}}")),
            ]
        })
        .collect();
    for version in [1, 2, 255, 256, 32_767, 32_768, u16::MAX] {
        events.push(NewEvent::json("test.versions", version, "1"));
    }
    come_back(fixture, events).await;
}

/// Deeply nested payloads come back as any other bytes, also beyond the depth that parsers accept.
pub async fn nesting_comes_back(fixture: AnyFixture) {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
    let events = [1, 126, 127, 128, 129, 1_000, 10_000]
        .into_iter()
        .flat_map(|depth| [nested(depth), objects(depth)])
        .map(|payload| NewEvent::json("test.nested", 1, payload))
        .collect();
    come_back(fixture, events).await;
}

/// Similar ids are different streams: case, spaces, composed and decomposed letters.
pub async fn similar_ids_stay_apart(fixture: AnyFixture) {
    let ids = [
        "cafe\u{301}",
        "caf\u{e9}",
        "CAF\u{c9}",
        "cafe",
        "Cafe",
        "cafe ",
        " cafe",
        "caf\u{435}",
        "\u{212a}",
        "k",
        "K",
        "\u{df}",
        "ss",
        "0",
        "00",
        "0.0",
        "-0",
        "1e0",
        "\u{200b}k",
        "\u{5e9}\u{5dc}",
        "\u{1f980}",
        "\u{1f980}\u{fe0f}",
        "\u{10ffff}",
    ];
    let store = fixture.open().await;
    for (number, id) in ids.into_iter().enumerate() {
        let done = write(
            &store,
            &stream(id),
            ExpectedVersion::NoStream,
            [number as u64],
        )
        .await;
        assert_eq!(done.version, 1, "{id:?}");
    }
    let store = again(&fixture, store).await;
    for (number, id) in ids.into_iter().enumerate() {
        let events = all_of(&store, &stream(id)).await;
        assert_eq!(events.len(), 1, "{id:?}");
        assert_eq!(events[0].payload, numbered(number as u64).payload);
        assert_eq!(events[0].stream, stream(id));
    }
    for id in ["a\0b", "\0", "a\nb", "\u{7f}"] {
        assert!(StreamId::new("conformance", id).is_err(), "{id:?}");
    }
}

/// Hostile texts are stored unchanged: in ids, names, append ids and content types.
pub async fn hostile_texts_come_back(fixture: AnyFixture) {
    let long = "x".repeat(es_runtime::MAX_STREAM_ID_BYTES);
    let texts = [
        "'; DROP TABLE events; --",
        "\" OR 1=1 --",
        "%",
        "_",
        "*",
        ">",
        ".",
        "..",
        "a.b",
        "a>",
        "$all",
        "$1",
        "?1",
        ":a",
        "@x",
        "{}",
        "null",
        "/",
        "a/b",
        "\\",
        "\\x00",
        " ",
        "%00",
        "${HOME}",
        "--",
        "`x`",
        "[x]",
        long.as_str(),
    ];
    let store = fixture.open().await;
    for text in texts {
        for (aggregate, id) in [("conformance", text), (text, "id"), (text, text)] {
            let order = StreamId::new(aggregate, id).expect("usable");
            let event = NewEvent::new(text.to_owned(), 1, text.to_owned(), text);
            let append = Append::new(order.clone(), ExpectedVersion::NoStream)
                .with_event(event)
                .with_append_id(append_id(text))
                .with_metadata(Metadata::new().with_user(text).with(text, text));
            let done = store.append(append).await.expect("appended");
            assert_eq!(done.version, 1, "{order}");
        }
    }
    let store = again(&fixture, store).await;
    for text in texts {
        for (aggregate, id) in [("conformance", text), (text, "id"), (text, text)] {
            let order = StreamId::new(aggregate, id).expect("usable");
            let events = all_of(&store, &order).await;
            assert_eq!(events.len(), 1, "{order}");
            let event = &events[0];
            assert_eq!(event.stream, order);
            assert_eq!(&*event.name, text);
            assert_eq!(&*event.content_type, text);
            assert_eq!(event.payload, text.as_bytes());
            assert_eq!(event.metadata.user.as_deref(), Some(text));
            assert_eq!(event.metadata.get::<String>(text).as_deref(), Some(text));
            let found = store.find_append(&order, &append_id(text)).await;
            assert_eq!(found.expect("read").map(|done| done.version), Some(1));
        }
    }
    // One text that could be split in two ways.
    for (aggregate, id) in [("a/b", "c"), ("a", "b/c")] {
        let order = StreamId::new(aggregate, id).expect("usable");
        write(&store, &order, ExpectedVersion::NoStream, [1]).await;
        assert_eq!(version_of(&store, &order).await, 1);
    }
    assert_eq!(whole_feed(&store).await.len(), texts.len() * 3 + 2);
}

/// Metadata comes back unchanged on each event of a batch.
pub async fn metadata_comes_back(fixture: AnyFixture) {
    let mut many = Metadata::new();
    for index in 0..100 {
        many = many.with(format!("key-{index:03}"), index);
    }
    let cause = EventId::new();
    let all = [
        Metadata::new(),
        Metadata::new()
            .with_correlation("c \u{1f980}")
            .with_causation(cause)
            .with_user("o'hara \"x\" \\")
            .with_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        Metadata::new()
            .with("z", u64::MAX)
            .with("a", i64::MIN)
            .with("half", 0.5)
            .with("large", 1e308)
            .with("yes", true)
            .with("", "")
            .with("list", vec![3, 1, 2])
            .with("nul", "a\0b"),
        many,
    ];
    let store = fixture.open().await;
    let order = stream("metadata");
    for metadata in &all {
        let append = Append::new(order.clone(), ExpectedVersion::Any)
            .with_events([numbered(1), numbered(2)])
            .with_metadata(metadata.clone());
        store.append(append).await.expect("appended");
    }
    let store = again(&fixture, store).await;
    let events = all_of(&store, &order).await;
    assert_eq!(events.len(), all.len() * 2);
    assert_eq!(whole_feed(&store).await, events);
    for (index, event) in events.iter().enumerate() {
        let wanted = &all[index / 2];
        assert_eq!(&event.metadata, wanted);
        assert_eq!(event.metadata.to_json(), wanted.to_json());
    }
}

/// Times come back to the microsecond, event ids to the bit.
pub async fn times_and_ids_come_back(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("ids");
    let ids = [
        EventId::from_bytes([0; 16]),
        EventId::from_bytes([0xff; 16]),
        EventId::from_bytes([0xa5; 16]),
        EventId::new(),
    ];
    let mut times = Vec::new();
    for id in ids {
        let append =
            Append::new(order.clone(), ExpectedVersion::Any).with_event(numbered(1).with_id(id));
        times.push(store.append(append).await.expect("appended").recorded_at);
    }
    let store = again(&fixture, store).await;
    let events = all_of(&store, &order).await;
    let found: Vec<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(found, ids);
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), ids.len());
    let found: Vec<_> = events.iter().map(|event| event.recorded_at).collect();
    assert_eq!(found, times);
}

/// Whether this is the expected reason.
type Check = fn(&InvalidAppend) -> bool;

/// An append at a limit is accepted. One beyond it is rejected with the typed error, and nothing is written.
pub async fn limits_are_exact(fixture: AnyFixture) {
    let limits = fixture.limits();
    let store = fixture.open().await;
    let event = |size: usize| NewEvent::new("test.size", 1, "x", vec![7_u8; size]);
    let with = |events: Vec<NewEvent>| {
        Append::new(stream("limits"), ExpectedVersion::Any).with_events(events)
    };
    let full = |bytes: usize| {
        let payload = limits.payload_bytes.max(1);
        let mut sizes = vec![payload; bytes / payload];
        sizes.push(bytes % payload);
        with(sizes.into_iter().map(event).collect())
    };
    let described = |bytes: usize| {
        let empty = Metadata::new().with("k", "").to_json().len();
        let text = "x".repeat(bytes - empty);
        let metadata = Metadata::new().with("k", text);
        assert_eq!(metadata.to_json().len(), bytes);
        with(vec![event(1)]).with_metadata(metadata)
    };
    let many = |count: usize| with((0..count).map(|_| event(0)).collect());
    let pairs: [(Append, Append, Check); 4] = [
        (
            with(vec![event(limits.payload_bytes)]),
            with(vec![event(limits.payload_bytes + 1)]),
            |reason| matches!(reason, InvalidAppend::PayloadTooLarge { .. }),
        ),
        (many(limits.events), many(limits.events + 1), |reason| {
            matches!(reason, InvalidAppend::TooManyEvents { .. })
        }),
        (
            full(limits.append_bytes),
            full(limits.append_bytes + 1),
            |reason| matches!(reason, InvalidAppend::TooLarge { .. }),
        ),
        (
            described(limits.metadata_bytes),
            described(limits.metadata_bytes + 1),
            |reason| matches!(reason, InvalidAppend::MetadataTooLarge { .. }),
        ),
    ];
    let mut version = 0;
    for (index, (fits, too_large, is_it)) in pairs.into_iter().enumerate() {
        let order = fits.stream.clone();
        let id = append_id(format!("limit-{index}"));
        let events = fits.events.len() as u64;
        let refused = store.append(too_large.with_append_id(id.clone())).await;
        expect_invalid(refused, &order, is_it);
        assert_eq!(store.find_append(&order, &id).await.expect("read"), None);
        assert_eq!(version_of(&store, &order).await, version, "case {index}");
        let done = store.append(fits.with_append_id(id)).await;
        version += events;
        assert_eq!(done.expect("it fits").version, version, "case {index}");
    }

    // As deep as it can be read back, and no deeper.
    let nested = |levels: usize| {
        let value = (1..levels).fold(json!([]), |inner, _| json!([inner]));
        Metadata::new().with("k", value)
    };
    let is_readable = |levels| Metadata::from_json(&nested(levels).to_json()).is_ok();
    let deepest = (1..1_000).take_while(|levels| is_readable(*levels)).count();
    let deep: Check = |reason| matches!(reason, InvalidAppend::UnreadableMetadata);
    let too_deep = with(vec![numbered(1)]).with_metadata(nested(deepest + 1));
    expect_invalid(store.append(too_deep).await, &stream("limits"), deep);
    let append = with(vec![numbered(1)]).with_metadata(nested(deepest));
    version = store.append(append).await.expect("it fits").version;
    let events = whole_feed(&store).await;
    let last = events.last().expect("an event");
    assert_eq!(last.metadata, nested(deepest));

    let typed = |content_type: &'static str| NewEvent::new("test.type", 1, content_type, "1");
    let unnamed = with(vec![numbered(1), NewEvent::json("", 1, "1")]);
    let controlled = with(vec![numbered(1), NewEvent::json("a\nb", 1, "1")]);
    let zero = with(vec![numbered(1), NewEvent::json("test.zero", 0, "1")]);
    let bad_type = with(vec![numbered(1), typed("text/\0")]);
    let no_type: Check = |reason| matches!(reason, InvalidAppend::BadContentType { index: 1 });
    let bad_name: Check = |reason| matches!(reason, InvalidAppend::BadName { index: 1 });
    let no_version: Check = |reason| matches!(reason, InvalidAppend::VersionZero { index: 1 });
    for (append, is_it) in [
        (unnamed, bad_name),
        (controlled, bad_name),
        (bad_type, no_type),
        (zero, no_version),
    ] {
        expect_invalid(store.append(append).await, &stream("limits"), is_it);
    }
    assert_eq!(version_of(&store, &stream("limits")).await, version);
    assert!(store.head().await.expect("head") > Position::START);
}

fn expect_invalid(
    result: Result<es_runtime::Appended, AppendError>,
    wanted: &StreamId,
    is_it: Check,
) {
    let error = result.expect_err("a bound is broken");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    match error {
        AppendError::Invalid { stream, reason } => {
            assert_eq!(&stream, wanted);
            assert!(is_it(&reason), "{reason:?}");
        }
        other => panic!("a broken bound was to come, not {other:?}"),
    }
}
