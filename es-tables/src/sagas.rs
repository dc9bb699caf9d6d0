//! The instances of sagas and process managers, and where they stand.

use crate::{
    Error, Flow, Query, Row, Store, Tables, events::StoredEvent, readers::each_cursor, time,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the aggregate of an instance begins with.
pub const INSTANCES: &str = "saga:";
/// What the aggregate of a single input that waits for an operator begins with.
pub const INPUTS: &str = "saga-input:";

/// In the order of [`Instance::of`].
const SELECT: &str = "SELECT w.aggregate, w.aggregate_id, w.definition, w.status, w.phase, w.reason, {due_at}, \
     w.epoch, w.owner, {lease_until}, {updated_at} FROM {work} w";

/// For longer than this, a worker should have come.
const OVERDUE: i64 = 60_000_000;

/// An instance, or one input of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Instance {
    /// The saga or process manager.
    pub saga: String,
    /// `saga`, `process manager` or `input`.
    pub kind: &'static str,
    /// The aggregate of its stream.
    pub aggregate: String,
    /// Its id, which is that of its stream.
    pub id: String,
    /// `running`, `parked` or `done`.
    pub status: String,
    /// What it does or waits for.
    pub phase: String,
    /// When it is due.
    pub due_at: Option<String>,
    /// The definition that it runs by.
    pub definition: String,
    /// The worker that has it.
    pub owner: Option<String>,
    /// Until when.
    pub lease_until: Option<String>,
    /// How often it was claimed.
    pub epoch: i64,
    /// When it changed last.
    pub updated_at: String,
    /// Why it is parked.
    pub reason: Option<String>,
}

/// Whether the definition in a work item is that of a saga.
pub fn kind_of(definition: &str) -> &'static str {
    if definition.ends_with(":process") {
        "process manager"
    } else {
        "saga"
    }
}

/// The name of a saga, and whether a row is an instance, or one input of it.
pub fn named<'r>(aggregate: &'r str, definition: &str) -> (&'r str, &'static str) {
    if let Some(name) = aggregate.strip_prefix(INPUTS) {
        return (name, "input");
    }
    let name = aggregate.strip_prefix(INSTANCES).unwrap_or(aggregate);
    (name, kind_of(definition))
}

impl Instance {
    fn of(row: &Row) -> Result<Self, Error> {
        let (aggregate, definition) = (row.text(0)?, row.text(2)?);
        let (name, kind) = named(aggregate, definition);
        let moment = |micros| time::of_micros(micros).map(|moment| moment.to_string());
        Ok(Self {
            saga: name.to_owned(),
            kind,
            aggregate: aggregate.to_owned(),
            id: row.text(1)?.to_owned(),
            status: row.text(3)?.to_owned(),
            phase: row.text(4)?.to_owned(),
            due_at: row.maybe_integer(6)?.map(moment).transpose()?,
            definition: definition.to_owned(),
            owner: row.maybe_text(8)?.map(str::to_owned),
            lease_until: row.maybe_integer(9)?.map(moment).transpose()?,
            epoch: row.integer(7)?,
            updated_at: moment(row.integer(10)?)?,
            reason: row.maybe_text(5)?.map(str::to_owned),
        })
    }
}

/// Which instances are wanted. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Those of one saga or process manager, and its inputs.
    pub name: Option<&'a str>,
    /// `running`, `parked` or `done`.
    pub status: Option<&'a str>,
    /// Those that are due for longer than a minute, while no worker has them.
    pub overdue: bool,
}

/// Calls `each` with the instances that are wanted, ordered by saga and id.
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn each_instance<E: From<Error>>(
    store: &mut Store<'_>,
    wanted: &Wanted<'_>,
    each: &mut dyn FnMut(Instance) -> Flow<E>,
) -> Result<(), E> {
    let now = store.now()?;
    let mut query = Query::new(SELECT);
    query.push(" WHERE {after}");
    if let Some(name) = wanted.name {
        let instances = query.param(format!("{INSTANCES}{name}").as_str());
        let inputs = query.param(format!("{INPUTS}{name}").as_str());
        query.push(&format!(" AND w.aggregate IN ({instances}, {inputs})"));
    }
    if let Some(status) = wanted.status {
        let status = query.param(status);
        query.push(&format!(" AND w.status = {status}"));
    }
    if wanted.overdue {
        let condition = overdue(&mut query, now);
        query.push(&format!(" AND {condition}"));
    }
    let key = ["w.aggregate", "w.aggregate_id"];
    store.each_row(Tables::Store, &query, &key, &mut |_, row| {
        each(Instance::of(row)?)
    })
}

/// The condition on instances that are due for long, and that no worker has.
pub fn overdue(query: &mut Query, now: i64) -> String {
    let due = query.param(now.saturating_sub(OVERDUE));
    let now = query.param(now);
    format!(
        "w.status = 'running' AND {{due_at}} < {due} AND (w.lease_until IS NULL OR {{lease_until}} < {now})"
    )
}

/// The names of the sagas and process managers that have run here.
///
/// # Errors
///
/// The database does not answer.
pub fn names(store: &mut Store<'_>) -> Result<BTreeSet<String>, Error> {
    let mut found: BTreeSet<String> = aggregates(store)?
        .iter()
        .map(|aggregate| named(aggregate, "").0.to_owned())
        .collect();
    each_cursor(store, &mut |_, row| {
        found.insert(named(row.text(0)?, "").0.to_owned());
        Ok::<_, Error>(())
    })?;
    Ok(found)
}

/// The aggregates of the instances and inputs that there are. There are few.
///
/// # Errors
///
/// The database does not answer.
pub fn aggregates(store: &mut Store<'_>) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let query = Query::new(
            "SELECT w.aggregate FROM {work} w WHERE w.aggregate > $1 ORDER BY w.aggregate LIMIT 1",
        );
        let after = found.last().map_or("", String::as_str);
        let Some(row) = store.first(&query.with(after))? else {
            return Ok(found);
        };
        found.push(row.text(0)?.to_owned());
    }
}

/// The instances of an aggregate with a status, by their phases: each phase with how many there are among the first so
/// many instances.
///
/// # Errors
///
/// The database does not answer.
pub fn phases(
    store: &mut Store<'_>,
    aggregate: &str,
    status: &str,
    at_most: usize,
) -> Result<Vec<(String, i64)>, Error> {
    let sql = format!(
        "SELECT s.phase, count(*) FROM (SELECT w.phase FROM {{work}} w WHERE w.aggregate = $1 AND w.status = $2 \
         ORDER BY w.aggregate_id LIMIT {at_most}) s GROUP BY s.phase"
    );
    let page = store.page(&Query::new(&sql).with(aggregate).with(status), at_most)?;
    let phases = page.rows.iter();
    phases
        .map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?)))
        .collect()
}

/// How many instances of an aggregate are overdue, counted up to so many.
///
/// # Errors
///
/// The database does not answer.
pub fn count_overdue(store: &mut Store<'_>, aggregate: &str, at_most: usize) -> Result<i64, Error> {
    let now = store.now()?;
    let mut query = Query::default();
    let name = query.param(aggregate);
    let condition = overdue(&mut query, now);
    query.push(&format!(
        "SELECT count(*) FROM (SELECT 1 FROM {{work}} w WHERE w.aggregate = {name} AND {condition} LIMIT {at_most}) s"
    ));
    store.first(&query)?.map_or(Ok(0), |row| row.integer(0))
}

/// The instances of an aggregate that are overdue, those that wait for longest first, at most so many.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn page_of_overdue(
    store: &mut Store<'_>,
    aggregate: &str,
    at_most: usize,
) -> Result<Vec<Instance>, Error> {
    let now = store.now()?;
    let mut query = Query::new(SELECT);
    let name = query.param(aggregate);
    let condition = overdue(&mut query, now);
    query.push(&format!(
        " WHERE w.aggregate = {name} AND {condition} ORDER BY w.due_at LIMIT {at_most}"
    ));
    let page = store.page(&query, at_most)?;
    page.rows.iter().map(Instance::of).collect()
}

/// Instances of an aggregate with a status after an id, ordered by id, and whether there may be more.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn page(
    store: &mut Store<'_>,
    aggregate: &str,
    status: &str,
    after: &str,
    at_most: usize,
) -> Result<(Vec<Instance>, bool), Error> {
    let mut query = Query::new(SELECT).with(aggregate).with(status).with(after);
    query.push(&format!(
        " WHERE w.aggregate = $1 AND w.status = $2 AND w.aggregate_id > $3 ORDER BY w.aggregate_id LIMIT {at_most}"
    ));
    let page = store.page(&query, at_most)?;
    let instances: Result<Vec<Instance>, Error> = page.rows.iter().map(Instance::of).collect();
    Ok((instances?, page.is_cut))
}

/// The instance of a saga with this id, or the input of this id.
///
/// # Errors
///
/// The database does not answer, or the row is damaged.
pub fn find(store: &mut Store<'_>, name: &str, id: &str) -> Result<Option<Instance>, Error> {
    for prefix in [INSTANCES, INPUTS] {
        let aggregate = format!("{prefix}{name}");
        let mut query = Query::new(SELECT).with(aggregate.as_str()).with(id);
        query.push(" WHERE w.aggregate = $1 AND w.aggregate_id = $2");
        if let Some(row) = store.first(&query)? {
            return Instance::of(&row).map(Some);
        }
    }
    Ok(None)
}

/// What an event of a process manager says of its timers: those that are set and not over yet.
pub fn timers_of(event: &StoredEvent, timers: &mut BTreeMap<String, String>) {
    if event.event != "process.stepped" {
        return;
    }
    let payload = event
        .json()
        .and_then(|json| serde_json::from_str(json).ok());
    let Some(step): Option<serde_json::Value> = payload else {
        return;
    };
    let cause = step.get("cause");
    let text = |key: &str| {
        cause
            .and_then(|cause| cause.get(key))
            .and_then(|v| v.as_str())
    };
    if let (Some("timer"), Some(fired)) = (text("is"), text("name")) {
        timers.remove(fired);
    }
    let set = step.get("timers").and_then(serde_json::Value::as_object);
    for (name, at) in set.into_iter().flatten() {
        match at.as_str() {
            Some(at) => timers.insert(name.clone(), at.to_owned()),
            None => timers.remove(name),
        };
    }
    if step.get("ended").and_then(serde_json::Value::as_bool) == Some(true) {
        timers.clear();
    }
}
