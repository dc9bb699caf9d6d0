//! Where a shop is: a SQLite file or a PostgreSQL database. Everything else works on either, through
//! [`ShopStore`].

use crate::read::{Queries, models};
use es_postgres::{PostgresOptions, PostgresReadDatabase, PostgresStore, tokio_postgres};
use es_projections::{Projections, ReadDatabase};
use es_runtime::{SnapshotStore, StorageError, StorageErrorKind, WorkQueue};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
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

/// A store that a shop can be in.
pub trait ShopStore: WorkQueue + SnapshotStore {
    /// What says where it is.
    type Place;
    /// Where its read models are: in the same database.
    type Read: ReadDatabase + Queries;

    /// Opens the shop, and makes it where it is missing.
    async fn make(place: &Self::Place) -> Result<Self, Box<dyn Error>>;

    /// Opens a shop that is there: a mistyped name does not make an empty one.
    async fn existing(place: &Self::Place) -> Result<Self, Box<dyn Error>>;

    /// Every read model of the shop.
    fn read_models(&self) -> Projections<Self, Self::Read>;

    /// Ends its connections and tasks.
    async fn close(&self);
}

impl ShopStore for SqliteStore {
    type Place = PathBuf;
    type Read = SqliteReadDatabase;

    async fn make(file: &PathBuf) -> Result<Self, Box<dyn Error>> {
        Ok(Self::open(file).await?)
    }

    async fn existing(file: &PathBuf) -> Result<Self, Box<dyn Error>> {
        if !file.exists() {
            let db = file.display();
            let error =
                format!("{db}: there is no such file; `shop import FILE --db {db}` makes one");
            return Err(error.into());
        }
        Self::make(file).await
    }

    fn read_models(&self) -> Projections<Self, SqliteReadDatabase> {
        models(self.clone(), self.read_database())
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl ShopStore for PostgresStore {
    type Place = Server;
    type Read = PostgresReadDatabase;

    async fn make(server: &Server) -> Result<Self, Box<dyn Error>> {
        let opened = server.options()?.open().await;
        opened.map_err(|error| server.failed(&error))
    }

    async fn existing(server: &Server) -> Result<Self, Box<dyn Error>> {
        let opened = server.options()?.migrate(false).open().await;
        opened.map_err(|error| server.failed(&error))
    }

    fn read_models(&self) -> Projections<Self, PostgresReadDatabase> {
        models(self.clone(), self.read_database())
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl Server {
    /// A person waits: a server that does not answer is said soon.
    const PATIENCE: Duration = Duration::from_secs(3);

    fn options(&self) -> Result<PostgresOptions, StorageError> {
        Ok(PostgresStore::options(&self.0)?.patience(Self::PATIENCE))
    }

    /// Which database failed and why, without what a URL may hold beside.
    fn failed(&self, error: &StorageError) -> Box<dyn Error> {
        let config = self.0.parse::<tokio_postgres::Config>();
        let database = config.ok().and_then(|config| {
            let name = config.get_dbname().or(config.get_user())?;
            Some(format!("database `{name}`: "))
        });
        let database = database.unwrap_or_default();
        if error.kind == StorageErrorKind::Missing {
            return format!("{database}there is no shop in it; `shop import` makes one").into();
        }
        format!("{database}{error}").into()
    }
}
