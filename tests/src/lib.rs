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
    Aggregates = "../../docs/aggregates.md",
    CachedStates = "../../docs/cached-states.md",
    ChangingAnEvent = "../../docs/changing-an-event.md",
    DecisionsOnTags = "../../docs/decisions-on-tags.md",
    Errors = "../../docs/errors.md",
    Events = "../../docs/events.md",
    Explorer = "../../docs/explorer.md",
    FromCqrsEs = "../../docs/from-cqrs-es.md",
    Ideas = "../../docs/ideas.md",
    InlineProjections = "../../docs/inline-projections.md",
    OperatingSagas = "../../docs/operating-sagas.md",
    Operations = "../../docs/operations.md",
    ProcessManagers = "../../docs/process-managers.md",
    Production = "../../docs/production.md",
    ReadModelTables = "../../docs/read-model-tables.md",
    ReadModels = "../../docs/read-models.md",
    Repair = "../../docs/repair.md",
    RollingDeploys = "../../docs/rolling-deploys.md",
    RulesAcrossAggregates = "../../docs/rules-across-aggregates.md",
    RulesForStoredEvents = "../../docs/rules-for-stored-events.md",
    SagasPage = "../../docs/sagas.md",
    SchemaLock = "../../docs/schema-lock.md",
    Simulation = "../../docs/simulation.md",
    Subscriptions = "../../docs/subscriptions.md",
    TagsAndAggregates = "../../docs/tags-and-aggregates.md",
    Tenants = "../../docs/tenants.md",
    ServerSentEvents = "../../docs/server-sent-events.md",
    Testing = "../../docs/testing.md",
    UniqueValues = "../../docs/unique-values.md",
    Upcasters = "../../docs/upcasters.md",
    Web = "../../docs/web.md",
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

/// The page on observability, whose code needs the crates that collect metrics and traces.
#[cfg(all(doctest, feature = "metrics"))]
#[doc = include_str!("../../docs/observability.md")]
pub struct Observability;

/// The page on PostgreSQL, whose code needs a server.
#[cfg(all(doctest, postgres))]
#[doc = include_str!("../../docs/postgresql.md")]
pub struct PostgreSql;

/// ```ignore
/// needs_postgresql!("install it or set ES_POSTGRES_BIN");
/// ```
#[cfg(all(doctest, not(postgres)))]
pub struct PostgreSqlPageNeedsPostgreSql;

/// The pages on JetStream, whose code needs a server.
#[cfg(all(doctest, nats))]
#[doc = include_str!("../../docs/jetstream.md")]
pub struct JetStream;
#[cfg(all(doctest, nats))]
#[doc = include_str!("../../docs/jetstream-sagas.md")]
pub struct JetStreamSagas;
#[cfg(all(doctest, nats))]
#[doc = include_str!("../../docs/jetstream-failures.md")]
pub struct JetStreamFailures;

/// ```ignore
/// needs_nats_server!("run .ci/nats-server");
/// ```
#[cfg(all(doctest, not(nats)))]
pub struct JetStreamPageNeedsNats;

pub mod accounts;
pub mod board;
pub mod campus;
pub mod clients;
pub mod club;
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
mod report;
#[cfg(unix)]
pub mod server;
pub mod signals;
#[cfg(unix)]
pub mod statistics;
pub mod stepping;
pub mod tiers;
pub mod transfers;

pub use report::report;
pub use tiers::tries;

use es_postgres::tokio_postgres::{self, Client};
use std::pin::Pin;
use tokio::task::JoinHandle;

/// `tokio::spawn`, boxed, so that a program of tests compiles the runtime's task once and not for each call.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(task);
    tokio::spawn(task)
}

/// Waits until somebody waits for a lock in this database.
pub async fn somebody_waits_for_a_lock(database: &es_testkit::postgres::Database<'_>) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while database.query(waits).expect("asked") == "0\n" {
        tokio::task::yield_now().await;
    }
}

/// A client of JetStream that no store knows of. A server that is busy may answer late.
pub async fn jetstream(url: &str) -> es_nats::async_nats::jetstream::Context {
    let client = es_nats::async_nats::connect(url).await.expect("connects");
    let mut context = es_nats::async_nats::jetstream::new(client);
    context.set_timeout(std::time::Duration::from_secs(60));
    context
}

/// A session of PostgreSQL that no store knows of.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("connects");
    spawn(connection);
    client
}
