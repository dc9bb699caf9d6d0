//! The work items that have not ended, as this process knows them.

use es_runtime::{StreamId, Timestamp, WorkItem, WorkStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

/// A work item, with the sequence of its message.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(super) sequence: u64,
    pub(crate) item: WorkItem,
}

/// The items that are running or parked. Those that have ended are not kept: there may be many.
#[derive(Debug, Default)]
pub(super) struct Index {
    items: BTreeMap<StreamId, Known>,
    /// Of each aggregate the running items that are due once, by time.
    due: BTreeMap<String, BTreeSet<(Timestamp, StreamId)>>,
}

/// When an item is to be looked at, if ever.
fn due(item: &WorkItem) -> Option<(Timestamp, StreamId)> {
    let due = item.due_at.filter(|_| item.status == WorkStatus::Running);
    due.map(|due| (due, item.instance.clone()))
}

impl Index {
    /// Takes an item, unless a newer message of it is known.
    pub(super) fn put(&mut self, known: Known) {
        let instance = &known.item.instance;
        if let Some(before) = self.items.get(instance) {
            if before.sequence >= known.sequence {
                return;
            }
            if let Some(due) = due(&before.item)
                && let Some(all) = self.due.get_mut(instance.aggregate())
            {
                all.remove(&due);
            }
        }
        if known.item.status == WorkStatus::Done {
            self.items.remove(instance);
            return;
        }
        if let Some(due) = due(&known.item) {
            let all = self.due.entry(instance.aggregate().to_owned());
            all.or_default().insert(due);
        }
        self.items.insert(instance.clone(), known);
    }

    pub(super) fn get(&self, instance: &StreamId) -> Option<&Known> {
        self.items.get(instance)
    }

    /// The items after this one, in order.
    pub(super) fn after(&self, after: Option<&StreamId>) -> impl Iterator<Item = &Known> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.items.range::<StreamId, _>((start, Bound::Unbounded));
        range.map(|(_, known)| known)
    }

    /// The items of these aggregates that are due and free, the longest due first.
    pub(super) fn free(&self, aggregates: &[String], now: Timestamp, most: usize) -> Vec<Known> {
        let mut found = Vec::new();
        for aggregate in aggregates.iter().collect::<BTreeSet<_>>() {
            let due = self.due.get(aggregate).into_iter().flatten();
            let due = due.take_while(|(due, _)| *due <= now);
            let items = due.filter_map(|(_, instance)| self.items.get(instance));
            let free = items.filter(|known| known.item.is_free_and_due(now));
            found.extend(free.take(most));
        }
        found.sort_by_key(|known| known.item.due_at);
        found.into_iter().take(most).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::WorkChange;
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_micros(second * 1_000_000).unwrap()
    }

    fn known(id: &str, sequence: u64, due: i64, status: WorkStatus) -> Known {
        let mut change = WorkChange::new(StreamId::new("saga:a", id).unwrap(), "1:x");
        change.due_at = Some(at(due));
        change.status = status;
        let item = WorkItem::new(&change, at(0));
        Known { sequence, item }
    }

    fn free(index: &Index, now: i64, most: usize) -> Vec<String> {
        let found = index.free(&["saga:a".to_owned()], at(now), most);
        let ids = found
            .iter()
            .map(|known| known.item.instance.id().to_owned());
        ids.collect()
    }

    #[test]
    fn the_newest_message_of_an_item_counts() {
        let mut index = Index::default();
        index.put(known("1", 5, 10, WorkStatus::Running));
        index.put(known("1", 3, 1, WorkStatus::Running));
        assert!(free(&index, 9, 9).is_empty(), "the older one came later");
        index.put(known("2", 6, 4, WorkStatus::Running));
        assert_eq!(free(&index, 10, 9), ["2", "1"]);
        assert_eq!(free(&index, 10, 1), ["2"]);
        index.put(known("2", 7, 4, WorkStatus::Parked));
        assert_eq!(free(&index, 10, 9), ["1"]);
        index.put(known("1", 8, 10, WorkStatus::Done));
        assert!(free(&index, 10, 9).is_empty());
        assert_eq!(index.after(None).count(), 1, "the parked one");
        assert!(index.due.values().all(BTreeSet::is_empty));
    }

    #[test]
    fn an_item_is_free_when_its_lease_has_ended() {
        let mut index = Index::default();
        let mut leased = known("1", 1, 0, WorkStatus::Running);
        leased.item.lease_until = Some(at(5).after(Duration::ZERO));
        index.put(leased);
        assert!(free(&index, 4, 9).is_empty());
        assert_eq!(free(&index, 5, 9), ["1"]);
        assert!(index.free(&["saga:b".to_owned()], at(9), 9).is_empty());
    }
}
