//! A work item as a message.

use super::Known;
use crate::{
    message,
    shared::Shared,
    subject::Subjects,
    wire::{Outgoing, StoredMessage},
};
use es_runtime::{EventId, StorageError, StreamId, Timestamp, WorkChange, WorkItem, WorkStatus};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Its times are microseconds.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    definition: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    phase: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    epoch: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    owner: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_until: Option<i64>,
    updated_at: i64,
}

/// The message that makes an item the newest of its instance. `before` is the sequence of the one that it follows, 0 where
/// it is the first.
pub(crate) fn message(
    subjects: &Subjects,
    item: &WorkItem,
    before: u64,
    write: EventId,
) -> Result<Outgoing, StorageError> {
    let text = |text: &'_ Option<String>| text.clone().map(Cow::Owned);
    let record = Record {
        definition: Cow::Borrowed(&item.definition),
        status: Cow::Borrowed(item.status.as_str()),
        phase: Cow::Borrowed(&item.phase),
        reason: text(&item.reason),
        due_at: item.due_at.map(Timestamp::unix_micros),
        epoch: item.epoch,
        owner: text(&item.owner),
        lease_until: item.lease_until.map(Timestamp::unix_micros),
        updated_at: item.updated_at.unix_micros(),
    };
    let subject = subjects.work(&item.instance);
    message::of_record("a work item", &record, subject, before, write)
}

/// # Errors
/// It is none, or of a newer version of this crate.
pub(crate) fn read(message: &StoredMessage, subjects: &Subjects) -> Result<Known, StorageError> {
    let item = item(message, subjects).ok_or_else(|| message.damaged("a work item"))?;
    Ok(Known {
        sequence: message.sequence,
        item,
    })
}

fn item(message: &StoredMessage, subjects: &Subjects) -> Option<WorkItem> {
    let instance = subjects.instance(&message.subject)?;
    let record: Record<'_> = serde_json::from_slice(&message.payload).ok()?;
    let time = |micros: Option<i64>| match micros {
        Some(micros) => Timestamp::from_unix_micros(micros).map(Some),
        None => Some(None),
    };
    let mut change = WorkChange::new(instance, record.definition);
    change.status = WorkStatus::from_text(&record.status)?;
    change.phase = record.phase.into_owned();
    change.reason = record.reason.map(Cow::into_owned);
    change.due_at = time(record.due_at)?;
    change.first_epoch = record.epoch;
    let mut item = WorkItem::new(&change, Timestamp::from_unix_micros(record.updated_at)?);
    item.owner = record.owner.map(Cow::into_owned);
    item.lease_until = time(record.lease_until)?;
    Some(item)
}

impl Shared {
    /// The work item of an instance, from the leader.
    pub(super) async fn work_item(
        &self,
        instance: &StreamId,
    ) -> Result<Option<Known>, StorageError> {
        let message = self.wire.last(&self.subjects.work(instance)).await?;
        let known = message.map(|message| read(&message, &self.subjects));
        let known = known.transpose()?;
        if let Some(known) = &known {
            self.work.took(known.clone());
        }
        Ok(known)
    }
}
