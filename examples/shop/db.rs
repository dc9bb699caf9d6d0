//! Where a shop is: a SQLite file, a PostgreSQL database or a JetStream cluster, chosen at run time. Everything else works
//! on each of them, through [`Shop`].

use crate::read::read_models;
use es_nats::{NatsOptions, NatsStore};
use es_postgres::{PostgresOptions, PostgresStore, tokio_postgres};
use es_projections::{AnyReadDatabase, Projections};
use es_runtime::{AnyStore, EventStore, StorageError, StorageErrorKind};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use std::{error::Error, ffi::OsString, path::PathBuf, time::Duration};

/// Where a shop is, as its command line says it.
#[derive(Clone, clap::Args)]
pub struct Place {
    /// The shop's SQLite file, its PostgreSQL database as `postgres://user@host/database` or `"host=.. user=.. dbname=.."`, or
    /// its JetStream cluster as `"nats://one,two,three?monitoring=http://one:8222,.."`. `import` makes the file, the
    /// tables, or the stream `SHOP`, where they are missing.
    #[arg(long)]
    pub db: Db,
    /// Where the read models are: a SQLite file or a PostgreSQL database. By default they are with the events, and those
    /// of a cluster in `shop-read-models.db`.
    #[arg(long)]
    pub read_models: Option<Db>,
}

/// What `--db` names. It has no debug form: a URL may hold a password.
#[derive(Clone)]
pub enum Db {
    File(PathBuf),
    Server(Server),
    Cluster(Cluster),
}

/// How to connect to a database of a server.
#[derive(Clone)]
pub struct Server(String);

/// How to connect to a JetStream cluster.
#[derive(Clone)]
pub struct Cluster(String);

/// Whatever does not look like a server is the name of a file, in whichever bytes.
impl From<OsString> for Db {
    fn from(text: OsString) -> Self {
        match text.to_str() {
            Some(server) if is_server(server) => Self::Server(Server(server.to_owned())),
            Some(cluster) if is_cluster(cluster) => Self::Cluster(Cluster(cluster.to_owned())),
            _ => Self::File(text.into()),
        }
    }
}

impl Db {
    fn to_os_string(&self) -> OsString {
        match self {
            Self::File(file) => file.into(),
            Self::Server(Server(text)) | Self::Cluster(Cluster(text)) => text.into(),
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

fn is_cluster(text: &str) -> bool {
    ["nats://", "tls://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// An open shop: its events, and its read models in the same database or in another one.
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

impl Place {
    /// A shop whose read models are where they are by default.
    pub const fn of(db: Db) -> Self {
        Self {
            db,
            read_models: None,
        }
    }

    /// As it is given to another process of the shop.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = vec!["--db".into(), self.db.to_os_string()];
        if let Some(read_models) = &self.read_models {
            arguments.extend(["--read-models".into(), read_models.to_os_string()]);
        }
        arguments
    }

    /// Opens the shop, and creates it where it is missing.
    pub async fn create(&self) -> Result<Shop, Box<dyn Error>> {
        self.open(true).await
    }

    /// Opens a shop that exists: a mistyped name does not create an empty one.
    pub async fn existing(&self) -> Result<Shop, Box<dyn Error>> {
        self.open(false).await
    }

    async fn open(&self, creates: bool) -> Result<Shop, Box<dyn Error>> {
        let shop = match &self.db {
            Db::File(file) if !creates && !file.exists() => {
                let db = file.display();
                let error = format!(
                    "{db}: there is no such file; `shop import FILE --db {db}` creates one"
                );
                return Err(error.into());
            }
            Db::File(file) => SqliteStore::open(file).await?.into(),
            Db::Server(server) => server.open(creates).await?,
            Db::Cluster(cluster) => Shop {
                store: cluster.open(creates).await?,
                read: read_database(self.read_models_of_a_cluster()).await?,
            },
        };
        match &self.read_models {
            Some(db) if !matches!(self.db, Db::Cluster(_)) => Ok(Shop {
                read: read_database(db.clone()).await?,
                ..shop
            }),
            _ => Ok(shop),
        }
    }

    fn read_models_of_a_cluster(&self) -> Db {
        let by_default = || Db::File("shop-read-models.db".into());
        self.read_models.clone().unwrap_or_else(by_default)
    }
}

/// A database with read models alone. It is made where it is missing: it can be built from the events.
async fn read_database(db: Db) -> Result<AnyReadDatabase, Box<dyn Error>> {
    match db {
        Db::File(file) => Ok(AnyReadDatabase::new(SqliteReadDatabase::open(file).await?)),
        Db::Server(server) => {
            let opened = server.options()?.open_read_database().await;
            Ok(AnyReadDatabase::new(
                opened.map_err(|error| server.failed(&error))?,
            ))
        }
        Db::Cluster(_) => Err("read models are in SQLite or PostgreSQL".into()),
    }
}

impl Shop {
    /// Every read model of the shop.
    pub fn read_models(&self) -> Projections {
        // One shop, one database: the last process to come takes over.
        read_models(self.store.clone(), self.read.clone()).take_over(true)
    }

    /// Ends its connections and tasks.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

impl Server {
    async fn open(&self, creates: bool) -> Result<Shop, Box<dyn Error>> {
        let opened = self.options()?.migrate(creates).open().await;
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

impl Cluster {
    /// The import of a whole file waits for the election of a leader, on a machine that runs all servers, too.
    const PATIENCE: Duration = Duration::from_mins(1);

    pub fn at(address: String) -> Self {
        Self(address)
    }

    fn options() -> NatsOptions {
        NatsStore::options().stream("SHOP").patience(Self::PATIENCE)
    }

    async fn open(&self, creates: bool) -> Result<AnyStore, Box<dyn Error>> {
        match Self::options().create(creates).open(&self.0).await {
            Ok(store) => Ok(AnyStore::new(store)),
            Err(error) if error.kind == StorageErrorKind::Missing => {
                Err("there is no shop in the cluster; `shop import` creates one".into())
            }
            Err(error) => Err(error.into()),
        }
    }
}
