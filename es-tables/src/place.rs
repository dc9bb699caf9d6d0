//! Which database a store is in.

use crate::{Error, address};
use std::{fmt, fs};

/// Which database. Its debug form has no password.
#[derive(Clone, PartialEq)]
pub enum Location {
    /// A path.
    Sqlite(String),
    /// A connection string, with a password perhaps.
    Postgres(String),
    /// A stream of JetStream, such as `nats://one,two/STREAM`, with a password perhaps.
    Nats(String),
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{path}"),
            Self::Postgres(_) => f.write_str("postgres"),
            Self::Nats(_) => f.write_str("nats"),
        }
    }
}

impl Location {
    fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(path.to_owned()));
        }
        if address::is_meant(text) {
            address::check(text)?;
            return Ok(Self::Nats(text.to_owned()));
        }
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_url || text.contains('=') {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(Error::Place(format!(
            "`{text}` is no store. A store is sqlite:FILE, postgres://user@host/database, nats://host,host/STREAM, or pairs \
             such as \"host=localhost user=shop dbname=shop\""
        )))
    }
}

/// Where a store and its read models are.
///
/// ```
/// let place = es_tables::Place::new("postgres://reader@db/shop")?.schema("shop")?;
/// assert!(es_tables::Place::new("shop").is_err());
/// assert!(place.schema("Shop; DROP").is_err());
/// # Ok::<(), es_tables::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Place {
    pub(crate) store: Location,
    pub(crate) read_store: Option<Location>,
    /// The schema of the store's tables on PostgreSQL.
    pub(crate) schema: String,
    read_schema: Option<String>,
}

/// The schema of a store that has chosen none.
const SCHEMA: &str = "es";

impl Place {
    /// A store: `sqlite:FILE`, a URL of PostgreSQL, pairs such as `host=localhost user=shop dbname=shop`, or a stream of
    /// JetStream such as `nats://one,two/STREAM`. Its schema on PostgreSQL is `es`, and its read models are in the same
    /// database.
    ///
    /// # Errors
    ///
    /// [`Error::Place`] for any other text. Nothing is opened yet.
    pub fn new(store: &str) -> Result<Self, Error> {
        Ok(Self {
            store: Location::parse(store)?,
            read_store: None,
            schema: SCHEMA.to_owned(),
            read_schema: None,
        })
    }

    /// The database of the read models, where it is another one. It is written as the store is, and may be of another kind.
    ///
    /// # Errors
    ///
    /// [`Error::Place`] if the text names no database, or a stream of JetStream, which has no read models.
    pub fn read_store(mut self, store: &str) -> Result<Self, Error> {
        let location = Location::parse(store)?;
        if let Location::Nats(_) = location {
            return Err(Error::Place(
                "a stream of JetStream has no read models: they are in a file of SQLite or a database of PostgreSQL"
                    .to_owned(),
            ));
        }
        self.read_store = Some(location);
        Ok(self)
    }

    /// The schema of the store's tables on PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`Error::Place`] for a name that no store accepts: it would become part of statements.
    pub fn schema(mut self, name: &str) -> Result<Self, Error> {
        check_schema(name)?;
        name.clone_into(&mut self.schema);
        Ok(self)
    }

    /// The schema of the read models on PostgreSQL. It is where the search path says if nothing is chosen, and
    /// for a store in the schema `x` it is `x_read`.
    ///
    /// # Errors
    ///
    /// [`Error::Place`], as [`schema`](Self::schema) has it.
    pub fn read_schema(mut self, name: &str) -> Result<Self, Error> {
        check_schema(name)?;
        self.read_schema = Some(name.to_owned());
        Ok(self)
    }

    /// The database of the store.
    pub fn location(&self) -> &Location {
        &self.store
    }

    /// The database of the read models, where it is another one.
    pub fn read_location(&self) -> Option<&Location> {
        self.read_store.as_ref()
    }

    /// The name of the schema of the store's tables on PostgreSQL.
    pub fn schema_name(&self) -> &str {
        &self.schema
    }

    /// The name of the schema of the read models, where one was chosen.
    pub fn read_schema_name(&self) -> Option<&str> {
        self.read_schema.as_deref()
    }

    /// The same with the store in another database.
    #[must_use]
    pub fn at(&self, store: Location) -> Self {
        Self {
            store,
            ..self.clone()
        }
    }

    /// The store as it may be shown, without a password.
    pub fn shown(&self) -> String {
        shown(&self.store)
    }

    /// Whether the read models are in the database of the store. JetStream has none.
    pub fn has_own_read_models(&self) -> bool {
        self.read_store.is_none() && !matches!(self.store, Location::Nats(_))
    }

    /// Whether both are certainly the same store.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.store, &other.store) {
            (Location::Sqlite(mine), Location::Sqlite(theirs)) => {
                let real = |path: &str| fs::canonicalize(path).ok();
                mine == theirs || (real(mine).is_some() && real(mine) == real(theirs))
            }
            (Location::Nats(mine), Location::Nats(theirs)) => address::is_same(mine, theirs),
            (mine, theirs) => mine == theirs && self.schema == other.schema,
        }
    }

    /// What stands before the name of a table of read models. Those of the usual schema are where the
    /// role's `search_path` says.
    pub(crate) fn read_prefix(&self) -> String {
        match &self.read_schema {
            Some(schema) => format!("\"{schema}\"."),
            None if self.schema == SCHEMA => String::new(),
            None => format!("\"{}_read\".", self.schema),
        }
    }
}

/// A location as it may be shown, without a password.
pub(crate) fn shown(location: &Location) -> String {
    match location {
        Location::Sqlite(path) => format!("sqlite:{path}"),
        Location::Postgres(text) => crate::postgres::shown(text),
        Location::Nats(text) => address::shown(text),
    }
}

/// Names of schemas become part of statements.
fn check_schema(name: &str) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    Err(Error::Place(format!(
        "`{name}` is no name of a schema: those of stores have the characters a to z, 0 to 9 and _"
    )))
}
