//! Given these events, then a projection has these rows, in a real database.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::{
    diff,
    history::{self, Given, Stored},
};
use es_projections::{AnyReadDatabase, Dispatch, Poison, Projections, ReadDatabase, SqlValue};
#[cfg(all(feature = "laws", feature = "sqlite"))]
use es_runtime::Append;
use es_runtime::{Aggregate, AnyStore, AsId, Events};
use std::{
    fmt,
    future::{Future, IntoFuture},
    panic::Location,
    pin::Pin,
    time::Duration,
};

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A projection, events, and the rows that follow from them.
///
/// ```
/// use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
/// use es_runtime::{Aggregate, Envelope, Event, events};
/// use es_testkit::projection::ProjectionTest;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("account.deposited")]
/// struct Deposited { cents: i64 }
///
/// #[derive(Aggregate, Default)]
/// #[aggregate("account", id = String, error = std::convert::Infallible, events(ignore(Deposited)))]
/// struct Account {}
///
/// #[derive(Projection)]
/// #[projection("balances", events(Deposited))]
/// #[projection(schema = "CREATE TABLE {balances} (id TEXT PRIMARY KEY, cents BIGINT)")]
/// struct Balances;
///
/// impl Project<Deposited> for Balances {
///     async fn project(
///         &self,
///         deposited: &Envelope<Deposited>,
///         tx: &mut AnyTransaction,
///     ) -> Result<(), HandlerError> {
///         let row = values![deposited.stream.id(), deposited.event.cents];
///         let sql = "INSERT INTO {balances} VALUES ($1, $2)
///                    ON CONFLICT (id) DO UPDATE SET cents = {balances}.cents + excluded.cents";
///         tx.run(sql, row).await?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// ProjectionTest::new(Balances)
///     .given::<Account>("ann", events![Deposited { cents: 20 }, Deposited { cents: 3 }])
///     .given::<Account>("bob", Deposited { cents: 1 })
///     .rows(
///         "SELECT id, cents FROM balances ORDER BY id",
///         &[values!["ann", 23], values!["bob", 1]],
///     )
///     .await;
/// # }
/// ```
///
/// The rows are compared twice: after the projection has handled the events as they came, and after a rebuild
/// from the first event. So a handler fails here that uses the clock, chance, or what an earlier build left behind.
///
/// A test is a future. It panics when rows differ, when a handler fails, and when a database fails.
#[must_use = "a test tests nothing before it is awaited"]
pub struct ProjectionTest<P, Db = AnyReadDatabase> {
    projection: P,
    place: Later<Place<Db>>,
    given: Vec<Given>,
    /// Where the test was made.
    at: &'static Location<'static>,
    expected: Vec<Expected>,
    rebuilt: Vec<Rebuilt>,
}

/// A query whose rows a rebuild must not change.
struct Rebuilt {
    sql: String,
    at: &'static Location<'static>,
}

/// Where it runs.
struct Place<Db> {
    store: AnyStore,
    read: Db,
    /// Removes the file at the end.
    _folder: Option<Box<dyn Send>>,
}

/// The rows of one query.
struct Expected {
    sql: String,
    rows: Vec<Vec<SqlValue>>,
    at: &'static Location<'static>,
}

#[cfg(feature = "sqlite")]
impl<P: Dispatch> ProjectionTest<P> {
    /// Tests portable handlers in a new SQLite file, which is removed at the end.
    ///
    /// # Panics
    /// The test panics when the file cannot be made.
    #[track_caller]
    pub fn new(projection: P) -> Self {
        Self::later(projection, async {
            let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
            // The file is removed at the end, so that no loss of power matters.
            let options =
                es_sqlite::SqliteStore::options().durability(es_sqlite::Durability::Normal);
            let opened = options.open(folder.path().join("test.db")).await;
            let sqlite = opened.unwrap_or_else(|error| panic!("{error}"));
            Place {
                read: AnyReadDatabase::new(sqlite.read_database()),
                store: AnyStore::new(sqlite),
                _folder: Some(Box::new(folder)),
            }
        })
    }
}

impl<P: Dispatch<Db>, Db: ReadDatabase> ProjectionTest<P, Db> {
    /// Tests in a database of yours, such as PostgreSQL. The store and the read database should be empty.
    #[track_caller]
    pub fn on(projection: P, store: AnyStore, read: Db) -> Self {
        Self::later(projection, async {
            Place {
                store,
                read,
                _folder: None,
            }
        })
    }

    #[track_caller]
    fn later(projection: P, place: impl Future<Output = Place<Db>> + Send + 'static) -> Self {
        Self {
            projection,
            place: Box::pin(place),
            given: Vec::new(),
            at: Location::caller(),
            expected: Vec::new(),
            rebuilt: Vec::new(),
        }
    }

    /// With these events on the aggregate with this id: one event, or `events![..]`.
    ///
    /// # Panics
    /// When the id is no stream id, or an event cannot be stored and read back by the aggregate's codec.
    #[track_caller]
    pub fn given<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        events: impl Into<Events<A>>,
    ) -> Self {
        self.given
            .push(Given::new(history::append::<A>(id, events)));
        self
    }

    /// With this event, on the stream that its tag names.
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn given_event<E: es_runtime::Event>(mut self, event: E) -> Self {
        self.given.push(Given::new(history::append_event(event)));
        self
    }

    /// Expects exactly these rows of the query, in this order. `values![..]` is a row. A truth value equals 0 or 1,
    /// since SQLite has no others.
    #[track_caller]
    pub fn rows(mut self, sql: impl Into<String>, rows: &[&[SqlValue]]) -> Self {
        self.expected.push(Expected {
            sql: sql.into(),
            rows: rows.iter().map(|row| row.to_vec()).collect(),
            at: Location::caller(),
        });
        self
    }

    /// Expects that a rebuild changes no row of the query, whatever the rows are. Say an order in it.
    ///
    /// ```
    /// # use es_projections::{AnyTransaction, HandlerError, Project, Projection};
    /// # use es_runtime::{Aggregate, Envelope, Event};
    /// # use es_testkit::projection::ProjectionTest;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Event, Serialize, Deserialize)]
    /// # #[event("account.opened")]
    /// # struct Opened {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("account", id = String, error = std::convert::Infallible, events(ignore(Opened)))]
    /// # struct Account {}
    /// # #[derive(Projection)]
    /// # #[projection("accounts", events(Opened))]
    /// # #[projection(schema = "CREATE TABLE {accounts} (id TEXT PRIMARY KEY)")]
    /// # struct Accounts;
    /// # impl Project<Opened> for Accounts {
    /// #     async fn project(&self, opened: &Envelope<Opened>, tx: &mut AnyTransaction) -> Result<(), HandlerError> {
    /// #         tx.run("INSERT INTO {accounts} VALUES ($1)", es_projections::values![opened.stream.id()]).await?;
    /// #         Ok(())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// ProjectionTest::new(Accounts)
    ///     .given::<Account>("ann", Opened {})
    ///     .same_after_rebuild("SELECT id FROM accounts ORDER BY id")
    ///     .await;
    /// # }
    /// ```
    #[track_caller]
    pub fn same_after_rebuild(mut self, sql: impl Into<String>) -> Self {
        self.rebuilt.push(Rebuilt {
            sql: sql.into(),
            at: Location::caller(),
        });
        self
    }

    /// With this append of stored events.
    #[cfg(all(feature = "laws", feature = "sqlite"))]
    #[track_caller]
    pub(crate) fn given_append(mut self, append: Append) -> Self {
        self.given.push(Given::new(append));
        self
    }

    async fn run(self) {
        let place = self.place.await;
        let projections = Projections::new(place.store.clone(), place.read.clone())
            .attempts(1, Duration::ZERO, Duration::ZERO)
            .with(self.projection);
        let at = self.at;
        let failed =
            |error: &dyn fmt::Display| -> ! { panic!("{at}: projection `{}`: {error}", P::NAME) };
        let caught_up = |result| match result {
            Ok(()) => {}
            Err(error) => failed(&error),
        };
        caught_up(projections.catch_up().await);
        let passed_over = history::passed_over(P::NAME, &P::filter(), &self.given);
        let mut stored = Stored::default();
        for given in self.given {
            stored.append(&place.store, given).await;
            caught_up(projections.catch_up().await);
        }
        nothing_parked::<P, Db>(&projections, &stored, at).await;
        compare(&place.read, &self.expected, "", &passed_over).await;
        let mut expected = self.expected;
        for Rebuilt { sql, at } in self.rebuilt {
            let rows = rows(&place.read, &sql, at).await;
            expected.push(Expected { sql, rows, at });
        }
        if let Err(error) = projections.rebuild_now(P::NAME).await {
            failed(&error);
        }
        nothing_parked::<P, Db>(&projections, &stored, at).await;
        compare(&place.read, &expected, " after a rebuild", &passed_over).await;
    }
}

impl<P: Dispatch<Db>, Db: ReadDatabase> IntoFuture for ProjectionTest<P, Db> {
    type Output = ();
    type IntoFuture = Later<()>;

    fn into_future(self) -> Later<()> {
        Box::pin(self.run())
    }
}

impl<P, Db> fmt::Debug for ProjectionTest<P, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionTest")
            .field("given", &self.given.len())
            .finish_non_exhaustive()
    }
}

/// Panics with the first event whose handler failed.
async fn nothing_parked<P: Dispatch<Db>, Db: ReadDatabase>(
    projections: &Projections<AnyStore, Db>,
    stored: &Stored,
    at: &'static Location<'static>,
) {
    match projections.parked(P::NAME).await {
        Ok(parked) => {
            if let Some(first) = parked.first() {
                let at = stored.given_at(first.event.position).unwrap_or(at);
                panic!("{at}: {}", failure(P::NAME, &first.event));
            }
        }
        Err(error) => panic!("{at}: projection `{}`: {error}", P::NAME),
    }
}

/// What is said of an event that a projection cannot handle.
pub(crate) fn failure(projection: &str, event: &Poison) -> String {
    let Poison {
        name,
        stream,
        version,
        reason,
        ..
    } = event;
    format!("projection `{projection}` failed on `{name}`, version {version} of {stream}: {reason}")
}

async fn compare<Db: ReadDatabase>(
    read: &Db,
    expected: &[Expected],
    when: &str,
    passed_over: &str,
) {
    for Expected { sql, rows, at } in expected {
        let found = self::rows(read, sql, at).await;
        let (rows, found) = (written(rows), written(&found));
        assert!(
            rows == found,
            "{at}: other rows{when} than expected\n{sql}\n{}{passed_over}",
            diff::lines(&rows, &found)
        );
    }
}

async fn rows<Db: ReadDatabase>(read: &Db, sql: &str, at: &Location<'_>) -> Vec<Vec<SqlValue>> {
    match read.query(sql, &[]).await {
        Ok(found) => found,
        Err(error) => panic!("{at}: {sql}\n{error}"),
    }
}

/// A line for each row.
pub(crate) fn written(rows: &[Vec<SqlValue>]) -> String {
    let mut text = String::new();
    for row in rows {
        let columns: Vec<String> = row.iter().map(column).collect();
        text.push_str(&columns.join(" | "));
        text.push('\n');
    }
    text
}

fn column(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "NULL".to_owned(),
        SqlValue::Bool(truth) => u8::from(*truth).to_string(),
        SqlValue::Integer(number) => number.to_string(),
        SqlValue::Unsigned(number) => number.to_string(),
        SqlValue::Real(number) => format!("{number:?}"),
        SqlValue::Text(text) => format!("{text:?}"),
        SqlValue::Blob(bytes) => format!("{bytes:02x?}"),
        other => format!("{other:?}"),
    }
}
