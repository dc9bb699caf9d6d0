//! Queries by tags.

use super::{as_of::AsOf, stored::Tagged};
use crate::{record::StoredCommit, shared::Shared, unique::read_rule};
use es_runtime::{
    Position, ReadError, ReadLimit, RecordedEvent, StorageError, StorageErrorKind, TagQuery,
    TagWalk, TagWalked, TaggedBackward, TaggedPage,
    store::author::{Page, Repeated, RuleNeeds, RuleState},
};
use futures_util::future::try_join_all;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::{Bound, ControlFlow, RangeBounds},
};

/// Commits that are read at one time.
const COMMITS: usize = 32;

impl Shared {
    pub(crate) async fn tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let as_of = self.as_of([query]).await?;
        as_of.check_ready(query)?;
        if limit.events == 0 {
            return Ok(TaggedPage::new(Vec::new(), after, None));
        }
        let head = as_of.head;
        // One more, which says whether there is more.
        let most = limit.events.saturating_add(1);
        let mut found = Vec::new();
        let list = if after < head {
            self.rarest(query, after, &as_of).await?
        } else {
            None
        };
        if let Some((text, from)) = list {
            let each = |tagged: Tagged| {
                let at = tagged.position;
                if at > after && at <= head && tagged.is_found_by(query) {
                    found.push(tagged);
                }
                if found.len() < most && at <= head {
                    return ControlFlow::Continue(());
                }
                ControlFlow::Break(())
            };
            self.each_tagged(text, from, as_of.last(text), each).await?;
        }
        let is_over = found.len() < most;
        found.truncate(limit.events);
        let reached = found.last().map_or(after, |last| last.position);
        let mut page = Page::new(limit);
        let fits = self.take(found, &mut page).await?;
        let end = (is_over && fits).then_some(head);
        let mut page = TaggedPage::new(page.events, after, end);
        if fits {
            // Where the last ones are erased, the next page begins after them all the same.
            page.next = page.next.max(reached);
        }
        Ok(page)
    }

    pub(crate) async fn tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let as_of = self.as_of([query]).await?;
        as_of.check_ready(query)?;
        let head = as_of.head;
        if limit.events == 0 {
            return Ok(TaggedBackward::new(Vec::new(), head, false));
        }
        let is_in = |tagged: &Tagged| {
            let at = &tagged.position;
            *at > after && *at <= head && (Bound::Unbounded, until).contains(at)
        };
        let is_wanted = |tagged: &Tagged| is_in(tagged) && tagged.is_found_by(query);
        let mut count = limit.events;
        loop {
            let newest = self.newest_tagged(query, after, &as_of, count, &is_wanted);
            let (newest, is_all) = newest.await?;
            let mut page = Page::new(limit);
            let fits = self.take(newest, &mut page).await?;
            // All of them may be erased, and older ones may be there.
            if is_all || !fits || !page.events.is_empty() {
                return Ok(TaggedBackward::new(page.events, head, is_all && fits));
            }
            count = count.saturating_mul(2);
        }
    }

    /// The newest events of a query that are wanted, at most so many and the newest first, and whether these are all.
    async fn newest_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        as_of: &AsOf,
        count: usize,
        is_wanted: &(impl Fn(&Tagged) -> bool + Sync),
    ) -> Result<(Vec<Tagged>, bool), ReadError> {
        let Some((text, Some(last))) = as_of.quietest(query) else {
            return Ok((Vec::new(), true));
        };
        // Often the last message of the tag has enough of them.
        let found = super::stored::tagged(text, last)?.into_iter();
        let mut newest: VecDeque<Tagged> = found.filter(|tagged| is_wanted(tagged)).collect();
        let mut is_all = false;
        if newest.len() < count {
            newest.clear();
            is_all = true;
            if let Some((text, from)) = self.rarest(query, after, as_of).await? {
                let each = |tagged: Tagged| {
                    if is_wanted(&tagged) {
                        newest.push_back(tagged);
                    }
                    if newest.len() > count {
                        newest.pop_front();
                        is_all = false;
                    }
                    ControlFlow::Continue(())
                };
                self.each_tagged(text, from, as_of.last(text), each).await?;
            }
        }
        Ok((newest.into_iter().rev().take(count).collect(), is_all))
    }

    /// The tag of a query with the fewest messages after a position, and where to read from. `None` where one has none.
    async fn rarest<'q>(
        &self,
        query: &'q TagQuery,
        after: Position,
        as_of: &AsOf,
    ) -> Result<Option<(&'q str, u64)>, StorageError> {
        let from = self.first_after(after).await?;
        let texts: Vec<&str> = query.texts().collect();
        if texts.iter().any(|text| as_of.last(text) < from) {
            return Ok(None);
        }
        if let [text] = *texts {
            return Ok(Some((text, from)));
        }
        let counts = texts.iter().map(|text| self.count_from(text, from));
        let counts = try_join_all(counts).await?;
        let rarest = texts
            .into_iter()
            .zip(counts)
            .min_by_key(|(_, count)| *count);
        Ok(rarest.map(|(text, _)| (text, from)))
    }

    /// Adds these events to a page, as long as they fit. Returns whether all of them did.
    async fn take(&self, found: Vec<Tagged>, page: &mut Page) -> Result<bool, ReadError> {
        let mut commits: Vec<(u64, Vec<Tagged>)> = Vec::new();
        for tagged in found {
            let [_, sequence, _] = tagged.position.to_parts();
            match commits.last_mut() {
                Some((last, of_commit)) if *last == sequence => of_commit.push(tagged),
                _ => commits.push((sequence, vec![tagged])),
            }
        }
        let mut texts = Repeated::default();
        for part in commits.chunks(COMMITS) {
            let read = part
                .iter()
                .map(|(sequence, _)| self.commit_of_tag(*sequence));
            for (commit, (_, wanted)) in try_join_all(read).await?.iter().zip(part) {
                let Some(commit) = commit else { continue };
                let mut events = events_of(commit, wanted, &mut texts)?;
                for tagged in wanted {
                    let event = events.remove(&tagged.position);
                    let event = event.ok_or_else(|| missing(tagged.position))?;
                    if !page.take(event) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// The commit that a message of a tag points at. `None` where it is erased.
    async fn commit_of_tag(&self, sequence: u64) -> Result<Option<StoredCommit>, ReadError> {
        let Some(message) = self.wire.any_at(sequence).await? else {
            if self.is_erased(sequence) {
                return Ok(None);
            }
            return Err(missing(crate::record::position(sequence, 1)).into());
        };
        Ok(Some(StoredCommit::of(&message, &self.subjects)?))
    }

    /// Says which kinds are recorded. They are from the first event of a name on, or never.
    pub(crate) async fn walk_tags(&self, walk: &TagWalk) -> Result<TagWalked, StorageError> {
        let pairs = walk.kinds.iter().map(|(event, kind)| (&**event, &**kind));
        let mut rules = RuleState::default();
        for (rule, event) in RuleNeeds::default().with_kinds(pairs).rules {
            let known = self.rules_of(event).await?;
            let is_on = read_rule(&mut rules, &rule, event, known.as_deref());
            if known.is_some() && !is_on {
                let kind = rule.split_once(':').map_or(&*rule, |(_, kind)| kind);
                let what = format!(
                    "tags of kind `{kind}` cannot be recorded for events `{event}`, which are stored in JetStream without them \
                     already; give the event a new name"
                );
                return Err(StorageError::new(StorageErrorKind::Unsupported, what));
            }
        }
        // What has no events yet is on from its first event.
        let (walked, _) = rules.walk_tags(walk, &mut BTreeMap::new(), false);
        Ok(walked)
    }
}

/// These events of a commit, by their positions.
fn events_of(
    commit: &StoredCommit,
    wanted: &[Tagged],
    texts: &mut Repeated,
) -> Result<BTreeMap<Position, RecordedEvent>, ReadError> {
    let mut events = BTreeMap::new();
    let _ = commit.each_recorded(texts, |event, recorded| {
        let is_it =
            |tagged: &Tagged| tagged.position == event.position() && tagged.event == event.name();
        if wanted.iter().any(is_it) {
            events.insert(event.position(), recorded());
        }
        ControlFlow::Continue(())
    })?;
    Ok(events)
}

fn missing(position: Position) -> StorageError {
    let what = format!(
        "the event at position {position}, which has a tag, is missing: it was erased or lost"
    );
    StorageError::new(StorageErrorKind::Corrupt, what)
}
