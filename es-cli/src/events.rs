//! The columns in which every verb shows events, and the stream that an argument names.

use crate::{
    error::Error,
    output::{Cell, Column, column, detail},
    store::{Query, Store, hex},
};
#[cfg(feature = "app")]
pub(crate) use es_tables::events::EVENT_COLUMNS;
pub(crate) use es_tables::events::{
    EVENT, Filter, StoredEvent, at_position, by_id, each_of_stream, feed, is_json, is_valid, newest,
};

/// The columns in which events are shown.
pub(crate) const COLUMNS: &[Column] = &[
    column("position"),
    column("recorded_at"),
    column("stream"),
    detail("aggregate"),
    detail("aggregate_id"),
    column("version"),
    column("event"),
    detail("schema_version"),
    detail("event_id"),
    detail("metadata"),
    detail("content_type"),
    column("payload"),
    detail("payload_hex"),
];

/// A stored event as verbs show it.
pub(crate) trait Shown {
    /// The payload where it is JSON, and in a table what it is.
    fn payload_cell(&self, in_table: bool) -> Cell;

    /// In the order of [`COLUMNS`].
    fn cells(&self, in_table: bool) -> Vec<Cell>;
}

impl Shown for StoredEvent {
    fn payload_cell(&self, in_table: bool) -> Cell {
        match self.json() {
            Some(json) => Cell::Json(json.to_owned()),
            None if in_table => Cell::Text(format!(
                "{} bytes of {}",
                self.payload.len(),
                self.content_type
            )),
            None => Cell::None,
        }
    }

    fn cells(&self, in_table: bool) -> Vec<Cell> {
        let metadata = if is_valid(&self.metadata) {
            Cell::Json(self.metadata.clone())
        } else {
            self.metadata.as_str().into()
        };
        let payload = self.payload_cell(in_table);
        let is_json = matches!(payload, Cell::Json(_));
        let hex = (!is_json).then(|| hex(&self.payload));
        vec![
            Cell::position(self.position),
            self.recorded_at.as_str().into(),
            self.stream().into(),
            self.aggregate.as_str().into(),
            self.id.as_str().into(),
            self.version.into(),
            self.event.as_str().into(),
            self.schema_version.into(),
            self.event_id.as_str().into(),
            metadata,
            self.content_type.as_str().into(),
            payload,
            hex.into(),
        ]
    }
}

/// The two halves of a stream that is written as `aggregate/id`. Either half may have a slash, so the store is
/// asked which one is meant, where the aggregate is not given.
pub(crate) fn find_stream(
    store: &mut Store<'_>,
    text: &str,
    aggregate: Option<&str>,
) -> Result<(String, String), Error> {
    let splits = text
        .match_indices('/')
        .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
    let splits: Vec<(&str, &str)> = splits
        .filter(|(half, _)| aggregate.is_none_or(|aggregate| aggregate == *half))
        .collect();
    let mut found = Vec::new();
    for (aggregate, id) in &splits {
        let query = Query::new(
            "SELECT e.version FROM {events} e WHERE e.aggregate = $1 AND e.aggregate_id = $2 ORDER BY e.version LIMIT 1",
        )
        .with(*aggregate)
        .with(*id);
        store.needs_stream(aggregate, id);
        if store.first(&query)?.is_some() {
            found.push((*aggregate, *id));
        }
    }
    match (found.as_slice(), splits.first(), aggregate) {
        ([(aggregate, id)], ..) => Ok(((*aggregate).to_owned(), (*id).to_owned())),
        ([], Some((aggregate, id)), _) => {
            let missing = format!("the store has no stream {text}");
            Err(Error::Missing(match of_saga(store, aggregate)? {
                Some(streams) => format!(
                    "{missing}; the process manager or saga `{aggregate}` writes {streams}/{id}, and \
                     `es streams --aggregate {streams}` lists its streams"
                ),
                None => format!(
                    "{missing}; `es streams --aggregate {aggregate}` lists those of this aggregate"
                ),
            }))
        }
        ([], None, Some(aggregate)) => Err(Error::Usage(format!(
            "`{text}` is no stream of the aggregate {aggregate}: that would begin with `{aggregate}/`"
        ))),
        ([], None, None) => Err(Error::Usage(format!(
            "`{text}` is no stream: a stream is an aggregate and an id, such as order/4711; `es streams` lists them"
        ))),
        (several, ..) => {
            let several: Vec<String> = several
                .iter()
                .map(|(aggregate, id)| format!("--aggregate '{aggregate}' (id {id})"))
                .collect();
            Err(Error::Usage(format!(
                "{} streams are written as {text}; say which one is meant: {}",
                several.len(),
                several.join(" or ")
            )))
        }
    }
}

/// The aggregate half of the streams of a saga or process manager. `None` where the name can be none.
pub(crate) fn saga_streams_of(name: &str) -> Option<String> {
    let any = es_sagas::stream_of(name, "any").ok()?;
    Some(any.aggregate().to_owned())
}

/// The aggregate half of the streams of the saga or process manager with this name, where the store has some.
pub(crate) fn of_saga(store: &mut Store<'_>, name: &str) -> Result<Option<String>, Error> {
    let Some(streams) = saga_streams_of(name) else {
        return Ok(None);
    };
    let query = Query::new("SELECT e.version FROM {events} e WHERE e.aggregate = $1 LIMIT 1");
    let found = store.first(&query.with(streams.as_str()))?;
    Ok(found.map(|_| streams))
}
