//! An open store: one trait over the two databases, and what both need around it.

mod location;
mod postgres;
mod query;
mod sqlite;
mod tables;
mod value;

pub(crate) use location::{Place, Wanted};

pub(crate) use query::{Dialect, Query};
pub(crate) use value::{Row, Value, hex};

use crate::error::Error;
use location::Location;
use postgres::Postgres;
use query::Names;
use sqlite::Sqlite;
use std::{collections::HashSet, ops::ControlFlow};

/// A database that answers statements and writes nothing.
pub(crate) trait Database {
    /// Runs a statement, and reads at most so many rows, fewer where they are large.
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error>;
}

/// The rows that are in memory at a time.
pub(crate) const PAGE: usize = 500;
/// The bytes of them, a little more at most.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// A part of an answer. Who reads one goes on while it is cut: [`Store::each_row`] does it by key.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Whether there may be more rows.
    pub(crate) is_cut: bool,
    at_most: usize,
    bytes: usize,
}

impl Page {
    fn new(at_most: usize) -> Self {
        Self {
            rows: Vec::new(),
            is_cut: at_most == 0,
            at_most,
            bytes: 0,
        }
    }

    /// Takes a row. Returns whether there is room for another one.
    fn take(&mut self, row: Row) -> bool {
        self.bytes += row.size();
        self.rows.push(row);
        self.is_cut = self.rows.len() >= self.at_most || self.bytes >= PAGE_BYTES;
        !self.is_cut
    }
}

/// Whether to go on with the next row.
pub(crate) type Flow = Result<ControlFlow<()>, Error>;

/// The tables that a statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    Store,
    ReadModels,
}

/// Receives each statement once, where the user wants to see them.
pub(crate) type OnStatement<'a> = Box<dyn FnMut(&str) -> Result<(), Error> + 'a>;

/// An open store.
pub(crate) struct Store<'a> {
    database: Box<dyn Database>,
    /// The database of the read models, where it is another one.
    read_models: Option<Box<dyn Database>>,
    names: Names,
    schema: String,
    /// The tables that only some stores have.
    pub(crate) has_unique_values: bool,
    pub(crate) has_tags: bool,
    pub(crate) has_read_models: bool,
    pub(crate) tables_version: i64,
    pub(crate) name: String,
    on_statement: Option<OnStatement<'a>>,
    shown: HashSet<String>,
}

impl<'a> Store<'a> {
    /// Opens the store and makes sure that it is one.
    pub(crate) fn open(
        place: &Place,
        on_statement: Option<OnStatement<'a>>,
    ) -> Result<Self, Error> {
        let (database, dialect, name) = connect(&place.store)?;
        let read_models = match &place.read_store {
            None => None,
            Some(location) => {
                let (database, other, _) = connect(location)?;
                if other != dialect {
                    return Err(Error::Usage(
                        "the store and its read models are in databases of two kinds".to_owned(),
                    ));
                }
                Some(database)
            }
        };
        let names = match dialect {
            Dialect::Sqlite => Names {
                dialect,
                store: String::new(),
                read: String::new(),
            },
            Dialect::Postgres => Names {
                dialect,
                store: format!("\"{}\".", place.schema),
                read: place.read_prefix(),
            },
        };
        let mut store = Self {
            database,
            read_models,
            names,
            schema: place.schema.clone(),
            has_unique_values: false,
            has_tags: false,
            has_read_models: false,
            tables_version: 0,
            name,
            on_statement: None,
            shown: HashSet::new(),
        };
        tables::check(&mut store)?;
        store.on_statement = on_statement;
        Ok(store)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.names.dialect
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// A page of an answer of the store.
    pub(crate) fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        let query = self.expand(query)?;
        self.database.page(&query, at_most)
    }

    /// Calls `each` with all rows of an answer, in the order of a key. A page of them is in memory at a time.
    ///
    /// The columns of the key are the first ones of the answer. The key is unique in it and never null. The
    /// statement has `{after}` where it says which rows it wants, and neither an order nor a limit.
    pub(crate) fn each_row(
        &mut self,
        tables: Tables,
        query: &Query,
        key: &[&str],
        each: &mut dyn FnMut(&mut Self, &Row) -> Flow,
    ) -> Result<(), Error> {
        let order = key.join(", ");
        // The first page has no condition: a row with an empty name is damage, and has to be seen.
        let mut after: Option<Vec<Value>> = None;
        loop {
            let mut page_query = query.clone();
            let condition = match after {
                None => "TRUE".to_owned(),
                Some(values) => {
                    let names: Vec<String> = values
                        .into_iter()
                        .map(|value| page_query.param(value))
                        .collect();
                    format!("({order}) > ({})", names.join(", "))
                }
            };
            page_query.sql = page_query.sql.replace("{after}", &condition);
            page_query.push(&format!(" ORDER BY {order} LIMIT {PAGE}"));
            let page = match tables {
                Tables::Store => self.page(&page_query, PAGE)?,
                Tables::ReadModels => self.read_page(&page_query, PAGE)?,
            };
            for row in &page.rows {
                if each(self, row)?.is_break() {
                    return Ok(());
                }
            }
            let Some(last) = page.rows.last().filter(|_| page.is_cut) else {
                return Ok(());
            };
            after = Some(self.key_of(last, key.len())?);
        }
    }

    /// The key of a row, to go on after it.
    fn key_of(&self, row: &Row, columns: usize) -> Result<Vec<Value>, Error> {
        let values: Vec<Value> = row.0.iter().take(columns).cloned().collect();
        let cannot_follow = |value: &Value| match value {
            Value::Null => true,
            // Of SQLite it is a text that is none, which stands after all texts when it is compared as bytes.
            Value::Bytes(_) => self.dialect() == Dialect::Sqlite,
            Value::Integer(_) | Value::Text(_) => false,
        };
        if values.len() < columns || values.iter().any(cannot_follow) {
            return Err(Error::Damaged(
                "a row has a key that is not a text, and the rows after it cannot be read"
                    .to_owned(),
            ));
        }
        Ok(values)
    }

    /// The first row of an answer.
    pub(crate) fn first(&mut self, query: &Query) -> Result<Option<Row>, Error> {
        Ok(self.page(query, 1)?.rows.into_iter().next())
    }

    /// A page of an answer of the read models.
    pub(crate) fn read_page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        let query = self.expand(query)?;
        self.read_database().page(&query, at_most)
    }

    fn read_database(&mut self) -> &mut dyn Database {
        match &mut self.read_models {
            Some(other) => other.as_mut(),
            None => self.database.as_mut(),
        }
    }

    fn expand(&mut self, query: &Query) -> Result<Query, Error> {
        let sql = self.names.expand(&query.sql);
        let query = Query {
            sql,
            params: query.params.clone(),
        };
        if let Some(show) = &mut self.on_statement {
            if !self.shown.contains(&query.sql) {
                self.shown.insert(query.sql.clone());
                show(&query.literal(self.names.dialect))?;
            }
        }
        Ok(query)
    }

    /// The position of the newest event, 0 without any.
    pub(crate) fn head(&mut self) -> Result<i64, Error> {
        let sql = match self.dialect() {
            Dialect::Sqlite => "SELECT coalesce(max(position), 0) FROM {events}",
            Dialect::Postgres => "SELECT position FROM {head}",
        };
        match self.first(&Query::new(sql))? {
            Some(row) => row.integer(0),
            None => Err(Error::Damaged("the table `head` has no row".to_owned())),
        }
    }

    /// The time of the database, in microseconds since 1970.
    pub(crate) fn now(&mut self) -> Result<i64, Error> {
        match self.first(&Query::new("SELECT {now}"))? {
            Some(row) => row.integer(0),
            None => Err(Error::Damaged("the database has no time".to_owned())),
        }
    }
}

/// The database, with the name that may be shown.
fn connect(location: &Location) -> Result<(Box<dyn Database>, Dialect, String), Error> {
    Ok(match location {
        Location::Sqlite(path) => {
            let name = format!("sqlite:{path}");
            (Box::new(Sqlite::open(path)?), Dialect::Sqlite, name)
        }
        Location::Postgres(text) => {
            let database = Postgres::open(text)?;
            let name = database.name.clone();
            (Box::new(database), Dialect::Postgres, name)
        }
    })
}
