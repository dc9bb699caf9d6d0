//! Databases of PostgreSQL, read in transactions that cannot write.
//!
//! A session keeps no setting and no prepared statement, so that a pooler may stand before the server.

use super::{
    Database, Page,
    query::Query,
    value::{Row, Value},
};
use crate::error::{Error, server};
use futures_util::TryStreamExt;
use std::{pin::pin, time::Duration};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{
    Client, Config, NoTls,
    types::{ToSql, Type},
};

/// The settings of each transaction. Pages follow an index. Before the server has statistics of a table it would
/// rather read all the rest of it for each page, and sort that. Rows that a policy hides would look like damage:
/// the server refuses such a statement.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; \
    SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; SET LOCAL row_security = off";

pub(crate) struct Postgres {
    runtime: Runtime,
    client: Client,
    /// The database, without the password.
    pub(crate) name: String,
}

impl Postgres {
    pub(crate) fn open(text: &str) -> Result<Self, Error> {
        // The text may have a password in it.
        let Ok(mut config) = text.parse::<Config>() else {
            return Err(Error::Usage(
                "the connection string is neither a URL such as postgres://user@host/database nor pairs such as \
                 host=localhost user=shop dbname=shop"
                    .to_owned(),
            ));
        };
        if config.get_application_name().is_none() {
            config.application_name("es");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        let name = name(&config);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connected = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        });
        match connected {
            Ok(client) => Ok(Self {
                runtime,
                client,
                name,
            }),
            Err(error) => Err(Error::CannotOpen {
                store: name,
                why: format!(
                    "{}. This program has no TLS: for a server that requires it, use a tunnel",
                    server(&error)
                ),
            }),
        }
    }
}

fn name(config: &Config) -> String {
    let host = config.get_hosts().first().map_or_else(
        || "localhost".to_owned(),
        |host| match host {
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
        },
    );
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("postgres://{host}/{database}")
}

impl Database for Postgres {
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        let client = &self.client;
        self.runtime.block_on(async {
            client.batch_execute(BEGIN).await?;
            let page = read(client, query, at_most).await;
            let end = if page.is_ok() { "COMMIT" } else { "ROLLBACK" };
            // A lost connection is reported by the statement before.
            let ended = client.batch_execute(end).await;
            let page = page?;
            ended?;
            Ok(page)
        })
    }
}

async fn read(client: &Client, query: &Query, at_most: usize) -> Result<Page, Error> {
    let params = query.params.iter().map(|value| {
        let (value, kind): (&(dyn ToSql + Sync), Type) = match value {
            Value::Null => (&None::<&str>, Type::TEXT),
            Value::Integer(number) => (number, Type::INT8),
            Value::Text(text) => (text, Type::TEXT),
            Value::Bytes(bytes) => (bytes, Type::BYTEA),
        };
        (value, kind)
    });
    let params: Vec<(&(dyn ToSql + Sync), Type)> = params.collect();
    let rows = client.query_typed_raw(&query.sql, params).await?;
    let mut rows = pin!(rows);
    let mut page = Page::new(at_most);
    while let Some(row) = rows.try_next().await? {
        let values = (0..row.len()).map(|column| value(&row, column));
        if !page.take(Row(values.collect::<Result<_, _>>()?)) {
            break;
        }
    }
    Ok(page)
}

fn value(row: &tokio_postgres::Row, column: usize) -> Result<Value, tokio_postgres::Error> {
    let kind = row.columns().get(column).map(tokio_postgres::Column::type_);
    let value = match kind {
        Some(&Type::INT4) => {
            let number: Option<i32> = row.try_get(column)?;
            number.map(|number| Value::Integer(number.into()))
        }
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(column)?.map(Value::Integer),
        Some(&Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Value::Bytes),
        _ => row.try_get::<_, Option<String>>(column)?.map(Value::Text),
    };
    Ok(value.unwrap_or(Value::Null))
}
