//! Connections of the baselines.

use rusqlite::Connection;
use std::path::Path;
use tokio_postgres::{Client, NoTls};

pub(crate) async fn postgres(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection with a write-ahead log. `full` syncs it at every commit.
pub(crate) fn sqlite(path: &Path, full: bool) -> Connection {
    let connection = Connection::open(path).unwrap();
    let synchronous = if full { "FULL" } else { "NORMAL" };
    let settings = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};");
    connection.execute_batch(&settings).unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection
}
