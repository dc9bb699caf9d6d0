//! Where the hotel is: its events, and its read models in the same database or in another one.

use es_nats::NatsStore;
use es_postgres::{PostgresReadDatabase, PostgresStore};
use es_projections::AnyReadDatabase;
use es_runtime::AnyStore;
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use std::error::Error;

/// Where the hotel is, as its command line says it.
#[derive(clap::Args)]
pub struct Place {
    /// Where the events are: a file of SQLite, `postgres://user@host/database`, or a JetStream cluster as
    /// `"nats://one,two,three?monitoring=http://one:8222,.."`. Or set `HOTEL_STORE`.
    #[arg(long)]
    store: Option<String>,
    /// Where the read models are: a file of SQLite, or `postgres://user@host/database`. By default they are with the events,
    /// and those of a cluster in `hotel-read-models.db`. Or set `HOTEL_READ_MODELS`.
    #[arg(long)]
    read_models: Option<String>,
}

impl Place {
    pub async fn open(&self) -> Result<(AnyStore, AnyReadDatabase), Box<dyn Error>> {
        let store = or_variable(self.store.as_ref(), "HOTEL_STORE");
        let store = store.unwrap_or_else(|| "hotel.db".to_owned());
        let (store, mut read) = events(&store).await?;
        if let Some(place) = or_variable(self.read_models.as_ref(), "HOTEL_READ_MODELS") {
            read = Some(read_models(&place).await?);
        }
        let read = match read {
            Some(read) => read,
            None => read_models("hotel-read-models.db").await?,
        };
        Ok((store, read))
    }
}

fn or_variable(option: Option<&String>, variable: &str) -> Option<String> {
    option.cloned().or_else(|| std::env::var(variable).ok())
}

fn is_nats(place: &str) -> bool {
    place.starts_with("nats://") || place.starts_with("tls://")
}

fn is_postgres(place: &str) -> bool {
    let is_url = place.starts_with("postgres://") || place.starts_with("postgresql://");
    is_url || place.contains("host=")
}

/// The events, and the read models where they are in the same database.
async fn events(place: &str) -> Result<(AnyStore, Option<AnyReadDatabase>), Box<dyn Error>> {
    if is_nats(place) {
        let nats = NatsStore::options().stream("HOTEL").open(place).await?;
        Ok((AnyStore::new(nats), None))
    } else if is_postgres(place) {
        let postgres = PostgresStore::options(place)?.open().await?;
        let read = AnyReadDatabase::new(postgres.read_database());
        Ok((AnyStore::new(postgres), Some(read)))
    } else {
        let sqlite = SqliteStore::open(place).await?;
        let read = AnyReadDatabase::new(sqlite.read_database());
        Ok((AnyStore::new(sqlite), Some(read)))
    }
}

/// A database with read models alone.
async fn read_models(place: &str) -> Result<AnyReadDatabase, Box<dyn Error>> {
    if is_nats(place) {
        return Err("read models are in SQLite or PostgreSQL".into());
    }
    Ok(if is_postgres(place) {
        AnyReadDatabase::new(PostgresReadDatabase::open(place).await?)
    } else {
        AnyReadDatabase::new(SqliteReadDatabase::open(place).await?)
    })
}
