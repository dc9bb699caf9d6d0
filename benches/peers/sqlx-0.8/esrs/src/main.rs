//! esrs with its store on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

#[path = "../../../pool.rs"]
mod pool;

use bench_common::{
    Account, Arguments, BankEvent, Command, LENGTHS, NotOpen, Report, decide, deposits, history,
    long, runtime, writes,
};
use esrs::{
    Aggregate, AggregateState,
    manager::AggregateManager,
    store::{
        EventStore,
        postgres::{PgStore, PgStoreBuilder},
    },
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::sync::Arc;
use uuid::Uuid;

#[derive(Serialize, Deserialize, Clone)]
#[serde(transparent)]
struct Event(BankEvent);

struct Accounts;

impl Aggregate for Accounts {
    const NAME: &'static str = "account";
    type State = Account;
    type Command = Command;
    type Event = Event;
    type Error = NotOpen;

    fn handle_command(state: &Account, command: Command) -> Result<Vec<Event>, NotOpen> {
        Ok(vec![Event(decide(state, command)?)])
    }

    fn apply_event(mut state: Account, event: Event) -> Account {
        state.apply(&event.0);
        state
    }
}

/// Its ids are UUIDs.
fn uuid(id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())
}

#[derive(Clone)]
struct Bank {
    manager: Arc<AggregateManager<PgStore<Accounts>>>,
    store: PgStore<Accounts>,
}

impl Bank {
    async fn load(&self, id: &str) -> Option<AggregateState<Account>> {
        self.manager.load(uuid(id)).await.unwrap()
    }
}

impl bench_common::Bank for Bank {
    async fn execute(&self, id: String, command: Command) -> bool {
        let state = match self.load(&id).await {
            Some(state) => state,
            None => AggregateState::with_id(uuid(&id)),
        };
        matches!(self.manager.handle_command(state, command).await, Ok(Ok(_)))
    }

    async fn append(&self, id: String, events: u64) {
        let mut state = AggregateState::with_id(uuid(&id));
        let events = deposits(events).map(Event).collect();
        self.store.persist(&mut state, events).await.unwrap();
    }
}

/// It inserts row by row, too slowly for the long stream, so one statement does it.
async fn seed(pool: &PgPool, store: &PgStore<Accounts>, id: &str, events: u64) {
    let sql = format!(
        "INSERT INTO {} (id, aggregate_id, payload, occurred_on, sequence_number)
         SELECT gen_random_uuid(), $1, json::jsonb, now(), number
         FROM unnest($2::text[]) WITH ORDINALITY AS r (json, number)",
        store.table_name()
    );
    let json: Vec<String> = history(events)
        .map(|event| serde_json::to_string(&event).unwrap())
        .collect();
    let insert = sqlx::query(&sql).bind(uuid(id)).bind(json);
    insert.execute(pool).await.unwrap();
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let pool = pool::postgres(arguments).await;
    let store = PgStoreBuilder::<Accounts>::new(pool.clone());
    let store = store.try_build().await.unwrap();
    let bank = Bank {
        manager: Arc::new(AggregateManager::new(store.clone())),
        store,
    };
    match &*arguments.group {
        "postgres-full" => {
            writes(report, "postgres-full", &bank).await;
        }
        "postgres" => {
            for length in LENGTHS {
                seed(&pool, &bank.store, &long(length), length).await;
            }
            let longest = LENGTHS.into_iter().max().unwrap();
            bench_common::loads(report, "postgres", longest, async |id: String| {
                bank.load(&id).await.unwrap().inner().events
            })
            .await;
        }
        other => panic!("no group {other}"),
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = arguments.report("esrs");
    runtime().block_on(run(&arguments, &mut report));
}
