//! The events that projections and subscriptions could not handle.

use crate::{Error, Query, Row, Store, Tables, Value, position, readers::number, time};
use std::ops::ControlFlow;

/// A parked event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parked {
    /// The projection or subscription.
    pub reader: String,
    /// The number of its build.
    pub build: i64,
    /// The number of the partition.
    pub partition: i64,
    /// The number of the event in its partition.
    pub number: i64,
    /// The key whose later events wait for this one.
    pub key: String,
    /// The position of the event.
    pub position: i64,
    /// The aggregate of its stream.
    pub aggregate: String,
    /// The id of its stream.
    pub id: String,
    /// Its version in the stream.
    pub version: i64,
    /// Its name.
    pub event: String,
    /// Its id.
    pub event_id: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Since when it is parked.
    pub parked_at: String,
    /// When an operator gave it up.
    pub discarded_at: Option<String>,
    /// What the operator said.
    pub discarded_why: Option<String>,
    /// Why it could not be handled.
    pub reason: String,
}

/// In the order of [`Parked::of`], the key first.
const SELECT: &str = "SELECT p.name, p.build, p.partition, p.number, p.key, p.position, p.aggregate, p.aggregate_id, \
     p.version, p.event, p.event_id, p.attempts, p.parked_at, p.discarded_at, p.discarded_why, p.reason \
     FROM {es_parked} p";

const KEY: [&str; 4] = ["p.name", "p.build", "p.partition", "p.number"];

impl Parked {
    fn of(row: &Row) -> Result<Self, Error> {
        let text = |column| row.text(column).map(str::to_owned);
        let millis = |millis: i64| {
            time::of_micros(millis.saturating_mul(1000)).map(|moment| moment.to_string())
        };
        Ok(Self {
            reader: text(0)?,
            build: row.integer(1)?,
            partition: row.integer(2)?,
            number: row.integer(3)?,
            key: text(4)?,
            position: number(row.text(5)?)?,
            aggregate: text(6)?,
            id: text(7)?,
            version: row.integer(8)?,
            event: text(9)?,
            event_id: text(10)?,
            attempts: row.integer(11)?,
            parked_at: millis(row.integer(12)?)?,
            discarded_at: row.maybe_integer(13)?.map(millis).transpose()?,
            discarded_why: row.maybe_text(14)?.map(str::to_owned),
            reason: text(15)?,
        })
    }

    /// What [`page`] goes on after.
    pub fn key(&self) -> ParkedKey {
        (self.reader.clone(), self.build, self.partition, self.number)
    }
}

/// Reader, build, partition and number.
pub type ParkedKey = (String, i64, i64, i64);

fn select(reader: Option<&str>, discarded: bool) -> Query {
    let mut query = Query::new(SELECT);
    query.push(" WHERE {after}");
    if let Some(reader) = reader {
        let reader = query.param(reader);
        query.push(&format!(" AND p.name = {reader}"));
    }
    if !discarded {
        query.push(" AND p.discarded_at IS NULL");
    }
    query
}

/// Calls `each` with the parked events, in the order of the table's key, oldest first within a reader. Those that
/// an operator gave up only if they are asked for.
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn each_parked<E: From<Error>>(
    store: &mut Store<'_>,
    reader: Option<&str>,
    discarded: bool,
    each: &mut dyn FnMut(&mut Store<'_>, Parked) -> Result<(), E>,
) -> Result<(), E> {
    if !store.has_read_models()? {
        return Ok(());
    }
    let query = select(reader, discarded);
    store.each_row(Tables::ReadModels, &query, &KEY, &mut |store, row| {
        each(store, Parked::of(row)?)?;
        Ok::<_, E>(ControlFlow::Continue(()))
    })
}

/// At most so many parked events after one, in the same order, and whether there may be more.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn page(
    store: &mut Store<'_>,
    reader: Option<&str>,
    discarded: bool,
    after: Option<ParkedKey>,
    at_most: usize,
) -> Result<(Vec<Parked>, bool), Error> {
    if !store.has_read_models()? {
        return Ok((Vec::new(), false));
    }
    let after = after.map(|(reader, build, partition, number)| {
        vec![
            Value::Text(reader),
            build.into(),
            partition.into(),
            number.into(),
        ]
    });
    let query = select(reader, discarded);
    let page = store.page_after(Tables::ReadModels, &query, &KEY, after, at_most)?;
    let parked: Result<Vec<Parked>, Error> = page.rows.iter().map(Parked::of).collect();
    Ok((parked?, page.is_cut))
}

/// There are few builds at a time.
const BUILDS: usize = 100;

/// The first event of a key that waits, of each build of a reader: those that a retry or a discard of the key begins with.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn first_of_key(store: &mut Store<'_>, reader: &str, key: &str) -> Result<Vec<Parked>, Error> {
    if !store.has_read_models()? {
        return Ok(Vec::new());
    }
    let mut query = Query::new(SELECT).with(reader).with(key);
    query.push(&format!(
        " WHERE p.name = $1 AND p.key = $2 AND p.discarded_at IS NULL AND NOT EXISTS (SELECT 1 FROM {{es_parked}} f \
         WHERE f.name = p.name AND f.build = p.build AND f.key = p.key AND f.discarded_at IS NULL \
         AND f.number < p.number) ORDER BY p.build LIMIT {BUILDS}"
    ));
    let page = store.read_page(&query, BUILDS)?;
    page.rows.iter().map(Parked::of).collect()
}

/// How many events of a key wait, in all builds of a reader, counted up to so many.
///
/// # Errors
///
/// The database does not answer.
pub fn count_of_key(
    store: &mut Store<'_>,
    reader: &str,
    key: &str,
    at_most: usize,
) -> Result<i64, Error> {
    if !store.has_read_models()? {
        return Ok(0);
    }
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {{es_parked}} p WHERE p.name = $1 AND p.key = $2 AND p.discarded_at IS NULL \
         LIMIT {at_most}) s"
    );
    let page = store.read_page(&Query::new(&sql).with(reader).with(key), 1)?;
    page.rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// The newest parked event of a reader at a position.
///
/// # Errors
///
/// The database does not answer, or the row is damaged.
pub fn find(store: &mut Store<'_>, reader: &str, position: i64) -> Result<Option<Parked>, Error> {
    if !store.has_read_models()? {
        return Ok(None);
    }
    let position = position::text(position);
    let mut query = Query::new(SELECT).with(reader).with(position.as_str());
    query.push(" WHERE p.name = $1 AND p.position = $2 ORDER BY p.build DESC LIMIT 1");
    let page = store.read_page(&query, 1)?;
    page.rows.first().map(Parked::of).transpose()
}
