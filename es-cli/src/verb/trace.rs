//! `es trace`: what followed from a request, as a tree of causes.

use super::Session;
use crate::{
    error::Error,
    events::{Filter, Shown as _, StoredEvent, at_position, by_id, feed},
    output::{Cell, Column, column, detail, wide},
    store::PAGE_BYTES,
};
use es_record::Position;
use es_tables::position;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The correlation, or the id of one of the events
    correlation: String,
    /// Looks from this position on. Correlations have no index: all events after it are looked through
    #[arg(long, value_name = "POSITION")]
    from: Option<Position>,
}

const COLUMNS: &[Column] = &[
    wide("event"),
    detail("depth"),
    column("stream"),
    column("version"),
    column("position"),
    column("recorded_at"),
    column("user"),
    detail("event_id"),
    detail("causation"),
    detail("correlation"),
    detail("payload"),
];

/// A tree of more events is no help to anybody, and all of it is in memory, but for payloads.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;
/// Events that are deeper stand below each other.
const DEEPEST: usize = 40;

/// An event of the tree.
struct Node {
    event: String,
    stream: String,
    version: i64,
    position: i64,
    recorded_at: String,
    user: Option<String>,
    causation: Option<String>,
    /// `None` where it is read again when it is shown: payloads may be more than memory has room for.
    payload: Option<Cell>,
}

impl Node {
    fn of(event: &StoredEvent) -> Self {
        let [user, causation] = event.metadata(["user", "causation"]);
        Self {
            event: event.event.clone(),
            stream: event.stream(),
            version: event.version,
            position: event.position,
            recorded_at: event.recorded_at.clone(),
            user,
            causation,
            payload: None,
        }
    }

    /// Roughly the memory that it takes, without its payload. It stands in a list and in a map by its id.
    fn size(&self) -> usize {
        let texts = [self.user.as_deref(), self.causation.as_deref()];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        self.event.len() + self.stream.len() + texts + 400
    }
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let begun = by_id(store, &args.correlation)?;
    let (correlation, first) = match &begun {
        Some(event) => match event.metadata(["correlation"]) {
            [Some(correlation)] => (correlation, 0),
            // What follows from an event comes after it.
            [None] => (event.event_id.clone(), event.position - 1),
        },
        None => (args.correlation.clone(), 0),
    };
    let filter = Filter {
        correlation: Some(correlation.clone()),
        ..Filter::default()
    };
    let head = store.head()?;
    let mut rows = printer.rows(COLUMNS);
    let in_table = rows.is_table();
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    let mut order = Vec::new();
    let mut is_cut = false;
    let (mut bytes, mut payloads) = (0, 0);
    let from = args
        .from
        .and_then(|from| position::meant(from, head, false));
    let from = from.map_or(first, |from| first.max(from.saturating_sub(1)));
    feed(store, &filter, from, head, &mut |event| {
        if order.len() >= MOST || bytes >= MOST_BYTES {
            is_cut = true;
            return Ok::<_, Error>(ControlFlow::Break(()));
        }
        order.push(event.event_id.clone());
        let mut node = Node::of(event);
        bytes += node.size();
        if !in_table && payloads + event.payload.len() <= PAGE_BYTES {
            payloads += event.payload.len();
            node.payload = Some(event.payload_cell(false));
        }
        nodes.insert(event.event_id.clone(), node);
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    if order.is_empty() {
        return Err(Error::Missing(format!(
            "no event has the correlation {correlation}; `es events -o ndjson` shows the metadata of events"
        )));
    }
    for Shown {
        depth,
        branches,
        id,
        node,
    } in tree(&nodes, &order)
    {
        let payload = match &node.payload {
            _ if in_table => Cell::None,
            Some(payload) => payload.clone(),
            None => {
                let event = at_position(store, node.position)?;
                event.map_or(Cell::None, |event| event.payload_cell(false))
            }
        };
        let name = if in_table {
            branches + &node.event
        } else {
            node.event.clone()
        };
        rows.row(&[
            name.into(),
            i64::try_from(depth).unwrap_or(i64::MAX).into(),
            node.stream.as_str().into(),
            node.version.into(),
            Cell::position(node.position),
            node.recorded_at.as_str().into(),
            node.user.clone().into(),
            id.into(),
            node.causation.clone().into(),
            correlation.as_str().into(),
            payload,
        ])?;
    }
    rows.end()?;
    if is_cut {
        notes.say(&format!("only the first {} events are shown", order.len()))?;
    }
    Ok(())
}

/// An event of the tree, in the order in which it is shown.
struct Shown<'n> {
    depth: usize,
    /// The branches that lead to it.
    branches: String,
    id: String,
    node: &'n Node,
}

/// Each event after its cause and before the next consequence of that cause. An event whose cause has another
/// correlation stands at the left.
fn tree<'n>(nodes: &'n BTreeMap<String, Node>, order: &[String]) -> Vec<Shown<'n>> {
    let mut below: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for id in order {
        let cause = nodes.get(id).and_then(|node| node.causation.as_deref());
        let cause = cause.filter(|cause| nodes.contains_key(*cause) && cause != id);
        below.entry(cause).or_default().push(id);
    }
    let mut shown = Vec::new();
    let mut seen = BTreeSet::new();
    // What comes next is the last one. Each with its depth, whether it is the last consequence of its cause, and
    // what stands before it and all that follows from it.
    let begin = |cause: Option<&str>, depth: usize, before: &str| {
        let ids = below.get(&cause).map(Vec::as_slice).unwrap_or_default();
        let last = ids.len().saturating_sub(1);
        let numbered = ids.iter().enumerate().rev();
        let waiting = numbered
            .map(|(number, id)| (depth, number == last, before.to_owned(), (*id).to_owned()));
        waiting.collect::<Vec<_>>()
    };
    let mut waiting = begin(None, 0, "");
    while let Some((depth, is_last, before, id)) = waiting.pop() {
        let Some(node) = nodes.get(&id) else {
            continue;
        };
        if !seen.insert(id.clone()) {
            continue;
        }
        let (branch, below) = match (depth, is_last) {
            (0, _) => ("", ""),
            (_, false) => ("├ ", "│ "),
            (_, true) => ("└ ", "  "),
        };
        shown.push(Shown {
            depth,
            branches: before.clone() + branch,
            id: id.clone(),
            node,
        });
        // A long chain of causes would be more branches than text.
        let below = if depth < DEEPEST { below } else { "" };
        waiting.extend(begin(Some(id.as_str()), depth + 1, &(before + below)));
    }
    // Events that name each other as the cause. Only an application that makes its own metadata has them.
    for id in order {
        if let Some(node) = nodes.get(id).filter(|_| !seen.contains(id)) {
            shown.push(Shown {
                depth: 0,
                branches: String::new(),
                id: id.clone(),
                node,
            });
        }
    }
    shown
}
