//! disintegrate with its store on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

#[path = "../../../pool.rs"]
mod pool;
mod school;

use bench_common::{
    Account, Arguments, BankEvent, Command, LENGTHS, NotOpen, Report, decide, deposits, history,
    long, runtime, writes,
};
use disintegrate::{
    Decision, EventSourcedStateStore, EventStore, LoadState, LoadedState, NoSnapshot, StateMutate,
    StateQuery, serde::json::Json,
};
use disintegrate_postgres::{PgDecisionMaker, PgEventStore, PgSnapshotter, WithPgSnapshot};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, disintegrate::Event, Serialize, Deserialize)]
#[stream(AccountEvent, [Opened, Deposited, Withdrawn])]
enum Event {
    Opened {
        #[id]
        account: String,
        owner: String,
        currency: String,
        reference: String,
        at: i64,
    },
    Deposited {
        #[id]
        account: String,
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
    Withdrawn {
        #[id]
        account: String,
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
}

/// The id of the account is part of the event.
fn of(id: &str, event: BankEvent) -> Event {
    let account = id.to_owned();
    match event {
        BankEvent::Opened {
            owner,
            currency,
            reference,
            at,
        } => Event::Opened {
            account,
            owner,
            currency,
            reference,
            at,
        },
        BankEvent::Deposited {
            amount,
            currency,
            reference,
            at,
        } => Event::Deposited {
            account,
            amount,
            currency,
            reference,
            at,
        },
        BankEvent::Withdrawn {
            amount,
            currency,
            reference,
            at,
        } => Event::Withdrawn {
            account,
            amount,
            currency,
            reference,
            at,
        },
    }
}

#[derive(Default, StateQuery, Clone, Serialize, Deserialize)]
#[state_query(AccountEvent)]
struct State {
    #[id]
    account: String,
    facts: Account,
}

impl State {
    fn of(id: String) -> Self {
        let facts = Account::default();
        Self { account: id, facts }
    }
}

impl StateMutate for State {
    fn mutate(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened { owner, at, .. } => self.facts.opened(&owner, at),
            AccountEvent::Deposited { amount, at, .. } => self.facts.changed(amount, at),
            AccountEvent::Withdrawn { amount, at, .. } => self.facts.changed(-amount, at),
        }
    }
}

struct Execute(String, Command);

impl Decision for Execute {
    type Event = Event;
    type StateQuery = State;
    type Error = NotOpen;

    fn state_query(&self) -> State {
        State::of(self.0.clone())
    }

    fn process(&self, state: &State) -> Result<Vec<Event>, NotOpen> {
        Ok(vec![of(&self.0, decide(&state.facts, self.1)?)])
    }
}

type Store = PgEventStore<Event, Json<Event>>;

#[derive(Clone)]
struct Bank {
    decisions: Arc<PgDecisionMaker<Event, Json<Event>, NoSnapshot>>,
    store: Store,
}

impl bench_common::Bank for Bank {
    async fn execute(&self, id: String, command: Command) -> bool {
        self.decisions.make(Execute(id, command)).await.is_ok()
    }

    async fn append(&self, id: String, events: u64) {
        let events = deposits(events).map(|event| of(&id, event)).collect();
        // That nobody else has written to the account is what the other libraries check too.
        let account = State::of(id);
        self.store.append(events, account.query(), 0).await.unwrap();
    }
}

/// Its migration has a literal that PostgreSQL 15 does not read. These are its statements, with that number in
/// decimal.
const TABLES: &str = include_str!("tables.sql");

async fn seed(store: &Store, id: &str, events: u64) {
    let mut rest = history(events).map(|event| of(id, event));
    loop {
        let some: Vec<Event> = rest.by_ref().take(5_000).collect();
        if some.is_empty() {
            return;
        }
        store.append_without_validation(some).await.unwrap();
    }
}

async fn loads(report: &mut Report, pool: &PgPool, store: &Store) {
    for length in LENGTHS {
        seed(store, &long(length), length).await;
    }
    let longest = LENGTHS.into_iter().max().unwrap();
    let states = EventSourcedStateStore::new(store.clone(), NoSnapshot);
    bench_common::loads(report, "postgres", longest, async |id: String| {
        let loaded: LoadedState<i64, State> = states.load(State::of(id)).await.unwrap();
        loaded.state().facts.events
    })
    .await;
    let snapshots = PgSnapshotter::try_new(pool.clone(), 1_000).await.unwrap();
    let states = EventSourcedStateStore::new(store.clone(), WithPgSnapshot::new(snapshots));
    let load = async || {
        let account = State::of(long(longest));
        let loaded: LoadedState<i64, State> = states.load(account).await.unwrap();
        loaded.state().facts.events
    };
    // The first load writes the snapshot.
    load().await;
    report.load("postgres-load-snapshot", longest, load).await;
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let pool = pool::postgres(arguments).await;
    sqlx::raw_sql(TABLES).execute(&pool).await.unwrap();
    let store = Store::new_uninitialized(pool.clone(), Json::default());
    match &*arguments.group {
        "postgres-full" => {
            let decisions = disintegrate_postgres::decision_maker(store.clone(), NoSnapshot);
            let bank = Bank {
                decisions: Arc::new(decisions),
                store,
            };
            writes(report, "postgres-full", &bank).await;
        }
        "postgres" => loads(report, &pool, &store).await,
        "postgres-decisions" => school::run(report, &pool).await,
        other => panic!("no group {other}"),
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = arguments.report("disintegrate");
    runtime().block_on(run(&arguments, &mut report));
}
