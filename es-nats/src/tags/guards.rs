//! Guards: expected last sequences of tags.
//!
//! A guard compares one tag of its query. Where the last message of that tag is still the one up to which the store has
//! looked, no event with the tag came, and so none that the query finds. The server compares it with all else of the batch,
//! also where the batch does not write the tag. Another event with the tag makes the comparison fail although the
//! query may not find it: then the store looks again, and only an event that the query finds refuses the commit.

use super::{
    list::follows,
    stored::{Tagged, tagged},
};
use crate::{
    append::comparing, errors::not_committed, ids::First, known::Head, shared::Shared,
    unique::Ruled, wire::Outgoing,
};
use es_runtime::{
    Commit, CommitError, EventId, EventTag, Position, ReadError, StorageError, TagGuard,
    store::author::{check_guard, check_repeated},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// Messages that are looked at before a commit is sent again. Where more came, all is read again.
const NEWER: usize = 256;
const BYTES: usize = 1024 * 1024;

/// What is compared when a commit is written.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Subjects, with the sequences that their last messages must have.
    pub(super) subjects: BTreeMap<String, u64>,
    /// For each guard, in order, the tag that is compared, and up to which message it was looked at.
    tags: Vec<(String, u64)>,
}

/// The tags that a commit compares and writes. Commits of this process that share one wait for each other: all but one of
/// them would be written in vain.
pub(crate) fn compared_and_written(commit: &Commit) -> BTreeSet<String> {
    let sole = commit.guards.iter().filter_map(|guard| {
        let mut texts = guard.query.texts();
        texts.next().filter(|_| texts.next().is_none())
    });
    let sole: BTreeSet<&str> = sole.collect();
    if sole.is_empty() {
        return BTreeSet::new();
    }
    let events = commit.appends.iter().flat_map(|append| &append.events);
    let written = events.flat_map(|event| EventTag::texts(&event.tags, |_| true));
    written.filter(|text| sole.contains(&**text)).collect()
}

impl Shared {
    /// Checks the guards of a commit, whose streams were looked at before. The result is to be compared when it is
    /// written.
    pub(crate) async fn check_guards(
        &self,
        commit: &Commit,
        looked: &mut [(Head, Option<First>)],
    ) -> Result<Compared, CommitError> {
        let checked = self.guarded(commit).await;
        if checked.is_err() {
            // A commit that was done before says so, whatever came since.
            for (append, (_, first)) in commit.appends.iter().zip(looked) {
                if let Some(first) = first.take() {
                    check_repeated(append, first.compared(append))?;
                }
            }
        }
        checked
    }

    async fn guarded(&self, commit: &Commit) -> Result<Compared, CommitError> {
        let mut compared = Compared::default();
        if commit.guards.is_empty() {
            return Ok(compared);
        }
        let unread = |error: ReadError| not_committed(error.into());
        let queries = commit.guards.iter().map(|guard| &guard.query);
        let as_of = self.as_of(queries).await.map_err(unread)?;
        for (index, TagGuard { query, after, .. }) in commit.guards.iter().enumerate() {
            let (text, last) = as_of.quietest(query).unwrap_or_default();
            let last = last.map_or(0, |last| last.sequence);
            let (mut found, mut doubtful) = (None, Vec::new());
            if *after <= as_of.head && as_of.rules.not_ready(query).is_none() {
                let from = self.first_after(*after).await.map_err(not_committed)?;
                let each = |tagged: Tagged| {
                    let at = tagged.position;
                    let [_, sequence, _] = at.to_parts();
                    if at <= *after || !tagged.is_found_by(query) {
                        return ControlFlow::Continue(());
                    }
                    if self.is_erased(sequence) {
                        doubtful.push(at);
                        return ControlFlow::Continue(());
                    }
                    found = Some(at);
                    ControlFlow::Break(())
                };
                let read = self.each_tagged(text, from, last, each).await;
                read.map_err(not_committed)?;
                // What a query does not find refuses nothing, and nobody reads past an erased event at the end.
                let left = self.first_left(&doubtful).await;
                found = left.map_err(not_committed)?.or(found);
            }
            check_guard(commit, index, &as_of.rules, as_of.head, found)?;
            compared.subjects.insert(self.subjects.tag(text), last);
            compared.tags.push((text.to_owned(), last));
        }
        // Nobody may write the first event of a name without the kinds meanwhile.
        let new = as_of.new.iter();
        let new = new.map(|name| (self.subjects.name_of_events(name), 0));
        compared.subjects.extend(new);
        Ok(compared)
    }

    /// The first of these positions whose commit is there.
    async fn first_left(&self, positions: &[Position]) -> Result<Option<Position>, StorageError> {
        let mut gone = None;
        for position in positions {
            let [_, sequence, _] = position.to_parts();
            if gone == Some(sequence) {
                continue;
            }
            if self.wire.at(sequence).await?.is_some() {
                return Ok(Some(*position));
            }
            gone = Some(sequence);
        }
        Ok(None)
    }

    /// The messages that compare what the commit does not write.
    pub(crate) fn comparisons(
        &self,
        compared: &mut Compared,
        ruled: &Ruled,
        write: EventId,
    ) -> Vec<Outgoing> {
        let subjects = std::mem::take(&mut compared.subjects).into_iter();
        // The record of a new name compares it.
        let others = subjects.filter(|(subject, _)| !self.is_new_name(ruled, subject));
        others
            .map(|(subject, sequence)| comparing(self, subject, sequence, write))
            .collect()
    }

    /// Looks at what came with the tags since they were looked at. Returns the new sequences of those that have moved; none
    /// where a guard excludes one of the events, or replicas do not say all of it: then all is to be read again.
    pub(crate) async fn look_again(
        &self,
        commit: &Commit,
        compared: &mut Compared,
    ) -> Result<BTreeMap<String, u64>, StorageError> {
        let mut newer = BTreeMap::new();
        for ((text, last), guard) in compared.tags.iter_mut().zip(&commit.guards) {
            let subject = self.subjects.tag(text);
            let from = last.saturating_add(1);
            let batch = self.wire.some_from(&subject, from, NEWER, BYTES).await?;
            if batch.has_more() {
                return Ok(BTreeMap::new());
            }
            for message in &batch.messages {
                if !follows(Some(*last), message) {
                    return Ok(BTreeMap::new());
                }
                *last = message.sequence;
                let mut came = tagged(text, message)?.into_iter();
                let is_excluded = |tagged: Tagged| {
                    tagged.position > guard.after && tagged.is_found_by(&guard.query)
                };
                if came.any(is_excluded) {
                    return Ok(BTreeMap::new());
                }
            }
            if !batch.messages.is_empty() {
                newer.insert(subject, *last);
            }
        }
        // Guards of one tag are looked at one after the other, and perhaps by different replicas. What one of them has not
        // seen may be excluded by it.
        let have_seen_the_same = compared.tags.iter().all(|(text, last)| {
            let newest = newer.get(&self.subjects.tag(text));
            newest.is_none_or(|newest| newest == last)
        });
        Ok(if have_seen_the_same {
            newer
        } else {
            BTreeMap::new()
        })
    }
}
