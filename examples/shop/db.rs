//! Where a shop is: a SQLite file or a PostgreSQL database, chosen at run time. Everything else works on
//! either, through [`Shop`].

use crate::read::{Customers, OrderSummaries, SalesByMonth};
use es_postgres::{PostgresOptions, PostgresStore, tokio_postgres};
use es_projections::{AnyReadDatabase, Projections};
use es_runtime::{AnyStore, EventStore, StorageError, StorageErrorKind};
use es_sqlite::SqliteStore;
use std::{error::Error, ffi::OsString, path::PathBuf, time::Duration};

/// What `--db` names. It has no debug form: a URL may hold a password.
#[derive(Clone)]
pub enum Db {
    File(PathBuf),
    Server(Server),
}

/// How to connect to a database of a server.
#[derive(Clone)]
pub struct Server(String);

/// Whatever does not look like a server is the name of a file, in whichever bytes.
impl From<OsString> for Db {
    fn from(text: OsString) -> Self {
        match text.to_str() {
            Some(server) if is_server(server) => Self::Server(Server(server.to_owned())),
            _ => Self::File(text.into()),
        }
    }
}

impl Db {
    /// As it is given to another process of the shop.
    pub fn to_os_string(&self) -> OsString {
        match self {
            Self::File(file) => file.into(),
            Self::Server(Server(text)) => text.into(),
        }
    }
}

fn is_server(text: &str) -> bool {
    const KEYS: [&str; 7] = [
        "host", "hostaddr", "port", "user", "password", "dbname", "options",
    ];
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let is_pairs = text
        .split_once('=')
        .is_some_and(|(key, _)| KEYS.contains(&key.trim()));
    is_url || is_pairs
}

/// An open shop: its events, and its read models in the same database.
pub struct Shop {
    pub store: AnyStore,
    read: AnyReadDatabase,
}

impl From<SqliteStore> for Shop {
    fn from(store: SqliteStore) -> Self {
        Self {
            read: AnyReadDatabase::new(store.read_database()),
            store: AnyStore::new(store),
        }
    }
}

impl From<PostgresStore> for Shop {
    fn from(store: PostgresStore) -> Self {
        Self {
            read: AnyReadDatabase::new(store.read_database()),
            store: AnyStore::new(store),
        }
    }
}

impl Shop {
    /// Opens the shop, and creates it where it is missing.
    pub async fn create(place: &Db) -> Result<Self, Box<dyn Error>> {
        match place {
            Db::File(file) => Ok(SqliteStore::open(file).await?.into()),
            Db::Server(server) => server.open(server.options()?).await,
        }
    }

    /// Opens a shop that exists: a mistyped name does not create an empty one.
    pub async fn existing(place: &Db) -> Result<Self, Box<dyn Error>> {
        match place {
            Db::File(file) if !file.exists() => {
                let db = file.display();
                let error = format!(
                    "{db}: there is no such file; `shop import FILE --db {db}` creates one"
                );
                Err(error.into())
            }
            Db::File(_) => Self::create(place).await,
            Db::Server(server) => server.open(server.options()?.migrate(false)).await,
        }
    }

    /// Every read model of the shop.
    pub fn read_models(&self) -> Projections {
        Projections::new(self.store.clone(), self.read.clone())
            // One shop, one database: the last process to come takes over.
            .take_over(true)
            .with(OrderSummaries)
            .with(SalesByMonth)
            .with(Customers)
    }

    /// Ends its connections and tasks.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

impl Server {
    async fn open(&self, options: PostgresOptions) -> Result<Shop, Box<dyn Error>> {
        let opened = options.open().await;
        Ok(opened.map_err(|error| self.failed(&error))?.into())
    }

    /// A person waits: a server that does not answer is reported soon.
    const PATIENCE: Duration = Duration::from_secs(3);

    fn options(&self) -> Result<PostgresOptions, StorageError> {
        Ok(PostgresStore::options(&self.0)?.patience(Self::PATIENCE))
    }

    /// Which database failed and why, without the other parts of a URL.
    fn failed(&self, error: &StorageError) -> Box<dyn Error> {
        let config = self.0.parse::<tokio_postgres::Config>();
        let database = config.ok().and_then(|config| {
            let name = config.get_dbname().or(config.get_user())?;
            Some(format!("database `{name}`: "))
        });
        let database = database.unwrap_or_default();
        if error.kind == StorageErrorKind::Missing {
            return format!("{database}there is no shop in it; `shop import` creates one").into();
        }
        format!("{database}{error}").into()
    }
}
