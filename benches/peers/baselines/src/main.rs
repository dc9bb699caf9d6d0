//! Baselines by hand, with `rusqlite` and `tokio-postgres`. There are two of nearly every row.
//!
//! - The *bare* one does what the row says and nothing else.
//! - The one of the *same work* stores what es-runtime stores and checks what es-runtime checks: event ids, times,
//!   metadata, a position without gaps in the feed, the version before the write, and that each new event can be
//!   read. It does not block the threads of the caller's runtime either.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark may stop"
)]

mod connect;
mod memory;
mod postgres;
mod postgres_bare;
mod postgres_decisions;
mod postgres_same;
mod record;
mod school;
mod sqlite;
mod sqlite_bare;
mod sqlite_decisions;
mod sqlite_same;

use bench_common::{Arguments, runtime};

fn main() {
    let arguments = Arguments::read();
    runtime().block_on(async {
        match &*arguments.group {
            "memory" => memory::run(&arguments).await,
            "sqlite-full" | "sqlite-normal" => sqlite::writes(&arguments).await,
            "sqlite" => sqlite::loads(&arguments).await,
            "sqlite-feed" => sqlite::read_models(&arguments).await,
            "postgres-full" => postgres::writes(&arguments).await,
            "postgres" => postgres::loads(&arguments).await,
            "file-decisions" => sqlite_decisions::run(&arguments).await,
            "postgres-decisions" => postgres_decisions::run(&arguments).await,
            other => panic!("no group {other}"),
        }
    });
}
