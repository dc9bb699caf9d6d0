//! Runs the read models of `es_tests::accounts` and can be made to stop at any place of it, to be
//! killed there.
//!
//! `projector STORE READ MODE STOP`: at the STOPth place (0 for never) it prints `stopped` and waits
//! for ever. Places are before, between and after the statements of a handler, and after a commit.
//! The mode is `exact`; `naive` for a runner that commits rows and position apart; or `life`, where an
//! event is parked and tried again and the tables are rebuilt, with places also around every
//! transaction of the runner's own.

use es_projections::{HandlerError, Measure, Projections};
use es_runtime::{EventStore, Position, ReadLimit};
use es_sqlite::{SqliteReadDatabase, SqliteStore, rusqlite::Connection};
use es_tests::{
    accounts::{BALANCES, Balances},
    stepping::Stepping,
};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Counts the places and stops at one.
#[derive(Clone)]
struct Places {
    passed: Arc<AtomicU64>,
    stop: u64,
}

impl Places {
    fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 != self.stop {
            return;
        }
        let mut out = std::io::stdout();
        let said = writeln!(out, "stopped").and_then(|()| out.flush());
        loop {
            // Nobody reads any more: the parent is gone.
            if said.is_err() {
                std::process::exit(1);
            }
            std::thread::park();
        }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [store, read, mode, stop] = arguments.as_slice() else {
        return Err("STORE READ MODE STOP".into());
    };
    let places = Places {
        passed: Arc::default(),
        stop: stop.parse()?,
    };
    let store = SqliteStore::open(store).await?;
    if mode == "naive" {
        return naive(&store, read, &places).await;
    }
    let read = SqliteReadDatabase::open(read).await?;
    if mode == "life" {
        return life(store, read, &places).await;
    }
    let (in_handlers, behind_commits) = (places.clone(), places);
    Projections::new(store, read)
        .take_over(true)
        .page(ReadLimit::events(3))
        .meter(move |measure: &Measure<'_>| {
            if matches!(measure, Measure::Batch { .. }) {
                behind_commits.pass();
            }
        })
        .with(Balances::hooked(move |_, _, _| {
            in_handlers.pass();
            Ok::<(), HandlerError>(())
        }))
        .catch_up()
        .await?;
    println!("done");
    Ok(())
}

/// Each step finds what it left behind when it was killed: the first of an account is parked until
/// the handler is mended, then the tables are rebuilt once.
async fn life(
    store: SqliteStore,
    read: SqliteReadDatabase,
    places: &Places,
) -> Result<(), Failure> {
    let (in_handlers, around) = (places.clone(), places.clone());
    let broken = Arc::new(AtomicBool::new(true));
    let hinders = Arc::clone(&broken);
    let projections = Projections::new(store, Stepping::new(read, move || around.pass()))
        .take_over(true)
        .page(ReadLimit::events(3))
        .attempts(2, Duration::from_millis(1), Duration::from_millis(1))
        .with(Balances::hooked(move |place, stream, version| {
            in_handlers.pass();
            let fails = place == "between" && stream.id() == "a1" && version == 1;
            if fails && hinders.load(Ordering::SeqCst) {
                return Err(HandlerError::new("the row does not fit"));
            }
            Ok(())
        }));
    projections.catch_up().await?;
    broken.store(false, Ordering::SeqCst);
    let retried = projections.retry("balances", "account/a1").await?;
    if let Some(failed) = retried.failed {
        return Err(failed.event.reason.into());
    }
    let status = projections.status().await?;
    if status
        .iter()
        .any(|partition| partition.live && partition.build == 1)
    {
        projections.rebuild_now("balances").await?;
    }
    println!("done");
    Ok(())
}

/// What several libraries do: the rows first, then the position.
async fn naive(store: &SqliteStore, read: &str, places: &Places) -> Result<(), Failure> {
    let rows = Connection::open(read)?;
    let tables = format!("{BALANCES} CREATE TABLE checkpoint (position TEXT);");
    rows.execute_batch(
        &tables
            .replace(['{', '}'], "")
            .replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
            .replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"),
    )?;
    let from: Option<String> =
        rows.query_row("SELECT max(position) FROM checkpoint", [], |row| row.get(0))?;
    let mut from: Position = from.map_or(Ok(Position::START), |text| text.parse())?;
    let filter = <Balances as es_projections::Projection>::filter();
    loop {
        let page = store.read_feed(from, &filter, ReadLimit::events(3)).await?;
        for event in &page.events {
            let payload: serde_json::Value = serde_json::from_slice(event.stored_payload().bytes)?;
            let cents = payload["cents"].as_i64().ok_or("cents")?;
            let cents = if &*event.name == "account.withdrawn" {
                -cents
            } else {
                cents
            };
            places.pass();
            rows.execute(
                "INSERT INTO entries (account, version, cents) VALUES (?1, ?2, ?3)",
                (event.stream.id(), event.version.cast_signed(), cents),
            )?;
            places.pass();
            rows.execute(
                "INSERT INTO balances VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents",
                (event.stream.id(), cents),
            )?;
            places.pass();
        }
        rows.execute("DELETE FROM checkpoint", [])?;
        rows.execute(
            "INSERT INTO checkpoint VALUES (?1)",
            [page.next.to_string()],
        )?;
        places.pass();
        if page.at_end {
            println!("done");
            return Ok(());
        }
        from = page.next;
    }
}
