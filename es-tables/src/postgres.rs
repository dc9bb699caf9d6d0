//! Databases of PostgreSQL, read in transactions that cannot write, and filled in others.
//!
//! A session keeps no setting and no prepared statement, so that a pooler may stand before the server.

use crate::{
    Connection, Dialect, Error, Page, Param, Query, Row, Value, Write, connection,
    database::Database, error::server,
};
use futures_util::TryStreamExt;
use std::{ops::ControlFlow, pin::pin, time::Duration};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{
    Client, Config,
    types::{ToSql, Type},
};

/// The settings of each transaction. Pages follow an index. Before the server has statistics of a table it would
/// rather read all the rest of it for each page, and sort that. Rows that a policy hides would look like damage:
/// the server refuses such a statement.
const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; \
    SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; SET LOCAL row_security = off";

/// Some rows of an answer: few enough that large payloads do not matter.
const FETCH: &str = "FETCH 64 FROM rows";

pub(crate) struct Postgres {
    runtime: Runtime,
    client: Client,
    /// The database, without the password.
    pub(crate) name: String,
    /// Whether a transaction is open that all pages are read in.
    is_held: bool,
}

impl Postgres {
    pub(crate) fn open(text: &str) -> Result<Self, Error> {
        let Connection { mut config, tls } = Connection::parse(text)?;
        if config.get_application_name().is_none() {
            config.application_name("es");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        let name = name(&config);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connected = runtime.block_on(async {
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(connection);
            Ok(client)
        });
        match connected {
            Ok(client) => Ok(Self {
                runtime,
                client,
                name,
                is_held: false,
            }),
            Err(error) => Err(Error::CannotOpen {
                store: name,
                why: server(&error) + what_to_do(&error),
            }),
        }
    }
}

/// The database of a connection string, without the password.
pub(crate) fn shown(text: &str) -> String {
    let read = connection::read(text);
    read.map_or_else(|_| "the database".to_owned(), |read| name(&read.config))
}

/// What a person can do about a server that does not take the connection.
fn what_to_do(error: &tokio_postgres::Error) -> &'static str {
    let said = server(error);
    if said.contains("does not support TLS") {
        return ". `sslmode=disable` connects without, and sends passwords and events in the clear";
    }
    if said.contains("not valid for name") || said.contains("NotValidForName") {
        return ". With sslmode=verify-full the certificate has to have the host of the connection string among its alternative \
                names; a common name does not count";
    }
    if said.contains("CaUsedAsEndEntity") {
        return ". The server shows a certificate that is one of an authority. Let an authority of your own sign one for the server";
    }
    if said.contains("UnknownIssuer") {
        return ". Name the file of the authority that signed it with sslrootcert";
    }
    ""
}

fn name(config: &Config) -> String {
    let hosts = es_postgres::__private::hosts(config);
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("postgres://{hosts}/{database}")
}

impl Database for Postgres {
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        let client = &self.client;
        if self.is_held {
            return self.runtime.block_on(read(client, query, at_most));
        }
        self.runtime.block_on(async {
            let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {SETTINGS}");
            client.batch_execute(&begin).await?;
            let page = read(client, query, at_most).await;
            let end = if page.is_ok() { "COMMIT" } else { "ROLLBACK" };
            // A lost connection is reported by the statement before.
            let ended = client.batch_execute(end).await;
            let page = page?;
            ended?;
            Ok(page)
        })
    }

    fn each(
        &mut self,
        query: &Query,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.runtime.block_on(self.client.batch_execute(begin))?;
        let query = query.literal(Dialect::Postgres);
        let declare = format!("DECLARE rows NO SCROLL CURSOR FOR {query}");
        self.runtime.block_on(self.client.batch_execute(&declare))?;
        'all: loop {
            let fetched = self.client.query_typed(FETCH, &[]);
            let rows = self.runtime.block_on(fetched)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let values = (0..row.len()).map(|column| value(&row, column));
                if each(Row(values.collect::<Result<_, _>>()?)).is_break() {
                    break 'all;
                }
            }
        }
        Ok(self.runtime.block_on(self.client.batch_execute("COMMIT"))?)
    }

    fn hold(&mut self) -> Result<(), Error> {
        // The moment is that of the first statement that reads.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {SETTINGS}; SELECT 1 FROM pg_catalog.pg_class LIMIT 1"
        );
        self.runtime.block_on(self.client.batch_execute(&begin))?;
        self.is_held = true;
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), Error> {
        self.is_held = false;
        Ok(self.runtime.block_on(self.client.batch_execute("COMMIT"))?)
    }

    fn others(&mut self) -> Result<Option<String>, Error> {
        // What a session is for is hidden from a role that may not see it. `es` itself writes nothing there.
        let sql = "SELECT string_agg(DISTINCT coalesce(nullif(application_name, ''), usename::text, '?'), ', ') FROM \
                   pg_catalog.pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND \
                   coalesce(backend_type, 'client backend') = 'client backend' AND coalesce(application_name, '') <> 'es'";
        let rows = self.runtime.block_on(self.client.query_typed(sql, &[]))?;
        match rows.first() {
            Some(row) => Ok(row.try_get(0)?),
            None => Ok(None),
        }
    }

    fn write(&mut self, writes: &[Write], is_synced: bool) -> Result<(), Error> {
        let client = &self.client;
        let synced = if is_synced { "on" } else { "off" };
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = {synced}"
        );
        self.runtime.block_on(async {
            client.batch_execute(&begin).await?;
            for write in writes {
                if let Err(error) = run(client, write).await {
                    // A lost connection is reported by the statement before.
                    let _ = client.batch_execute("ROLLBACK").await;
                    return Err(error);
                }
            }
            Ok(client.batch_execute("COMMIT").await?)
        })
    }
}

/// Runs a statement, each of whose parameters is an array with a value of each row.
async fn run(client: &Client, write: &Write) -> Result<(), Error> {
    let mut arrays: Vec<(Box<dyn ToSql + Sync + '_>, Type)> =
        Vec::with_capacity(write.params.len());
    for (number, param) in write.params.iter().enumerate() {
        let column = write.column(number);
        arrays.push(match param {
            Param::Integer => {
                let values = column.map(|value| match value {
                    Value::Integer(number) => Some(*number),
                    _ => None,
                });
                (Box::new(values.collect::<Vec<_>>()), Type::INT8_ARRAY)
            }
            Param::Text => {
                let values = column.map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                let values: Vec<Option<&str>> = values.collect();
                if let Some(text) = values.iter().flatten().find(|text| text.contains('\0')) {
                    return Err(Error::Damaged(format!(
                        "{text:?} has a NUL, and PostgreSQL stores no text with one"
                    )));
                }
                (Box::new(values), Type::TEXT_ARRAY)
            }
            Param::Bytes => {
                let values = column.map(|value| match value {
                    Value::Bytes(bytes) => Some(bytes.as_slice()),
                    _ => None,
                });
                (Box::new(values.collect::<Vec<_>>()), Type::BYTEA_ARRAY)
            }
        });
    }
    let params = arrays.iter().map(|(value, kind)| (&**value, kind.clone()));
    let params: Vec<(&(dyn ToSql + Sync), Type)> = params.collect();
    let rows = client.query_typed_raw(&write.sql, params).await?;
    let mut rows = pin!(rows);
    while rows.try_next().await?.is_some() {}
    write.check(rows.rows_affected().unwrap_or(0))
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
