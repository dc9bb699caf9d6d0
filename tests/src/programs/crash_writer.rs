//! Appends to an SQLite store until it is killed, and prints each append that was acknowledged.
//!
//! `crash_writer PATH RUN MODE`, where the mode is `honest`; `early`, which prints before the store
//! has answered, as a store would that answers before it commits; or `once`, which appends once and
//! ends.

use es_runtime::{Append, AppendId, EventStore, EventTag, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use std::io::Write;

const TASKS: u64 = 4;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [path, run, mode] = arguments.as_slice() else {
        return Err("PATH RUN MODE".into());
    };
    let store = SqliteStore::options().reader_threads(1).open(path).await?;
    if mode == "once" {
        store.append(request(run, 0, 0)?).await?;
        store.close().await;
        return Ok(());
    }
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let (store, run, early) = (store.clone(), run.clone(), mode == "early");
        tasks.push(tokio::spawn(async move {
            for number in 0.. {
                let append = request(&run, task, number)?;
                let id = format!("{run}-{task}-{number}");
                if early {
                    let store = store.clone();
                    let answer = tokio::spawn(async move { store.append(append).await });
                    acknowledge(&id)?;
                    answer.await??;
                } else {
                    store.append(append).await?;
                    acknowledge(&id)?;
                }
            }
            Ok::<(), Failure>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Three events that name their append, also by a tag, on one of a few streams that the tasks share.
fn request(run: &str, task: u64, number: u64) -> Result<Append, Failure> {
    let id = format!("{run}-{task}-{number}");
    let stream = StreamId::new("crash", &((task + number) % 5).to_string())?;
    let events = (0..3).map(|part| {
        let tag = EventTag::new("append").with(id.as_str());
        NewEvent::json("test.part", 1, format!("{id}/{part}")).with_tags(vec![tag])
    });
    Ok(Append::new(stream, ExpectedVersion::Any)
        .with_events(events)
        .with_append_id(AppendId::new(id.clone())?))
}

/// One line in one write, so that a kill leaves no half of it.
fn acknowledge(id: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{id}\n").as_bytes())?;
    out.flush()
}
