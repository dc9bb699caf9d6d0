//! The changes of work items in a commit.

use super::{Known, record};
use crate::{errors::not_committed, shared::Shared, wire::Outgoing};
use es_runtime::{
    CommitError, EventId, StorageError, StreamId, Timestamp, WorkChange, WorkItem,
    store::author::check_epoch,
};
use std::collections::BTreeMap;

/// The items that a commit changes, each with the sequence of the message that it follows.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    items: Vec<(u64, WorkItem)>,
}

impl Worked {
    /// Their messages.
    pub(crate) fn messages(
        &self,
        shared: &Shared,
        id: EventId,
    ) -> Result<Vec<Outgoing>, StorageError> {
        let messages = self
            .items
            .iter()
            .map(|(before, item)| record::message(&shared.subjects, item, *before, id));
        messages.collect()
    }

    /// They are stored now. The first of them has this sequence.
    pub(crate) fn stored(self, shared: &Shared, first: u64) {
        for (sequence, (_, item)) in (first..).zip(self.items) {
            shared.work.took(Known { sequence, item });
        }
    }
}

impl Shared {
    /// Reads the items that these changes are about, and checks their epochs. What this process remembers saves the read.
    /// Where it is wrong the commit is not stored. After that `is_read_again` says not to use it.
    pub(crate) async fn changed_work(
        &self,
        changes: &[WorkChange],
        now: Timestamp,
        is_read_again: bool,
    ) -> Result<Worked, CommitError> {
        let mut items: BTreeMap<&StreamId, (u64, Option<WorkItem>)> = BTreeMap::new();
        for change in changes {
            let instance = &change.instance;
            let (before, item) = match items.remove(instance) {
                Some(twice) => twice,
                None => self.item_before(change, is_read_again).await?,
            };
            check_epoch(change, item.as_ref().map_or(0, |item| item.epoch))?;
            let item = match item {
                Some(mut item) => {
                    item.change(change, now);
                    item
                }
                None => WorkItem::new(change, now),
            };
            items.insert(instance, (before, Some(item)));
        }
        let items = items.into_values();
        let items = items.filter_map(|(before, item)| Some((before, item?)));
        Ok(Worked {
            items: items.collect(),
        })
    }

    /// The item of an instance, and the sequence of its message, 0 where there is none.
    async fn item_before(
        &self,
        change: &WorkChange,
        is_read_again: bool,
    ) -> Result<(u64, Option<WorkItem>), CommitError> {
        let instance = &change.instance;
        let remembered = if is_read_again {
            None
        } else {
            self.work.index().get(instance).cloned()
        };
        // That it has another epoch is decided on what the leader has.
        let usable = remembered.filter(|known| !change.is_fenced_by(known.item.epoch));
        let known = match usable {
            Some(known) => Some(known),
            None => self.work_item(instance).await.map_err(not_committed)?,
        };
        Ok(known.map_or((0, None), |known| (known.sequence, Some(known.item))))
    }
}
