//! Writers of several processes. Within one process writers to one stream wait for each other, so these open the store
//! several times: only what the server compares keeps them apart.

use crate::support::{open, order, placed};
use es_nats::NatsStore;
use es_runtime::{
    Append, AppendError, AppendId, Commit, CommitStore, EventStore, ExpectedVersion, NewEvent,
    ReadLimit, StreamRange, UniqueChange,
};
use std::{future::Future, sync::Arc};
use tokio::sync::Barrier;

pub(crate) const HANDLES: usize = 4;
pub(crate) const ROUNDS: u64 = 25;

pub(crate) async fn handles(stream: &str) -> Vec<NatsStore> {
    let mut handles = Vec::new();
    for _ in 0..HANDLES {
        handles.push(open(stream).await);
    }
    handles
}

/// Runs this once with each handle, all at the same moment.
pub(crate) async fn concurrently<T, F>(
    handles: &[NatsStore],
    run: impl Fn(usize, NatsStore) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(handles.len()));
    let tasks: Vec<_> = handles
        .iter()
        .enumerate()
        .map(|(index, store)| {
            let (start, work) = (Arc::clone(&start), run(index, store.clone()));
            tokio::spawn(async move {
                start.wait().await;
                work.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}

async fn version(store: &NatsStore, id: &str) -> u64 {
    let stream = order(id);
    let read = store.read_stream(
        &stream,
        StreamRange::backward(u64::MAX),
        ReadLimit::events(1),
    );
    read.await
        .expect("readable")
        .first()
        .map_or(0, |event| event.version)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn one_of_several_processes_wins_each_version() {
    let handles = handles("RACE").await;
    for round in 0..ROUNDS {
        let done = concurrently(&handles, |_, store| async move {
            store
                .append(placed("one", ExpectedVersion::Exact(round)))
                .await
        });
        let mut won = 0;
        for answer in done.await {
            match answer {
                Ok(done) => {
                    assert_eq!(done.version, round + 1);
                    won += 1;
                }
                Err(AppendError::Conflict { actual, .. }) => assert_eq!(actual, round + 1),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        // At any version all of them get in.
        concurrently(&handles, |_, store| async move {
            store
                .append(placed("any", ExpectedVersion::Any))
                .await
                .expect("appended");
        })
        .await;
    }
    assert_eq!(version(&handles[0], "one").await, ROUNDS);
    assert_eq!(version(&handles[0], "any").await, ROUNDS * HANDLES as u64);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn no_two_processes_write_what_the_other_one_guards() {
    let handles = handles("SKEW").await;
    for round in 0..ROUNDS {
        let ids: Vec<String> = (0..HANDLES)
            .map(|index| format!("{index}-{round}"))
            .collect();
        let won = concurrently(&handles, |mine, store| {
            let parts = ids.iter().enumerate().map(|(index, id)| {
                let mut append = placed(id, ExpectedVersion::Exact(0));
                if index != mine {
                    append.events.clear();
                }
                append
            });
            let commit = parts.fold(Commit::new(), Commit::append);
            async move { store.commit(commit).await.is_ok() }
        });
        let won = won.await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "write skew in round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_value_and_a_request_are_had_once_by_all_processes() {
    let handles = handles("ONCE").await;
    for round in 0..ROUNDS {
        let value = format!("value-{round}");
        let claimed = concurrently(&handles, |index, store| {
            let event = NewEvent::json("order.named", 1, "{}");
            let event = event.with_unique(vec![UniqueChange::claim("order.name", &*value)]);
            let stream = order(&format!("named-{index}-{round}"));
            let append = Append::new(stream, ExpectedVersion::NoStream).with_event(event);
            async move { store.append(append).await }
        });
        let mut won = 0;
        for answer in claimed.await {
            match answer {
                Ok(_) => won += 1,
                Err(AppendError::Taken { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        // One request that all of them make, while others write to the same stream.
        let id = AppendId::new(&value).expect("usable");
        let done = concurrently(&handles, |index, store| {
            let id = id.clone();
            async move {
                if index % 2 == 1 {
                    store
                        .append(placed("busy", ExpectedVersion::Any))
                        .await
                        .expect("appended");
                }
                let request = placed("busy", ExpectedVersion::Any).with_append_id(id);
                store.append(request).await.expect("done or known")
            }
        });
        let done = done.await;
        assert_eq!(
            done.iter().filter(|done| !done.repeated).count(),
            1,
            "round {round}"
        );
        assert!(done.iter().all(|other| other.version == done[0].version));
    }
    let expected = ROUNDS * (1 + HANDLES as u64 / 2);
    assert_eq!(version(&handles[0], "busy").await, expected);
}
