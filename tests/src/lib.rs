//! What crosses crates: the README, stores under the same suite, crashes.

/// The README's code is compiled and run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// So is the page on changing events.
#[cfg(doctest)]
#[doc = include_str!("../../docs/changing-an-event.md")]
pub struct ChangingAnEvent;

/// And the one on read models.
#[cfg(doctest)]
#[doc = include_str!("../../docs/read-models.md")]
pub struct ReadModels;

/// And the one on PostgreSQL, whose examples need a server.
#[cfg(all(doctest, postgres))]
#[doc = include_str!("../../docs/postgresql.md")]
pub struct PostgreSql;

/// ```ignore
/// needs_postgresql!("install it or set ES_POSTGRES_BIN");
/// ```
#[cfg(all(doctest, not(postgres)))]
pub struct PostgreSqlPageNeedsPostgreSql;

/// And the one on sagas.
#[cfg(doctest)]
#[doc = include_str!("../../docs/sagas.md")]
pub struct SagasPage;

/// How much of something is tried: all of it where `ES_LONG_TESTS` is set, as `.ci/run` does, and a part
/// that takes seconds otherwise.
pub fn tries<T>(all: T, part: T) -> T {
    if std::env::var_os("ES_LONG_TESTS").is_some() {
        all
    } else {
        part
    }
}

pub mod accounts;
pub mod board;
pub mod done_orders;
pub mod editions;
pub mod faulty;
pub mod fixtures;
pub mod fulfilment;
pub mod ledger;
pub mod orders;
pub mod places;
pub mod pooler;
pub mod program;
pub mod proxy;
pub mod renamed;
pub mod signals;
pub mod stepping;
