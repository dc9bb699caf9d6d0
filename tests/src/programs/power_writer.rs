//! Appends so many events to an SQLite store and ends, telling each acknowledgement in one write to
//! its output: what a recorder of system calls needs to know what had been promised when.
//!
//! `power_writer PATH APPENDS full|normal`

use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::{Durability, SqliteStore};
use std::io::Write;

const TASKS: u64 = 4;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [path, appends, durability] = arguments.as_slice() else {
        return Err("PATH APPENDS full|normal".into());
    };
    let appends: u64 = appends.parse()?;
    let durability = match durability.as_str() {
        "full" => Durability::Full,
        "normal" => Durability::Normal,
        other => return Err(format!("unknown durability {other}").into()),
    };
    let options = SqliteStore::options().durability(durability);
    let store = options.reader_threads(1).open(path).await?;
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..appends / TASKS {
                let id = format!("{task}-{number}");
                let stream = StreamId::new("power", &task.to_string())?;
                let part = |part: u32| {
                    let filler = "x".repeat(1_000);
                    NewEvent::json("test.part", 1, format!("\"{id}/{part}/{filler}\""))
                };
                let append = Append::new(stream, ExpectedVersion::Any).with_events([
                    part(0),
                    part(1),
                    part(2),
                ]);
                store.append(append).await?;
                let mut out = std::io::stdout().lock();
                out.write_all(format!("ack {id}\n").as_bytes())?;
                out.flush()?;
            }
            Ok::<(), Failure>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    // No orderly close: what is not synced now may be lost.
    std::process::exit(0)
}
