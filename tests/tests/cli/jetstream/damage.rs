//! `es verify` on JetStream: a store that is whole, and one with each kind of damage.

use super::{Ran, block_on, copy, es, fill, location, node, open, shop, stream};
use es_nats::async_nats::{HeaderMap, jetstream};
use es_runtime::{Fingerprint, Position, Snapshot, SnapshotStore, StreamId};

fn verify(name: &str) -> Ran {
    es(&["--store", &location(name), "verify"])
}

async fn client() -> jetstream::Context {
    es_tests::jetstream(&node().url()).await
}

/// Publishes what no store would.
async fn publish(subject: String, headers: &[(&str, &str)], body: &str) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    let client = client().await;
    let sent = client.publish_with_headers(subject, map, body.to_owned().into());
    sent.await.expect("sent").await.expect("stored");
}

async fn purge(name: &str, subject: String) {
    let stream = client().await.get_stream(name).await.expect("a stream");
    let purged = stream.purge().filter(subject).await.expect("purged");
    assert!(purged.purged > 0);
}

/// The sequence of the last message of a subject.
async fn last(name: &str, subject: &str) -> u64 {
    let stream = client().await.get_stream(name).await.expect("a stream");
    let message = stream.get_last_raw_message_by_subject(subject).await;
    message.expect("a message").sequence
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn each_damage_is_found() {
    let place = shop();
    let whole = |name: &str| {
        copy(&place.address(), &location(name));
        let ran = verify(name);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        for check in [
            "events",
            "streams",
            "appends",
            "snapshots",
            "unique-values",
            "tags",
            "readers",
        ] {
            assert!(
                ran.err.contains(&format!("{check}: ")),
                "{check}: {}",
                ran.err
            );
        }
    };
    let found = |damage: &dyn Fn(&str), says: &[&str]| {
        let name = stream();
        whole(&name);
        damage(&name);
        let ran = verify(&name);
        assert_eq!(ran.code, 1, "{says:?}: {}{}", ran.out, ran.err);
        for says in says {
            assert!(ran.out.contains(says), "{says}: {}", ran.out);
        }
    };
    found(
        &|name| block_on(publish(format!("{name}.e.order.4711"), &[], "{}")),
        &["is no commit of this store"],
    );
    found(
        &|name| block_on(publish(format!("{name}.x.what"), &[], "{}")),
        &["of a kind that this release does not know"],
    );
    found(
        &|name| block_on(purge(name, format!("{name}.e.order.4712"))),
        &["are missing: they were erased or lost"],
    );
    found(
        &|name| {
            block_on(async {
                let before = last(name, &format!("{name}.e.order.4712"))
                    .await
                    .to_string();
                let headers = [
                    ("Nats-Expected-Last-Subject-Sequence", before.as_str()),
                    ("Es-Version", "1"),
                    ("Es-Count", "1"),
                    ("Es-Time", "1700000000000000"),
                ];
                let line = r#"{"id":"01985e60-0000-7000-8000-000000000001","name":"order.placed","version":1,"type":"application/json","bytes":2}"#;
                publish(
                    format!("{name}.e.order.4712"),
                    &headers,
                    &format!("{{}}\n{line}\n{{}}\n"),
                )
                .await;
            });
        },
        &["version 1 is there twice"],
    );
    found(
        &|name| {
            let record = r#"{"commit":1}"#;
            block_on(publish(format!("{name}.a.order.4711.lost"), &[], record));
        },
        &[
            "append lost of order/4711",
            "message 1 is no commit with that id",
        ],
    );
    found(
        &|name| {
            let record = r#"{"carried":{"version":7,"events":1,"position":"9999.1","time":1,"request":null}}"#;
            block_on(publish(format!("{name}.a.order.4711.lost"), &[], record));
        },
        &["its last event is missing: version 7, position 9999.1"],
    );
    found(
        &|name| {
            block_on(async {
                let store = open(name).await;
                let note = StreamId::new("order", "4711").expect("a stream");
                let snapshot = Snapshot::new(
                    note,
                    1,
                    Position::from_parts([0, 1, 9]),
                    Fingerprint::from_u64(1),
                    "application/json",
                    b"{}".to_vec(),
                );
                store.save_snapshot(snapshot).await.expect("saved");
            });
        },
        &["snapshot of order/4711", "it says 1.9"],
    );
    found(
        &|name| {
            let record =
                r#"{"holder":{"aggregate":"customer","id":"eve"},"free_at":null,"position":"7.1"}"#;
            block_on(publish(
                format!("{name}.u.customer%2Eemail.eve"),
                &[],
                record,
            ));
        },
        &["a value of rule customer.email of customer/eve"],
    );
    // A message of a tag about an event that is not there, about another one, with a tag that has none, and ones that are none.
    let tag = |name: &str, line: &str| {
        block_on(async {
            let commit = last(name, &format!("{name}.e.order.4712"))
                .await
                .to_string();
            let body = format!(r#"{{"events":[{}]}}"#, line.replace("COMMIT", &commit));
            publish(format!("{name}.t.customer.eve"), &[], &body).await;
        });
    };
    for (line, says) in [
        (
            r#"{"commit":COMMIT,"number":9,"event":"order.placed"}"#,
            &["a tag of kind customer at position", "the event is missing"][..],
        ),
        (
            r#"{"commit":COMMIT,"number":1,"event":"order.paid"}"#,
            &["the event is `order.placed`, and the tag is of `order.paid`"],
        ),
        (
            r#"{"commit":COMMIT,"number":1,"event":"order.placed","with":["shop:gone"]}"#,
            &["a tag of kind shop at position", "no message has it"],
        ),
        (
            r#"{"commit":99999,"number":1,"event":"order.placed"}"#,
            &["about a tag, cannot be read"],
        ),
        (
            r#"{"number":1,"event":"order.placed"}"#,
            &["about a tag, cannot be read"],
        ),
        (r#"{"commit":1}"#, &["about a tag, cannot be read"]),
    ] {
        found(&|name| tag(name, line), says);
    }
    found(
        &|name| {
            let record = r#"{"position":"99999.1","inputs":null}"#;
            block_on(publish(format!("{name}.c.saga%3Alate"), &[], record));
        },
        &["cursor of saga:late", "99999.1"],
    );
    found(
        &|name| block_on(purge(name, format!("{name}.n.order%2Eplaced"))),
        &["event order.placed", "there is no message about its rules"],
    );
}

/// nats-server#7291: messages that were deleted at the place where a read of several begins. They are found, and whoever accepts
/// that reads the others.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn gaps_are_found_where_a_read_begins() {
    // The messages that are read at once.
    const PAGE: u64 = 2_048;
    let name = stream();
    block_on(fill(&location(&name), 2_200, 10));
    let subject_of = |sequence: u64| {
        block_on(async {
            let stream = client().await.get_stream(&name).await.expect("a stream");
            let message = stream.get_raw_message(sequence).await.expect("a message");
            message.subject.to_string()
        })
    };
    let first = (1..20).find(|sequence| subject_of(*sequence).contains(".e.bulk."));
    let first = first.expect("a commit");
    let gone = [first, PAGE, PAGE + 1, 2_190];
    for sequence in gone {
        let subject = subject_of(sequence);
        assert!(subject.contains(".e.bulk."), "{subject}");
        block_on(purge(&name, subject));
    }
    let ran = verify(&name);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let problems = ran
        .out
        .matches("are missing: they were erased or lost")
        .count();
    assert_eq!(problems, 3, "{}", ran.out);
    let ran = es(&["--store", &location(&name), "export"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("are missing"), "{}", ran.err);
    let erased = gone.map(|sequence| sequence.to_string()).join(",");
    let accepted = format!("{}&erased={erased}", location(&name));
    let stats = es(&["--store", &accepted, "-o", "json", "stats"]);
    assert_eq!(stats.code, 0, "{}", stats.err);
    assert!(stats.out.contains("\"events\":2196"), "{}", stats.out);
}

/// nats-server#4270: a restore left a part behind. The stream of snapshots is a second one, and a store whose events alone were
/// restored is read, checked and copied.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_store_without_its_snapshots_is_read() {
    let place = shop();
    let name = stream();
    copy(&place.address(), &location(&name));
    let before = es(&["--store", &location(&name), "-o", "json", "stats"]);
    block_on(async {
        let deleted = client()
            .await
            .delete_stream(format!("{name}-snapshots"))
            .await;
        assert!(deleted.expect("deleted").success);
    });
    let ran = verify(&name);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let stats = es(&["--store", &location(&name), "-o", "json", "stats"]);
    assert_eq!((stats.code, stats.out), (0, before.out), "{}", stats.err);
    let folder = es_tests::tiers::folder();
    let file = format!("sqlite:{}", folder.path().join("back.db").display());
    copy(&location(&name), &file);
    // Nobody has made the second stream by looking.
    block_on(async {
        let missing = client().await.get_stream(format!("{name}-snapshots")).await;
        missing.expect_err("no stream");
    });
}
