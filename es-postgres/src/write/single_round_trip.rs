//! The short way of an append: one statement that commits by itself, for groups whose appends all name
//! the version that they expect, each of another stream. This is what commands do.
//!
//! The database only compares versions and looks for append ids, the one rule of appends that is
//! written in SQL too: where a version differs or an id is known it writes nothing, and the group goes the
//! long way, where `store::author` decides about each. What another writer commits while the statement waits
//! for the lock it does not see, but its rows have unique keys.

use super::{
    decide::{Decider, Known, Rows},
    rules::KnownRules,
};
use crate::{
    connection::{Param, Session},
    rows::{self, clamped, position},
    statements::Statements,
};
use es_runtime::{
    Append, Appended, ExpectedVersion, Timestamp,
    store::author::{RuleState, StreamHead},
};
use std::{collections::HashMap, time::SystemTime};
use tokio_postgres::{Error, types::Type};

/// A group for the short way: its rows with positions that count from the end of the feed.
pub(super) struct SingleRoundTrip<'a> {
    done: Vec<Appended>,
    rows: Rows<'a>,
    aggregates: Vec<&'a str>,
    ids: Vec<&'a str>,
    expected: Vec<i64>,
    /// The time, where it is not that of the server.
    time: Option<SystemTime>,
    /// Which rules of unique values and kinds of tags are on, as far as is known here: the number of `head.rules`.
    rules: i64,
}

impl<'a> SingleRoundTrip<'a> {
    /// `None` where an append needs to know more than whether its version is right. Who has a unique value is
    /// known only under the lock, and the statement reads before it has the lock. Which kinds of tags are on is known:
    /// the statement compares the number that changes when one is turned on.
    pub(super) fn of(
        appends: &'a [Append],
        clock: Option<Timestamp>,
        known: &KnownRules,
    ) -> Option<Self> {
        if !appends.iter().all(|append| known.on.are_its_kinds(append)) {
            return None;
        }
        let mut on = RuleState::default();
        for append in appends {
            on.read_rules_on(&known.on, append);
        }
        let mut streams = HashMap::with_capacity(appends.len());
        let (mut aggregates, mut ids, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        for append in appends {
            let version = match append.expected {
                ExpectedVersion::NoStream => 0,
                ExpectedVersion::Exact(version) => version,
                ExpectedVersion::Any | ExpectedVersion::StreamExists => return None,
            };
            let head = StreamHead {
                version,
                ..StreamHead::EMPTY
            };
            let twice = streams.insert(append.stream.clone(), head).is_some();
            if twice || append.events.is_empty() {
                return None;
            }
            aggregates.push(append.stream.aggregate());
            ids.push(append.stream.id());
            expected.push(clamped(version));
        }
        let mut rules = Decider::new(Known {
            head: 0,
            streams,
            appends: HashMap::new(),
            now: clock.unwrap_or_else(Timestamp::now),
            uniques: on,
            guards: Vec::new(),
        });
        let mut rows = Rows::default();
        let done = appends
            .iter()
            .map(|append| rules.one(append, clock, &mut rows).ok())
            .collect::<Option<Vec<_>>>()?;
        Some(Self {
            done,
            rows,
            aggregates,
            ids,
            expected,
            time: clock.map(SystemTime::from),
            rules: known.state,
        })
    }

    pub(super) fn rows(&self) -> &Rows<'a> {
        &self.rows
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        u64::try_from(self.rows.positions.len()).unwrap_or(u64::MAX)
    }

    /// Does it. Where the feed ended before and when it was, or `None` where nothing was written.
    pub(super) async fn run(
        &self,
        session: &Session,
        statements: &Statements,
    ) -> Result<Option<(u64, Timestamp)>, Error> {
        let (appends, tags) = (&self.rows.appends, self.rows.tags.params());
        let has_ids = !appends.append_ids.is_empty();
        let sql = statements
            .append_single_round_trip
            .of(has_ids, tags.is_some());
        let mut params: Vec<Param<'_>> = vec![
            (&self.aggregates, Type::TEXT_ARRAY),
            (&self.ids, Type::TEXT_ARRAY),
            (&self.expected, Type::INT8_ARRAY),
            (&self.rules, Type::INT8),
            (&self.time, Type::TIMESTAMPTZ),
        ];
        params.extend(self.rows.columns());
        if has_ids {
            params.extend(appends.columns());
        }
        params.extend(tags.into_iter().flatten());
        let found = session.rows(sql, &params).await?;
        let wrote = found.first().and_then(|row| {
            let before = rows::natural(row, 0)?;
            let now = rows::time(row, 1).ok()?;
            Some((before, now))
        });
        Ok(wrote)
    }

    /// What each append did, where the feed ended at `before`.
    pub(super) fn done(self, before: u64, now: Timestamp) -> Vec<Appended> {
        let mut done = self.done;
        for appended in &mut done {
            let [_, _, place] = appended.position.to_parts();
            appended.position = position(before.saturating_add(place));
            if self.time.is_none() {
                appended.recorded_at = now;
            }
        }
        done
    }
}
