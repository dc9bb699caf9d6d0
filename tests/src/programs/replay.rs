//! Loads one long aggregate out of a file and prints the peak of its memory in KiB.
//!
//! `replay FILE fold` loads it as the repository does; `replay FILE collect` keeps every event, for
//! comparison; `replay FILE project` builds a read model of it, and `replay FILE hoard` one whose handler
//! keeps every event.

use es_projections::{HandlerError, Project, Projection, Projections};
use es_runtime::{
    Aggregate, Apply, Envelope, Event, EventStore, ReadLimit, Repository, StreamId, StreamRange,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

#[derive(Event, Serialize, Deserialize)]
#[event("note.added")]
struct NoteAdded {
    text: String,
}

#[derive(Aggregate, Default)]
#[aggregate("notes", id = String, error = std::convert::Infallible, events(NoteAdded))]
struct Notes {
    bytes: usize,
}

impl Apply<NoteAdded> for Notes {
    fn apply(&mut self, event: &NoteAdded) {
        self.bytes += event.text.len();
    }
}

/// Rows as long as the events, so that a short history fills the caches of the read database too.
#[derive(Projection)]
#[projection("texts", events(NoteAdded))]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {texts} (text TEXT)"))]
struct Texts {
    kept: Option<Mutex<Vec<String>>>,
}

impl Project<NoteAdded, SqliteReadDatabase> for Texts {
    async fn project(
        &self,
        added: &Envelope<NoteAdded>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let text = &added.event.text;
        tx.execute("INSERT INTO {texts} VALUES (?1)", [text])?;
        if let Some(kept) = &self.kept {
            kept.lock().expect("not poisoned").push(text.clone());
        }
        Ok(())
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(2);
    let file = arguments.next().ok_or("which file?")?;
    let how = arguments.next().ok_or("how?")?;
    let store = SqliteStore::open(&file).await?;
    let mut kept = Vec::new();
    if how == "fold" {
        let notes = Repository::<Notes, _>::without_snapshots(store.clone());
        let loaded = notes.load(&"n".to_owned()).await?;
        eprintln!("{} events, {} bytes", loaded.version, loaded.state.bytes);
    } else if how == "project" || how == "hoard" {
        let read = SqliteReadDatabase::open(format!("{file}-{how}")).await?;
        let kept = (how == "hoard").then(Mutex::default);
        Projections::new(store.clone(), read)
            .with(Texts { kept })
            .catch_up()
            .await?;
    } else {
        let stream = StreamId::new("notes", "n")?;
        let mut after = 0;
        loop {
            let range = StreamRange::forward(after);
            let page = store
                .read_stream(&stream, range, ReadLimit::default())
                .await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            kept.push(page);
        }
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
    println!("{peak}");
    drop(kept);
    Ok(())
}
