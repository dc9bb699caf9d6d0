//! How much the store has, and what happened lately.

use super::Answer;
use crate::ask::Ask;
use es_tables::{
    Dialect, Query, Store,
    events::{End, position_since, recorded_at},
    streams, time,
};
use serde_json::{Value, json};

/// The newest events, of which the names are counted.
const COUNTED: i64 = 10_000;
const NAMES: usize = 200;
/// Seconds of the last hour, day and week.
const SPANS: [i64; 3] = [3_600, 86_400, 604_800];

pub(super) fn overview(store: &mut Store<'_>, _: &Ask) -> Answer {
    let head = store.head()?;
    let now = store.now()?;
    let mut lately = Vec::new();
    for seconds in SPANS {
        let since = time::of_micros(now.saturating_sub(seconds.saturating_mul(1_000_000)))?;
        let first = position_since(store, since, head)?;
        lately.push(json!({ "seconds": seconds, "events": store.count_between(first.saturating_sub(1), head)? }));
    }
    let mut names = names(store, head)?;
    names.sort_by_key(|(_, _, events)| std::cmp::Reverse(*events));
    let names: Vec<Value> = names
        .into_iter()
        .map(|(event, version, events)| {
            json!({ "event": event, "schema_version": version, "events": events })
        })
        .collect();
    let aggregates = streams::aggregates(store, "", NAMES)?;
    let events = store.count()?;
    Ok(json!({
        "store": store.name,
        "database": match store.dialect() {
            _ if store.is_on_jetstream() => "JetStream",
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        },
        "schema": (store.dialect() == Dialect::Postgres).then(|| store.schema().to_owned()),
        "store_id": store.id()?,
        "tables_version": store.tables_version,
        "has_read_models": store.has_read_models().unwrap_or(false),
        "events": events,
        "first_at": recorded_at(store, End::First)?,
        "last_at": recorded_at(store, End::Last)?,
        "bytes": store.size()?,
        "now": time::of_micros(now)?.to_string(),
        "lately": lately,
        "names": names,
        "names_of": COUNTED.min(events),
        "aggregates": aggregates,
        "most_aggregates": NAMES,
    }))
}

/// The names and versions of the newest events, with how many there are of each.
fn names(store: &mut Store<'_>, head: i64) -> Result<Vec<(String, i64, i64)>, es_tables::Error> {
    let sql = format!(
        "SELECT e.event, e.schema_version, count(*) FROM (SELECT n.event, n.schema_version FROM {{events}} n \
         WHERE n.position <= $1 ORDER BY n.position DESC LIMIT {COUNTED}) e GROUP BY e.event, e.schema_version LIMIT {NAMES}"
    );
    let query = Query::new(&sql).with(head);
    let page = store.page(&query, NAMES)?;
    let rows = page.rows.iter();
    rows.map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?, row.integer(2)?)))
        .collect()
}
