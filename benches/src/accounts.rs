//! Bank accounts under load: commands that load, decide and append, and loads alone.

use crate::table::WINDOW;
use es_runtime::{
    Aggregate, Append, Apply, Event, EventStore, Events, ExpectedVersion, Handle, NewEvent,
    Repository, SnapshotStore, StreamId,
};
use serde::{Deserialize, Serialize};
use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// Events that an account gets before the next one is opened, so that a command meets 10 past events
/// on average, however long the run is.
pub const EVENTS_EACH: u64 = 20;

/// What happens to an account.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
pub enum AccountEvent {
    /// It was opened.
    #[event("account.opened")]
    Opened {
        /// Whose it is.
        owner: String,
    },
    /// Money came in.
    #[event("account.deposited")]
    Deposited {
        /// How much.
        cents: i64,
        /// What for.
        reference: String,
    },
}

/// Opens an account.
#[derive(Clone)]
pub struct Open;

/// Brings money.
#[derive(Clone)]
pub struct Deposit {
    /// How much.
    pub cents: i64,
}

/// The account is not open.
#[derive(Debug, thiserror::Error)]
#[error("not open")]
pub struct NotOpen;

/// An account.
#[derive(Aggregate, Clone, Default, PartialEq, Serialize, Deserialize)]
#[aggregate("account", id = String, error = NotOpen, events = AccountEvent)]
#[aggregate(snapshot(every = 100))]
pub struct Account {
    open: bool,
    cents: i64,
}

impl Apply<AccountEvent> for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Deposited { cents, .. } => self.cents += cents,
        }
    }
}

impl Handle<Open> for Account {
    fn handle(&self, _: Open) -> Result<Events<Self>, NotOpen> {
        let owner = "Alice".to_owned();
        Ok(AccountEvent::Opened { owner }.into())
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, command: Deposit) -> Result<Events<Self>, NotOpen> {
        if !self.open {
            return Err(NotOpen);
        }
        Ok(AccountEvent::Deposited {
            cents: command.cents,
            reference: "transfer from a savings account, reference 2026-11".into(),
        }
        .into())
    }
}

/// The payload that a `Deposit` ends in.
#[derive(Serialize, Deserialize)]
pub struct Deposited {
    /// How much.
    pub cents: i64,
    reference: String,
}

/// Its bytes.
pub fn deposited() -> Vec<u8> {
    serde_json::to_vec(&Deposited {
        cents: 5,
        reference: "transfer from a savings account, reference 2026-11".into(),
    })
    .unwrap()
}

/// One account with so many events.
pub async fn seed(store: &impl EventStore, id: &str, events: u64) {
    let stream = StreamId::new("account", id).unwrap();
    let opened = NewEvent::json("account.opened", 1, r#"{"owner":"Alice"}"#);
    let mut append = Append::new(stream.clone(), ExpectedVersion::NoStream).with_event(opened);
    for version in 1..events {
        let event = NewEvent::json("account.deposited", 1, deposited());
        append = append.with_event(event);
        if version % 1_000 == 999 {
            let next = Append::new(stream.clone(), ExpectedVersion::Any);
            store
                .append(std::mem::replace(&mut append, next))
                .await
                .unwrap();
        }
    }
    store.append(append).await.unwrap();
}

/// How fast commands were.
#[derive(Clone, Debug)]
pub struct Speed {
    /// Commands a second.
    pub rate: f64,
    /// How long each took, sorted.
    pub latencies: Vec<Duration>,
}

impl Speed {
    /// So many of a thousand commands were done within this time.
    pub fn within(&self, thousandths: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (self.latencies.len() * thousandths / 1000).min(last);
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// So many callers, each with accounts of its own.
pub fn commands<S: EventStore + SnapshotStore>(
    runtime: &Runtime,
    store: &S,
    callers: usize,
) -> Speed {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    runtime.block_on(async {
        let accounts = Repository::<Account, _>::without_snapshots(store.clone());
        let start = Instant::now();
        let mut tasks = Vec::new();
        for caller in 0..callers {
            let accounts = accounts.clone();
            tasks.push(tokio::spawn(async move {
                let mut took = Vec::new();
                while start.elapsed() < WINDOW {
                    let done = took.len() as u64;
                    let id = format!("{run}-{caller}-{}", done / EVENTS_EACH);
                    let began = Instant::now();
                    if done.is_multiple_of(EVENTS_EACH) {
                        accounts.execute(&id, Open).await.unwrap();
                    } else {
                        accounts.execute(&id, Deposit { cents: 1 }).await.unwrap();
                    }
                    took.push(began.elapsed());
                }
                took
            }));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
        latencies.sort_unstable();
        Speed { rate, latencies }
    })
}

/// Loads a second of the account `long`.
pub fn loads<N: SnapshotStore, S: EventStore>(
    runtime: &Runtime,
    accounts: &Repository<Account, S, N>,
) -> f64 {
    let id = "long".to_owned();
    runtime.block_on(async {
        let start = Instant::now();
        let mut done = 0_u64;
        while start.elapsed() < WINDOW {
            black_box(accounts.load(&id).await.unwrap().state.cents);
            done += 1;
        }
        done as f64 / start.elapsed().as_secs_f64()
    })
}
