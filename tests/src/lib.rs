//! What crosses crates: the README, stores under the same suite, crashes.

/// The code of pages is compiled and run as documentation tests.
macro_rules! pages {
    ($($name:ident = $path:literal,)*) => {
        $(
            #[doc = include_str!($path)]
            #[cfg(doctest)]
            pub struct $name;
        )*
    };
}

pages! {
    Readme = "../../README.md",
    CachedStates = "../../docs/cached-states.md",
    ChangingAnEvent = "../../docs/changing-an-event.md",
    ReadModels = "../../docs/read-models.md",
    RulesAcrossAggregates = "../../docs/rules-across-aggregates.md",
    SagasPage = "../../docs/sagas.md",
    // The documentation of the macros, whose crate comes before those that the code uses.
    Event = "../../es-macros/docs/event.md",
    Aggregate = "../../es-macros/docs/aggregate.md",
    Decision = "../../es-macros/docs/decision.md",
    Fold = "../../es-macros/docs/fold.md",
    Shape = "../../es-macros/docs/shape.md",
    Tag = "../../es-macros/docs/tag.md",
    Projection = "../../es-macros/docs/projection.md",
    Subscription = "../../es-macros/docs/subscription.md",
    ProcessManager = "../../es-macros/docs/process_manager.md",
    Saga = "../../es-macros/docs/saga.md",
}

/// The page on PostgreSQL, whose code needs a server.
#[cfg(all(doctest, postgres))]
#[doc = include_str!("../../docs/postgresql.md")]
pub struct PostgreSql;

/// ```ignore
/// needs_postgresql!("install it or set ES_POSTGRES_BIN");
/// ```
#[cfg(all(doctest, not(postgres)))]
pub struct PostgreSqlPageNeedsPostgreSql;

pub mod accounts;
pub mod board;
pub mod clients;
pub mod courses;
pub mod done_orders;
pub mod editions;
pub mod faulty;
pub mod fixtures;
pub mod fulfilment;
pub mod halls;
pub mod ledger;
pub mod orders;
pub mod places;
pub mod pooler;
pub mod program;
pub mod proxy;
pub mod renamed;
#[cfg(unix)]
pub mod server;
pub mod signals;
pub mod stepping;
pub mod tiers;
pub mod transfers;

pub use tiers::tries;

use es_postgres::tokio_postgres::{self, Client};
use std::pin::Pin;
use tokio::task::JoinHandle;

/// `tokio::spawn`, boxed, so that a program of tests compiles the runtime's task once and not for each call.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(task);
    tokio::spawn(task)
}

/// Waits until somebody waits for a lock in the server of this database.
pub async fn somebody_waits_for_a_lock(database: &es_testkit::postgres::Database<'_>) {
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while database.query(waits).expect("asked") == "0\n" {
        tokio::task::yield_now().await;
    }
}

/// A session of PostgreSQL that no store knows of.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("connects");
    spawn(connection);
    client
}
