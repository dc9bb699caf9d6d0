//! An open store: its database and that of its read models, which may be of another kind, and what all kinds need around them.

use crate::{
    Access, Dialect, Error, Location, PAGE, Page, Place, Query, Row, Value, Write, check,
    database::Database, error::server, need::Need, place::shown, position, postgres::Postgres,
    query::Names, sqlite::Sqlite,
};
use std::{collections::HashSet, io, ops::ControlFlow};
use tokio_postgres::error::SqlState;

/// Whether to go on with the next row.
pub type Flow<E = Error> = Result<ControlFlow<()>, E>;

/// The tables that a statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Those of the store.
    Store,
    /// Those of its read models.
    ReadModels,
}

/// Receives each statement once, where the user wants to see them.
pub type OnStatement<'a> = Box<dyn FnMut(&str) -> io::Result<()> + 'a>;

/// An open store.
pub struct Store<'a> {
    database: Box<dyn Database>,
    /// The database of the read models, where it is another one.
    read_models: Option<Box<dyn Database>>,
    names: Names,
    /// The same in the database of the read models.
    read_names: Names,
    schema: String,
    /// The tables that only some stores have.
    pub has_unique_values: bool,
    /// Whether there is an index of tags.
    pub has_tags: bool,
    pub(crate) has_read_models: bool,
    /// Why the tables of read models cannot be looked at. What needs none of them goes on.
    pub(crate) read_models_denied: Option<String>,
    /// The version of the store's tables.
    pub tables_version: i64,
    /// The store, without a password.
    pub name: String,
    on_statement: Option<OnStatement<'a>>,
    shown: HashSet<String>,
    /// Tables that are known to be there.
    known: HashSet<&'static str>,
    access: Access,
}

impl<'a> Store<'a> {
    /// Opens the store and makes sure that it is one.
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] says why, and what to do.
    pub fn open(place: &Place, on_statement: Option<OnStatement<'a>>) -> Result<Self, Error> {
        let mut store = Self::connect(place, Access::Read)?;
        check::check(&mut store)?;
        store.on_statement = on_statement;
        Ok(store)
    }

    /// The same to read all of it, with the positions that events have on SQLite and PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] says why, and what to do.
    pub fn open_to_move(place: &Place) -> Result<Self, Error> {
        let mut store = Self::connect(place, Access::Move)?;
        check::check(&mut store)?;
        Ok(store)
    }

    /// The same to look for damage.
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] says why, and what to do.
    pub fn open_to_check(
        place: &Place,
        on_statement: Option<OnStatement<'a>>,
    ) -> Result<Self, Error> {
        let mut store = Self::connect(place, Access::Check)?;
        check::check(&mut store)?;
        store.on_statement = on_statement;
        Ok(store)
    }

    /// What is wrong with the messages of a store on JetStream: the place, and the problem.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub fn problems(&mut self) -> Result<Vec<(String, String)>, Error> {
        #[cfg(feature = "nats")]
        if let Some(jetstream) = self.jetstream() {
            return jetstream.problems();
        }
        Ok(Vec::new())
    }

    /// The store on JetStream, where it is one.
    #[cfg(feature = "nats")]
    pub fn jetstream(&mut self) -> Option<&mut crate::jetstream::JetStream> {
        self.database.jetstream()
    }

    /// Opens a database that may have no tables of a store yet.
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] says why, and what to do.
    pub fn connect(place: &Place, access: Access) -> Result<Self, Error> {
        let (database, dialect, name) = connect(&place.store, access)?;
        let other = place.read_store.as_ref();
        let other = other
            .map(|location| connect(location, access))
            .transpose()?;
        let (read_models, read_dialect) = match other {
            None => (None, dialect),
            Some((database, dialect, _)) => (Some(database), dialect),
        };
        let names = Names::of(place, dialect);
        let read_names = Names::of(place, read_dialect);
        Ok(Self {
            database,
            read_models,
            names,
            read_names,
            schema: place.schema.clone(),
            has_unique_values: false,
            has_tags: false,
            has_read_models: false,
            read_models_denied: None,
            tables_version: 0,
            name,
            on_statement: None,
            shown: HashSet::new(),
            known: HashSet::new(),
            access,
        })
    }

    /// The version of the store's tables, `None` where there are none.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn version(&mut self) -> Result<Option<i64>, Error> {
        check::version(self)
    }

    /// The version of the tables that this program reads.
    pub fn current_version(&self) -> i64 {
        check::current(self.dialect())
    }

    /// Whether it has this table, whose name stands in braces in statements. Some are made only when they are needed.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn has(&mut self, tables: Tables, name: &'static str) -> Result<bool, Error> {
        if self.known.contains(name) {
            return Ok(true);
        }
        let names = self.names(tables);
        let table = names.expand(&format!("{{{name}}}"));
        let query = check::exists(names.dialect, &table);
        let page = self.page_of(tables, &query, 1)?;
        if !page.rows.is_empty() {
            self.known.insert(name);
        }
        Ok(!page.rows.is_empty())
    }

    /// Says what of the events the next statement reads. A store that fetches them fetches no more.
    #[cfg_attr(
        not(feature = "nats"),
        allow(
            unused_variables,
            clippy::unused_self,
            reason = "databases read their tables"
        )
    )]
    pub(crate) fn needs(&mut self, need: impl FnOnce() -> Need) {
        #[cfg(feature = "nats")]
        if let Some(jetstream) = self.jetstream() {
            jetstream.needs(need());
        }
    }

    /// Says that the next statement reads one stream. A store that fetches events fetches no more.
    pub fn needs_stream(&mut self, aggregate: &str, id: &str) {
        self.needs(|| Need::stream(aggregate, id));
    }

    /// Whether it is on JetStream.
    pub fn is_on_jetstream(&mut self) -> bool {
        #[cfg(feature = "nats")]
        let is_there = self.jetstream().is_some();
        #[cfg(not(feature = "nats"))]
        let is_there = false;
        is_there
    }

    /// Whether the read models are in the database of the store.
    pub fn has_own_read_models(&self) -> bool {
        self.read_models.is_none()
    }

    /// Calls `each` with all rows of an answer, however long that takes.
    ///
    /// # Errors
    ///
    /// The first error of `each`, or the database does not answer.
    pub fn each<E: From<Error>>(
        &mut self,
        query: &Query,
        each: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = self.expand(Tables::Store, query)?;
        let mut failed = None;
        self.database.each(&query, &mut |row| match each(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// From now on all pages are of one moment, until [`let_go`](Self::let_go).
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn hold(&mut self) -> Result<(), Error> {
        self.database.hold()
    }

    /// Pages are of their own moments again, after [`hold`](Self::hold).
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn let_go(&mut self) -> Result<(), Error> {
        self.database.let_go()
    }

    /// Who else has the database open, `None` for nobody. On SQLite nobody can open it from then on.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn others(&mut self) -> Result<Option<String>, Error> {
        self.database.others()
    }

    /// Runs statements in one transaction, which is on the disk at the end if `is_synced`. The store has to be opened by
    /// [`connect`](Self::connect) for [`Access::Fill`].
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] for a store that was opened for reading, [`Error::Unexpected`] where a statement wrote another
    /// number of rows than it should, and the database's own. Nothing was written then, unless the connection was lost
    /// at the end of the transaction.
    pub fn write(&mut self, mut writes: Vec<Write>, is_synced: bool) -> Result<(), Error> {
        if self.access != Access::Fill {
            return Err(Error::CannotOpen {
                store: self.name.clone(),
                why: "it was opened for reading".to_owned(),
            });
        }
        for write in &mut writes {
            write.sql = self.names.expand(&write.sql);
        }
        self.database.write(&writes, is_synced)
    }

    /// Whose SQL it understands.
    pub fn dialect(&self) -> Dialect {
        self.names.dialect
    }

    /// The schema of the store's tables on PostgreSQL.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A page of an answer of the store.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        self.page_of(Tables::Store, query, at_most)
    }

    /// A page of an answer in the order of a key, after the row with that key.
    ///
    /// The columns of the key are the first ones of the answer. The key is unique in it and never null. The
    /// statement has `{after}` where it says which rows it wants, and neither an order nor a limit.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn page_after(
        &mut self,
        tables: Tables,
        query: &Query,
        key: &[&str],
        after: Option<Vec<Value>>,
        at_most: usize,
    ) -> Result<Page, Error> {
        let order = key.join(", ");
        let mut query = query.clone();
        // The first page has no condition: a row with an empty name is damage, and has to be seen.
        let condition = match after {
            None => "TRUE".to_owned(),
            Some(values) => {
                let names: Vec<String> =
                    values.into_iter().map(|value| query.param(value)).collect();
                format!("({order}) > ({})", names.join(", "))
            }
        };
        query.sql = query.sql.replace("{after}", &condition);
        query.push(&format!(" ORDER BY {order} LIMIT {at_most}"));
        self.page_of(tables, &query, at_most)
    }

    /// Calls `each` with all rows of an answer, as [`page_after`](Self::page_after) reads them. A page of them is in
    /// memory at a time.
    ///
    /// # Errors
    ///
    /// The first error of `each`, or the database does not answer.
    pub fn each_row<E: From<Error>>(
        &mut self,
        tables: Tables,
        query: &Query,
        key: &[&str],
        each: &mut dyn FnMut(&mut Self, &Row) -> Flow<E>,
    ) -> Result<(), E> {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let page = self.page_after(tables, query, key, after, PAGE)?;
            for row in &page.rows {
                if each(self, row)?.is_break() {
                    return Ok(());
                }
            }
            let Some(last) = page.rows.last().filter(|_| page.is_cut) else {
                return Ok(());
            };
            after = Some(self.key_of(tables, last, key.len())?);
        }
    }

    /// The key of a row of these tables, to go on after it.
    fn key_of(&self, tables: Tables, row: &Row, columns: usize) -> Result<Vec<Value>, Error> {
        let values: Vec<Value> = row.0.iter().take(columns).cloned().collect();
        let cannot_follow = |value: &Value| match value {
            Value::Null => true,
            // Of SQLite it is a text that is none, which stands after all texts when it is compared as bytes.
            Value::Bytes(_) => self.names(tables).dialect == Dialect::Sqlite,
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
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn first(&mut self, query: &Query) -> Result<Option<Row>, Error> {
        Ok(self.page(query, 1)?.rows.into_iter().next())
    }

    /// A page of an answer of the read models.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn read_page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        self.page_of(Tables::ReadModels, query, at_most)
    }

    pub(crate) fn page_of(
        &mut self,
        tables: Tables,
        query: &Query,
        at_most: usize,
    ) -> Result<Page, Error> {
        let query = self.expand(tables, query)?;
        match self.database_of(tables).page(&query, at_most) {
            Err(Error::Postgres(error))
                if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                let schema = self.names(tables).schema_of(tables);
                let why = what_is_missing(self.database_of(tables), schema, &error);
                Err(Error::CannotOpen {
                    store: self.name.clone(),
                    why,
                })
            }
            page => page,
        }
    }

    fn database_of(&mut self, tables: Tables) -> &mut dyn Database {
        match (tables, &mut self.read_models) {
            (Tables::ReadModels, Some(other)) => other.as_mut(),
            (Tables::ReadModels, None) | (Tables::Store, _) => self.database.as_mut(),
        }
    }

    /// Whether there are read models.
    ///
    /// # Errors
    ///
    /// [`Error::CannotOpen`] if the role may not read their tables.
    pub fn has_read_models(&self) -> Result<bool, Error> {
        match &self.read_models_denied {
            Some(why) => Err(Error::CannotOpen {
                store: self.name.clone(),
                why: why.clone(),
            }),
            None => Ok(self.has_read_models),
        }
    }

    /// The words of the database with these tables.
    pub(crate) const fn names(&self, tables: Tables) -> &Names {
        match tables {
            Tables::Store => &self.names,
            Tables::ReadModels => &self.read_names,
        }
    }

    fn expand(&mut self, tables: Tables, query: &Query) -> Result<Query, Error> {
        let names = self.names(tables);
        let dialect = names.dialect;
        let query = Query {
            sql: names.expand(&query.sql),
            params: query.params.clone(),
        };
        if let Some(show) = &mut self.on_statement {
            if !self.shown.contains(&query.sql) {
                self.shown.insert(query.sql.clone());
                show(&query.literal(dialect))?;
            }
        }
        Ok(query)
    }

    /// A unique value, as the database keeps it.
    pub fn unique_value(&self, value: &str) -> Value {
        match self.dialect() {
            Dialect::Sqlite => Value::Text(value.to_owned()),
            Dialect::Postgres => Value::Bytes(value.as_bytes().to_vec()),
        }
    }

    /// The position of the newest event, 0 without any.
    ///
    /// # Errors
    ///
    /// The database does not answer, or has no last position.
    pub fn head(&mut self) -> Result<i64, Error> {
        #[cfg(feature = "nats")]
        if let Some(head) = self.jetstream().and_then(|jetstream| jetstream.head()) {
            return head;
        }
        let sql = match self.dialect() {
            Dialect::Sqlite => "SELECT coalesce(max(position), 0) FROM {events}",
            Dialect::Postgres => "SELECT position FROM {head}",
        };
        match self.first(&Query::new(sql))? {
            Some(row) => row.integer(0),
            None => Err(Error::Damaged("the table `head` has no row".to_owned())),
        }
    }

    /// How many events there are, or were: positions count them. On JetStream the events themselves are counted.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn count(&mut self) -> Result<i64, Error> {
        let head = self.head()?;
        self.count_between(0, head)
    }

    /// How many events there are after a position, up to another one. On JetStream they are counted, elsewhere the positions do
    /// that.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn count_between(&mut self, after: i64, to: i64) -> Result<i64, Error> {
        if !position::is_place(to) || after >= to {
            return Ok(to.saturating_sub(after).max(0));
        }
        let count = Query::new(
            "SELECT count(*) FROM {events} e WHERE e.position > $1 AND e.position <= $2",
        );
        let counted = self.first(&count.with(after).with(to))?;
        counted.map_or(Ok(0), |row| row.integer(0))
    }

    /// The time of the database, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn now(&mut self) -> Result<i64, Error> {
        self.now_of(Tables::Store)
    }

    /// The time of the database with these tables.
    pub(crate) fn now_of(&mut self, tables: Tables) -> Result<i64, Error> {
        let page = self.page_of(tables, &Query::new("SELECT {now}"), 1)?;
        match page.rows.first() {
            Some(row) => row.integer(0),
            None => Err(Error::Damaged("the database has no time".to_owned())),
        }
    }

    /// The bytes that the database takes: the file of SQLite, the tables of the schema of PostgreSQL.
    ///
    /// On JetStream those of the stream on one server.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn size(&mut self) -> Result<Option<i64>, Error> {
        #[cfg(feature = "nats")]
        if let Some(jetstream) = self.jetstream() {
            return jetstream.bytes().map(Some);
        }
        let mut size = Query::new("{size}");
        if self.dialect() == Dialect::Postgres {
            size = size.with(self.schema.as_str());
        }
        let size = self.first(&size)?;
        size.as_ref().map(|row| row.integer(0)).transpose()
    }

    /// The id of the store, which its read models remember.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn id(&mut self) -> Result<Option<String>, Error> {
        let sql = match self.dialect() {
            Dialect::Sqlite => "SELECT value FROM {es_meta} WHERE name = 'store_id'",
            Dialect::Postgres => "SELECT id::text FROM {store_id}",
        };
        let row = self.first(&Query::new(sql))?;
        row.map(|row| row.text(0).map(str::to_owned)).transpose()
    }
}

/// What a role lacks that may not read the tables of a schema, with the statements that give it. Without a schema it is the one that the
/// role's search path says.
fn what_is_missing(
    database: &mut dyn Database,
    schema: Option<String>,
    error: &tokio_postgres::Error,
) -> String {
    let who = Query::new("SELECT quote_ident(current_user), quote_ident(current_schema())");
    let page = database.page(&who, 1).ok();
    let row = page.and_then(|page| page.rows.into_iter().next());
    let text = |column| {
        let text = row.as_ref().and_then(|row| row.text(column).ok());
        text.map(str::to_owned)
    };
    let role = text(0).unwrap_or_else(|| "the_role".to_owned());
    let schema = schema
        .or_else(|| text(1))
        .unwrap_or_else(|| "public".to_owned());
    format!(
        "{}. Whoever owns the tables gives the role what it needs by: GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON ALL \
         TABLES IN SCHEMA {schema} TO {role}",
        server(error)
    )
}

/// The database, with the name that may be shown.
fn connect(
    location: &Location,
    access: Access,
) -> Result<(Box<dyn Database>, Dialect, String), Error> {
    Ok(match location {
        Location::Sqlite(path) => {
            let name = format!("sqlite:{path}");
            (Box::new(Sqlite::open(path, access)?), Dialect::Sqlite, name)
        }
        Location::Postgres(text) => {
            let database = Postgres::open(text)?;
            let name = database.name.clone();
            (Box::new(database), Dialect::Postgres, name)
        }
        #[cfg(feature = "nats")]
        Location::Nats(text) => {
            let database = crate::jetstream::JetStream::open(text, access)?;
            (Box::new(database), Dialect::Sqlite, shown(location))
        }
        #[cfg(not(feature = "nats"))]
        Location::Nats(_) => {
            return Err(Error::CannotOpen {
                store: shown(location),
                why: "this program was built without JetStream; build it with the feature `nats`, such as \
                      `cargo install es-cli --features nats`"
                    .to_owned(),
            });
        }
    })
}
