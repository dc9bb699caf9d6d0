//! A store moves to JetStream and back, and is the same store everywhere.

use super::{
    Append, AppendError, AppendId, EventStore, ExpectedVersion, NewEvent, StreamId, block_on, copy,
    done, es, export, location, note, open, reported, shop, stream,
};
use crate::place::Place;
use es_runtime::{AnyStore, Snapshot, SnapshotStore};

/// Without the read models, which stay where they are.
fn events_of(dump: &str) -> String {
    let lines = dump
        .lines()
        .filter(|line| line.starts_with("{\"table\":\"") && !line.contains("{\"table\":\"es_"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(all(postgres, nats)),
    ignore = "needs PostgreSQL and nats-server: run .ci/nats-server"
)]
fn there_and_back_is_the_same() {
    let place = shop();
    let dump = events_of(&export(&place.address()));
    let database = es_tests::server::database();
    let (jetstream, again) = (location(&stream()), location(&stream()));
    let folder = es_tests::tiers::folder();
    let back = format!("sqlite:{}", folder.path().join("back.db").display());
    let way = [
        &place.address(),
        &database.url(),
        &jetstream,
        &again,
        &back,
        &place.address(),
    ];
    let reports: Vec<Vec<String>> = way.windows(2).map(|step| copy(step[0], step[1])).collect();
    for (report, number) in reports.iter().zip(1..) {
        assert_eq!(report, &reports[0], "step {number}");
    }
    for table in [
        "events",
        "appends",
        "snapshots",
        "work",
        "cursors",
        "rules",
        "unique_values",
        "tags",
        "tag_walks",
    ] {
        let empty = format!("\"{table}\" 0 ");
        let is_empty = reports[0].iter().any(|line| line.starts_with(&empty));
        assert!(!is_empty, "{table} has rows: {:?}", reports[0]);
    }
    for address in [&jetstream, &again, &back] {
        assert_eq!(events_of(&export(address)), dump, "{address}");
    }
    // Once more writes nothing.
    let ran = done(es(&["copy", &back, &jetstream, "-y", "-o", "json"]));
    let written = reported(&ran, "written");
    assert!(written.iter().all(|(_, rows)| rows == 0), "{written:?}");
}

/// A dump has all of it, too: one with read models, which belong to another database there, and one without.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_dump_fills_a_store_with_the_same() {
    let place = shop();
    let dump = export(&place.address());
    let (there, again) = (location(&stream()), location(&stream()));
    let ran = done(import(&there, &dump));
    assert!(ran.err.contains("left out"), "{}", ran.err);
    assert!(ran.out.contains("tag_walks"), "{}", ran.out);
    let of_jetstream = export(&there);
    assert_eq!(events_of(&of_jetstream), events_of(&dump));
    done(import(&again, &of_jetstream));
    assert_eq!(events_of(&export(&again)), events_of(&dump));
    for address in [&there, &again] {
        done(es(&["--store", address, "verify"]));
    }
    // Once more writes nothing, and a dump that was changed is noticed.
    let ran = done(import(&there, &dump));
    let written: Vec<&str> = ran
        .out
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert!(
        written.len() > 9 && written.iter().all(|rows| *rows == "0"),
        "{}",
        ran.out
    );
    let changed = dump.replace("\"tag\":\"shop:north\"", "\"tag\":\"shop:south\"");
    assert_eq!(import(&there, &changed).code, 5, "a changed dump");
}

fn import(address: &str, dump: &str) -> super::Ran {
    let folder = es_tests::tiers::folder();
    let file = folder.path().join("dump.ndjson");
    std::fs::write(&file, dump).expect("written");
    es(&[
        "--store",
        address,
        "import",
        "-y",
        &file.display().to_string(),
    ])
}

/// What an application is answered on the copy: the same as before, for what has happened already.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn an_application_goes_on_there_and_back() {
    let place = shop();
    let name = stream();
    let first = block_on(answers(&place));
    copy(&place.address(), &location(&name));
    block_on(async {
        let store = open(&name).await;
        let any = AnyStore::new(store.clone());
        let (version, repeated) =
            crate::shop::register(&any, "ada", "ada@example.org", "signup-1").await;
        assert_eq!(
            (version, repeated),
            first,
            "a repeated request has its first answer"
        );
        let taken = crate::shop::try_register(&any, "eve", "ada@example.org").await;
        assert!(taken.expect_err("taken").contains("customer.email"));
        // An id with another request is refused as before.
        let stream = StreamId::new("customer", "ada").expect("a stream");
        let id = AppendId::new("signup-1").expect("an id");
        let other = NewEvent::json("customer.registered", 1, r#"{"email":"other"}"#);
        let other = Append::new(stream.clone(), ExpectedVersion::Any)
            .with_event(other)
            .with_append_id(id);
        let refused = store.append(other).await.expect_err("another request");
        assert!(
            matches!(refused, AppendError::IdReused { .. }),
            "{refused:?}"
        );
        // A snapshot is that of its stream: its position is the one of its event here.
        let noted = StreamId::new("note", "1/a").expect("a stream");
        let snapshot: Option<Snapshot> = store.load_snapshot(&noted).await.expect("read");
        let snapshot = snapshot.expect("a snapshot");
        let events = store
            .read_stream(
                &noted,
                es_runtime::StreamRange::forward(0),
                es_runtime::ReadLimit::default(),
            )
            .await
            .expect("read");
        assert_eq!(snapshot.position, events[0].position);
        crate::shop::try_register(&any, "eve", "eve@example.org")
            .await
            .expect("free");
        store.append(note("2")).await.expect("appended");
        // Sagas have done what there was to do, and go on with what is new.
        let greeting = StreamId::new("saga:welcome", "eve").expect("a stream");
        let sagas = crate::shop::sagas(&any);
        sagas.run_until_idle().await.expect("idle");
        let greeted = store.read_stream(
            &greeting,
            es_runtime::StreamRange::forward(0),
            es_runtime::ReadLimit::default(),
        );
        assert_eq!(
            greeted.await.expect("read").len(),
            1,
            "eve waits for her greeting"
        );
        store.close().await;
    });
    // Back into the first file: only what is new is written.
    let ran = done(es(&[
        "copy",
        &location(&name),
        &place.address(),
        "-y",
        "-o",
        "json",
    ]));
    let written = reported(&ran, "written");
    // Eve and her greeting, the note, and the order that no saga had seen: its start and two steps.
    assert_eq!(written[0].0, "events");
    assert!(
        written[0].1.as_u64().is_some_and(|rows| rows >= 3),
        "{written:?}"
    );
    let there = reported(&ran, "rows")[0].1.clone();
    assert!(
        there.as_u64() > written[0].1.as_u64(),
        "only what is new is written"
    );
    let listed = place.rows(&["show", "customer/eve"], &["position", "event"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    block_on(async {
        let (store, _) = place.open().await;
        let taken = crate::shop::try_register(&store, "joe", "eve@example.org").await;
        assert!(taken.is_err(), "the value came back with its event");
        store.close().await;
    });
}

async fn answers(place: &Place) -> (u64, bool) {
    let (store, _) = place.open().await;
    let answer = crate::shop::register(&store, "ada", "ada@example.org", "signup-1").await;
    store.close().await;
    answer
}
