//! The repository: decide, append, decide again, repeat, resolve, survive.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::similar_names,
    reason = "a test may panic"
)]

use crate::support::{
    Add, AddAll, AddOnceAt, AddRounded, Added, Counter, CounterCommand, CounterEvent, Fault,
    Measure, Nothing, OtherTotal, PanicInApply, PanicInHandler, Rounded, Scripted, added,
    append_id, append_raw, stream,
};
use es_runtime::{
    AppendError, DecodeError, EventStore, ExecuteError, LoadError, MemoryStore, Metadata, NewEvent,
    Outcome, Position, ReadLimit, Repository, RetryPolicy, StorageErrorKind, StreamRange,
};
use futures_executor::block_on;
use std::{
    future::IntoFuture,
    num::NonZeroU32,
    task::{Context, Poll, Waker},
    time::Duration,
};

fn repository<S: EventStore + es_runtime::SnapshotStore>(store: S) -> Repository<Counter, S> {
    super::repository(store).with_retry(
        RetryPolicy::default()
            .with_attempts(NonZeroU32::MIN.saturating_add(3))
            .with_first(Duration::from_micros(1))
            .with_longest(Duration::from_micros(10)),
    )
}

fn id() -> String {
    "c1".to_owned()
}

#[test]
fn a_command_returns_what_it_did() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let done = counters.execute(id(), AddAll(vec![1, 2, 3])).await?;
        assert_eq!((done.version, done.state.total), (3, 6));
        assert_eq!(done.position, counters.store().head().await?);
        let amounts = [1, 2, 3].map(|amount| CounterEvent::Added(Added { amount }));
        assert_eq!(done.events, amounts);
        assert!(!done.repeated);

        let done = counters.execute(id(), CounterCommand::Add(Add(4))).await?;
        assert_eq!((done.version, done.state.total), (4, 10));
        let loaded = counters.load(&id()).await?;
        assert_eq!((loaded.version, loaded.state.total), (4, 10));
        assert_eq!(loaded.position, done.position);
        assert_eq!(counters.load_at(&id(), 2).await?.state.total, 3);
        Ok::<_, Box<dyn std::error::Error>>(())
    })
    .unwrap();
}

#[test]
fn an_aggregate_without_events_is_at_version_0() {
    let loaded = block_on(repository(MemoryStore::new()).load(&id())).unwrap();
    assert_eq!((loaded.version, loaded.position), (0, Position::START));
    assert_eq!(loaded.state, Counter::default());
}

#[test]
fn no_events_write_nothing() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        counters.execute(id(), Add(1)).await.unwrap();
        let done = counters.execute(id(), Nothing).await.unwrap();
        assert_eq!((done.version, done.events.len()), (1, 0));
        assert_eq!(counters.store().len(), 1);
    });
}

#[test]
fn a_rejection_is_the_aggregates_own_error() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let rejected = counters.execute(id(), AddOnceAt(7)).await.unwrap_err();
        assert_eq!(rejected.rejection(), Some(&OtherTotal(0)));
        assert_eq!(rejected.outcome(), Outcome::NotApplied);
        assert_eq!(counters.store().len(), 0);
    });
}

#[test]
fn a_conflict_is_decided_again_on_the_newer_state() {
    block_on(async {
        let store = Scripted::new([Fault::Competitor, Fault::Competitor]);
        let counters = repository(store.clone());
        let done = counters.execute(id(), Add(1)).await.unwrap();
        assert_eq!((done.version, done.state.total, done.attempts), (3, 201, 3));

        let store = Scripted::new([Fault::Competitor]);
        let counters = repository(store.clone());
        let rejected = counters.execute(id(), AddOnceAt(0)).await.unwrap_err();
        assert_eq!(rejected.rejection(), Some(&OtherTotal(100)));
    });
}

#[test]
fn conflicts_are_bounded() {
    block_on(async {
        let store = Scripted::new(vec![Fault::Competitor; 10]);
        let counters = repository(store.clone());
        let error = counters.execute(id(), Add(1)).await.unwrap_err();
        assert!(
            matches!(
                error,
                ExecuteError::Conflict {
                    attempts: 4,
                    actual: 4,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert_eq!(store.appends(), 4);
        assert_eq!(counters.load(&id()).await.unwrap().state.total, 400);
    });
}

#[test]
fn a_repeated_request_returns_the_first_result_for_ever() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let send = |amounts: Vec<i64>| {
            counters
                .execute(id(), AddAll(amounts))
                .append_id(append_id("r1"))
        };
        let first = send(vec![1, 2]).await.unwrap();
        assert!(!first.repeated);
        for _ in 0..20 {
            counters.execute(id(), Add(10)).await.unwrap();
        }
        // Even a different command under this id is the same request.
        for amounts in [vec![1, 2], vec![9], vec![]] {
            let again = send(amounts).await.unwrap();
            assert!(again.repeated);
            assert_eq!(again.events, first.events);
            assert_eq!(
                (again.version, again.position),
                (first.version, first.position)
            );
            assert_eq!(again.state, first.state);
        }
        assert_eq!(counters.load(&id()).await.unwrap().version, 22);
        // The id belongs to its stream.
        let other = "c2".to_owned();
        let done = counters
            .execute(&other, Add(5))
            .append_id(append_id("r1"))
            .await
            .unwrap();
        assert!(!done.repeated);
    });
}

#[test]
fn a_repeated_request_that_would_be_rejected_now_returns_the_first_result() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let send = || async {
            counters
                .execute(id(), AddOnceAt(0))
                .append_id(append_id("r1"))
                .await
        };
        let first = send().await.unwrap();
        let again = send().await.unwrap();
        assert!(again.repeated);
        assert_eq!((again.version, again.state.total), (first.version, 1));
        let rejected = counters.execute(id(), AddOnceAt(0)).await.unwrap_err();
        assert_eq!(rejected.rejection(), Some(&OtherTotal(1)));
    });
}

#[test]
fn a_request_without_events_is_remembered_too() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        counters.execute(id(), Add(1)).await.unwrap();
        let nothing = || async {
            counters
                .execute(id(), Nothing)
                .append_id(append_id("r1"))
                .await
                .unwrap()
        };
        assert!(!nothing().await.repeated);
        counters.execute(id(), Add(1)).await.unwrap();
        let again = nothing().await;
        assert!(again.repeated);
        assert_eq!(
            (again.version, again.state.total, again.events.len()),
            (1, 1, 0)
        );
    });
}

#[test]
fn a_lost_answer_is_looked_up() {
    block_on(async {
        let counters = repository(Scripted::new([Fault::AnswerLost]));
        let done = counters.execute(id(), AddAll(vec![1, 2])).await.unwrap();
        assert_eq!((done.version, done.state.total), (2, 3));
        assert_eq!(done.position, counters.store().head().await.unwrap());

        let counters = repository(Scripted::new([Fault::RequestLost]));
        let error = counters.execute(id(), Add(1)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(counters.load(&id()).await.unwrap().version, 0);
    });
}

#[test]
fn a_full_database_is_an_error_that_says_so() {
    block_on(async {
        let counters = repository(Scripted::new([Fault::Full]));
        let error = counters.execute(id(), Add(1)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotApplied);
        let ExecuteError::Append(AppendError::Storage { error, .. }) = error else {
            panic!("{error}");
        };
        assert_eq!(error.kind, StorageErrorKind::Full);
    });
}

#[test]
fn a_panic_is_the_error_of_that_command_alone() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        for _ in 0..2 {
            let error = counters.execute(id(), PanicInHandler).await.unwrap_err();
            assert!(matches!(error, ExecuteError::Panicked { .. }), "{error}");
            assert_eq!(error.outcome(), Outcome::NotApplied);
        }
        // An event that cannot be applied would make the stream unreadable: it is not written.
        let error = counters.execute(id(), PanicInApply).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Panicked { .. }), "{error}");
        assert_eq!(counters.store().len(), 0);
        counters.execute(id(), Add(1)).await.unwrap();

        append_raw(
            counters.store(),
            "c1",
            NewEvent::json("counter.broken", 1, "{}"),
        )
        .await;
        let error = counters.load(&id()).await.unwrap_err();
        assert!(
            matches!(error, LoadError::Panicked { version: 2, .. }),
            "{error}"
        );
    });
}

#[test]
fn an_event_that_could_not_be_read_again_is_not_written() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let error = counters.execute(id(), Measure(f64::NAN)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Unreadable { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        counters.execute(id(), Measure(0.1 + 0.2)).await.unwrap();
        let history = counters
            .history(&id(), 0, ReadLimit::default())
            .await
            .unwrap();
        let value = crate::support::Measured { value: 0.1 + 0.2 };
        assert_eq!(history[0].event, CounterEvent::Measured(value));
    });
}

#[test]
fn everyone_sees_an_event_as_it_is_stored() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        for _ in 0..6 {
            let done = counters.execute(id(), AddRounded(19)).await.unwrap();
            assert_eq!(done.events, [CounterEvent::Rounded(Rounded { amount: 10 })]);
            let loaded = counters.load(&id()).await.unwrap();
            assert_eq!(done.state, loaded.state);
        }
        let replayed = Repository::<Counter, _>::without_snapshots(counters.store().clone());
        assert_eq!(replayed.load(&id()).await.unwrap().state.total, 60);
    });
}

#[test]
fn damaged_newer_and_unknown_events_stop_a_load_with_their_place() {
    block_on(async {
        for (name, version, payload) in [
            ("counter.added", 1, r#"{"amount":"secret"}"#),
            ("counter.added", 1, "{"),
            ("counter.added", 2, r#"{"amount":1}"#),
            ("counter.divided", 1, "{}"),
        ] {
            let counters = repository(MemoryStore::new());
            counters.execute(id(), Add(1)).await.unwrap();
            append_raw(
                counters.store(),
                "c1",
                NewEvent::json(name, version, payload),
            )
            .await;
            let error = counters.load(&id()).await.unwrap_err();
            let LoadError::Decode {
                version: at,
                source,
                ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!(*at, 2);
            match (name, version) {
                ("counter.divided", _) => {
                    assert!(
                        matches!(source, DecodeError::UnknownEvent { .. }),
                        "{source}"
                    );
                }
                (_, 2) => assert_eq!(
                    source.to_string(),
                    "event `counter.added` is stored in version 2, but this program knows it \
                     only up to version 1; deploy the newer program here"
                ),
                _ => assert!(matches!(source, DecodeError::Payload { .. }), "{source}"),
            }
            assert!(!format!("{error} {error:?}").contains("secret"));
            let refused = counters.execute(id(), Add(1)).await.unwrap_err();
            assert!(matches!(refused, ExecuteError::Load(_)), "{refused}");
            assert_eq!(counters.store().len(), 2);
        }
    });
}

#[test]
fn what_follows_from_an_event_names_it() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        let request = counters
            .execute("a".to_owned(), Add(1))
            .metadata(Metadata::new().with_user("alice").with("channel", "web"));
        request.await.unwrap();
        let limit = ReadLimit::default();
        let cause = counters
            .history(&"a".to_owned(), 0, limit)
            .await
            .unwrap()
            .remove(0);
        assert_eq!(
            cause.metadata.get::<String>("channel").as_deref(),
            Some("web")
        );

        for (from, to) in [("a", "b"), ("b", "c")] {
            let (from, to) = (from.to_owned(), to.to_owned());
            let before = counters.history(&from, 0, limit).await.unwrap().remove(0);
            counters
                .execute(&to, Add(1))
                .metadata(before.following())
                .await
                .unwrap();
            let after = counters.history(&to, 0, limit).await.unwrap().remove(0);
            assert_eq!(after.metadata.causation, Some(before.event_id));
            assert_eq!(after.metadata.correlation, Some(cause.event_id.to_string()));
            assert_eq!(after.metadata.user.as_deref(), Some("alice"));
        }
    });
}

#[test]
fn two_codecs_share_one_stream() {
    block_on(async {
        let counters = repository(MemoryStore::new());
        counters.execute(id(), Add(1)).await.unwrap();
        let codec = es_runtime::Codec::Postcard;
        let payload = codec.encode(&Added { amount: 41 }).unwrap();
        let event = NewEvent::new("counter.added", 1, codec.content_type(), payload);
        append_raw(counters.store(), "c1", event).await;
        counters.execute(id(), Add(0)).await.unwrap();
        assert_eq!(counters.load(&id()).await.unwrap().state.total, 42);
    });
}

#[test]
fn execute_can_be_dropped_at_every_await() {
    let mut context = Context::from_waker(Waker::noop());
    let mut completed = false;
    for polls in 0.. {
        let store = Scripted::new([Fault::Competitor, Fault::AnswerLost]);
        let counters = repository(store.clone());
        for amount in 0..4 {
            block_on(append_raw(&store.inner, "c1", added(amount)));
        }
        let before = store.inner.len();
        let key = id();
        let mut future = counters
            .execute(&key, AddAll(vec![1, 2]))
            .append_id(append_id("r1"))
            .into_future();
        for _ in 0..polls {
            match future.as_mut().poll(&mut context) {
                Poll::Pending => std::thread::yield_now(),
                Poll::Ready(done) => {
                    assert_eq!(done.unwrap().events.len(), 2);
                    completed = true;
                    break;
                }
            }
        }
        drop(future);
        // All of it or nothing, apart from the competitor's one event.
        let mine = block_on(store.inner.read_stream(
            &stream("c1"),
            StreamRange::forward(before as u64),
            ReadLimit::default(),
        ))
        .unwrap();
        let mine = mine
            .iter()
            .filter(|e| !e.payload.ends_with(b":100}"))
            .count();
        assert!(mine == 0 || mine == 2, "{mine} events after {polls} polls");
        // The request can be sent again and has one effect.
        let again = block_on(
            counters
                .execute(&key, AddAll(vec![1, 2]))
                .append_id(append_id("r1"))
                .into_future(),
        )
        .unwrap();
        assert_eq!(again.events.len(), 2);
        assert_eq!(again.repeated, mine == 2);
        if completed {
            assert!(polls > 5, "only {polls} awaits were met");
            return;
        }
        assert!(polls < 100_000, "the command never ends");
    }
}
