//! What users of other event stores reported of their tools, tried here.

use super::{done, empty, everything, export, file_of, program};
use crate::{
    place::{Place, block_on, es},
    shop::{self, Placed},
};
use es_projections::{Delivery, HandlerError, Projections, React, Subscription};
use es_runtime::{
    Append, Envelope, EventStore, ExpectedVersion, Metadata, NewEvent, ReadLimit, StreamId,
    StreamRange,
};
use std::sync::{Arc, Mutex};

/// Writes to each order's customer. A second letter would be a nuisance.
#[derive(Subscription)]
#[subscription("letters", events(Placed))]
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<Vec<String>>>);

impl React<Placed> for Letters {
    async fn react(&self, placed: &Envelope<Placed>, _: &Delivery) -> Result<(), HandlerError> {
        let mut sent = self.0.lock().expect("not poisoned");
        sent.push(placed.stream.id().to_owned());
        Ok(())
    }
}

impl Letters {
    /// Delivers what is new, and says which orders that was.
    fn deliver(place: &Place) -> Vec<String> {
        let letters = Self::default();
        block_on(async {
            let (store, read) = place.open().await;
            let readers = Projections::new(store.clone(), read).with_subscription(letters.clone());
            readers.catch_up().await.expect("caught up");
            store.close().await;
        });
        letters.0.lock().expect("not poisoned").clone()
    }
}

/// kurrent-io/replicator#37: subscriptions were not carried, so 40 million events were delivered again.
#[test]
fn subscriptions_go_on_where_they_were() {
    let from = Place::copy();
    assert_eq!(Letters::deliver(&from), ["4711", "4712", "4713"]);
    let (folder, to) = empty();
    let dump = done(from.es(&["export"])).out;
    // The read model is left behind, because its tables are.
    assert!(dump.contains("letters") && !dump.contains("order_totals"));
    done(es(&["copy", &from.address(), &to, "-y"]));
    let to = Place::Sqlite(folder);
    // `Place` names the file in its own way.
    std::fs::rename(to.file().with_file_name("new.db"), to.file()).expect("renamed");
    let there = to.rows(&["events", "--name", "order.placed"], &["position"]);
    assert_eq!(there.len(), 3);
    assert!(
        Letters::deliver(&to).is_empty(),
        "nobody gets a second letter"
    );
    block_on(async {
        let (store, _) = to.open().await;
        shop::place(&store, "4714", 1, "web-4").await;
        store.close().await;
    });
    assert_eq!(Letters::deliver(&to), ["4714"]);
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn subscriptions_go_on_in_the_other_database() {
    let from = Place::copy();
    assert_eq!(Letters::deliver(&from).len(), 3);
    let to = Place::Postgres(es_tests::server::database());
    done(es(&["copy", &from.address(), &to.address(), "-y"]));
    assert!(Letters::deliver(&to).is_empty());
    // And back, with what came since.
    block_on(async {
        let (store, _) = to.open().await;
        shop::place(&store, "4714", 1, "web-4").await;
        store.close().await;
    });
    let (folder, back) = empty();
    done(es(&["copy", &to.address(), &back, "-y"]));
    std::fs::rename(file_of(&back), folder.path().join("shop.db")).expect("renamed");
    assert_eq!(Letters::deliver(&Place::Sqlite(folder)), ["4714"]);
}

/// kurrent-io/replicator#36 and #41: the connection to the target was lost, the program waited forever, and began from
/// the start when it was started again.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_lost_connection_is_an_error_and_no_new_beginning() {
    let place = everything();
    block_on(async {
        let (store, _) = place.open().await;
        for number in 0..30 {
            let stream = StreamId::new("bulk", &number.to_string()).expect("a stream");
            let events =
                (0..100).map(|n| NewEvent::json("bulk.added", 1, format!("{{\"n\":{n}}}")));
            let append = Append::new(stream, ExpectedVersion::NoStream).with_events(events);
            store.append(append).await.expect("appended");
        }
        store.close().await;
    });
    let database = es_tests::server::database();
    let position = || {
        let rows = database.query("SELECT position FROM es.head");
        rows.ok()
            .and_then(|rows| rows.trim().parse::<i64>().ok())
            .unwrap_or(0)
    };
    let url = database.url();
    let mut child = program(&["copy", &place.address(), &url, "-y"])
        .spawn()
        .expect("runs");
    while position() == 0 && child.try_wait().expect("known").is_none() {
        std::thread::yield_now();
    }
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'es' AND \
               datname = current_database()";
    database.query(end).expect("ended");
    let code = child.wait().expect("ends").code();
    assert!(code == Some(5) || code == Some(0), "{code:?}");
    super::sessions_end(&database);
    let before = position();
    assert!(before > 0);
    let ran = done(es(&["copy", &place.address(), &url, "-y"]));
    let written = super::written(&ran.out)[0].1;
    assert_eq!(
        i64::try_from(written).expect("few") + before,
        position(),
        "{}",
        ran.out
    );
}

/// kurrent-io/replicator#8: a target that was made of an older backup, and filled from then on, had times that jumped.
/// #35: and what it had already came twice.
#[test]
fn a_target_from_an_older_backup_goes_on() {
    let place = Place::copy();
    let (_folder, new) = empty();
    let backup = format!("{}.backup", file_of(&new));
    done(place.es(&["backup", &backup]));
    block_on(async {
        let (store, _) = place.open().await;
        for number in 0..10 {
            shop::place(&store, &format!("late-{number}"), 5, "late").await;
        }
        shop::sagas(&store).run_until_idle().await.expect("idle");
        store.close().await;
    });
    done(es(&["--store", &new, "restore", "-y", &backup]));
    let ran = done(es(&["copy", &place.address(), &new, "-y", "--projections"]));
    assert!(super::written(&ran.out)[0].1 >= 10, "{}", ran.out);
    assert!(
        export(&new) == export(&place.address()),
        "times, ids and positions as they are in the source"
    );
}

/// AxonIQ/AxonFramework#1005: an aggregate whose events are far apart in the store was refused by its own sequence.
/// JasperFx/marten#1228: after an import nothing could be appended, because positions were given out that were taken.
#[test]
fn streams_that_are_far_apart_can_be_appended_to() {
    let place = everything();
    let stream = StreamId::new("order", "far").expect("a stream");
    let added = |n: usize| NewEvent::json("bulk.added", 1, format!("{{\"n\":{n}}}"));
    let append = async |store: &es_runtime::AnyStore, stream: &StreamId, count| {
        let append =
            Append::new(stream.clone(), ExpectedVersion::Any).with_events((0..count).map(added));
        store.append(append).await.expect("appended")
    };
    block_on(async {
        let (store, _) = place.open().await;
        append(&store, &stream, 44).await;
        for other in 0..20 {
            append(
                &store,
                &StreamId::new("bulk", &other.to_string()).expect("a stream"),
                60,
            )
            .await;
        }
        append(&store, &stream, 1).await;
        store.close().await;
    });
    let (folder, new) = empty();
    let dump = export(&place.address());
    done(super::import(&new, &dump));
    std::fs::rename(file_of(&new), folder.path().join("shop.db")).expect("renamed");
    let copy = Place::Sqlite(folder);
    block_on(async {
        let (store, _) = copy.open().await;
        let head = store.head().await.expect("a head");
        let appended = append(&store, &stream, 1).await;
        assert_eq!(appended.version, 46);
        assert_eq!(appended.position.to_parts()[2], head.to_parts()[2] + 1);
        store.close().await;
    });
    done(copy.es(&["verify"]));
}

/// kurrent-io/replicator#148 and #54: metadata that the tool had not thought of ended it. sliceworkz/eventstore#92: a
/// copy that went through types wrote other events than those that were there.
#[test]
fn whatever_is_stored_is_carried_as_it_is() {
    let place = everything();
    let payloads: [(&str, &[u8]); 10] = [
        (
            "application/json",
            b"{ \"n\" : 1e400, \"n\": 123456789012345678901234567890 }",
        ),
        ("application/json", b"{\n  \"lines\": [\r\n 1 ]\n}\n"),
        ("application/json", b" 1 "),
        ("application/json", b"null"),
        (
            "application/json",
            "\"\u{2028}\u{feff}\u{1f600}\\u0000\\ud800\"".as_bytes(),
        ),
        ("application/json", b"not JSON \xff at all"),
        ("application/json", b""),
        (
            "application/vnd.old+json",
            b"{\"mark\":\"00000000\",\"table\":\"x\"}",
        ),
        ("text/plain", b"{}"),
        ("application/x-postcard", b"\0\n\",\"mark\":\"00000000\"}"),
    ];
    let stream = StreamId::new("odd", "a/b \"c\" \u{e9}").expect("a stream");
    let metadata = Metadata::new()
        .with_user("\"};\u{7f} \u{1f600}\n")
        .with("big", serde_json::json!(u64::MAX))
        .with("deep", serde_json::json!([[[{"a": null}]]]))
        .with("mark", "00000000");
    block_on(async {
        let (store, _) = place.open().await;
        let events = payloads
            .map(|(kind, bytes)| NewEvent::new("odd.happened", 65535, kind, bytes.to_vec()));
        let append = Append::new(stream.clone(), ExpectedVersion::NoStream)
            .with_events(events)
            .with_metadata(metadata);
        store.append(append).await.expect("appended");
        store.close().await;
    });
    let dump = export(&place.address());
    let (folder, new) = empty();
    done(super::import(&new, &dump));
    assert!(export(&new) == dump);
    let read = |place: &Place| {
        block_on(async {
            let (store, _) = place.open().await;
            let events = store.read_stream(&stream, StreamRange::forward(0), ReadLimit::default());
            let events = events.await.expect("read");
            store.close().await;
            events
        })
    };
    std::fs::rename(file_of(&new), folder.path().join("shop.db")).expect("renamed");
    let before = read(&place);
    assert_eq!(before.len(), payloads.len());
    assert!(before == read(&Place::Sqlite(folder)));
}
