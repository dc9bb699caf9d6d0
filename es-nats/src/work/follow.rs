//! Fills the index of this process, and follows the messages of work items.
//!
//! They come from any replica. The leader says where they end, so an item that was stored before is in the index after.

use super::record;
use crate::{shared::Shared, wire::StoredMessage};
use es_runtime::StorageError;

/// Items that are read at once.
pub(super) const ITEMS: usize = 512;
const MESSAGES: usize = 1_024;
const BYTES: usize = 1024 * 1024;
/// How often a replica that is behind is asked again before the leader is asked for each item.
const TRIES: usize = 4;

impl Shared {
    /// Takes all that was stored before this call.
    pub(super) async fn follow_work(&self) -> Result<(), StorageError> {
        let mut followed = self.work.followed.lock().await;
        let seen = self.identity.seen();
        let end = self.end_of_stream().await?;
        self.same_stream(end, seen).await?;
        let mut reached = if let Some(reached) = *followed {
            reached
        } else {
            self.fill(end).await?;
            end
        };
        // What was filled need not be filled again when the rest fails.
        *followed = Some(reached);
        let all = self.subjects.all_work();
        while reached < end {
            let next = reached.saturating_add(1);
            let batch = self.wire.some_from(&all, next, MESSAGES, BYTES).await?;
            reached = self.took_work(&batch.messages)?.unwrap_or(reached);
            if batch.has_more() {
                continue;
            }
            // The replica may be behind.
            let next = reached.saturating_add(1);
            match self.wire.next(&all, next).await? {
                Some(message) => reached = self.took_work(&[message])?.unwrap_or(reached),
                None => reached = end,
            }
            *followed = Some(reached);
        }
        *followed = Some(reached);
        Ok(())
    }

    /// Reads the newest message of each item.
    async fn fill(&self, end: u64) -> Result<(), StorageError> {
        let mut subjects = Vec::new();
        let all = self.subjects.all_work();
        self.each_subject(&all, |subject| subjects.push(subject.to_owned()))
            .await?;
        for some in subjects.chunks(ITEMS) {
            let messages = self.newest(some, end).await?;
            self.took_work(&messages)?;
        }
        Ok(())
    }

    /// Returns the sequence of the last one.
    fn took_work(&self, messages: &[StoredMessage]) -> Result<Option<u64>, StorageError> {
        for message in messages {
            self.work.took(record::read(message, &self.subjects)?);
        }
        Ok(messages.last().map(|message| message.sequence))
    }

    /// The last message of each of these subjects, from a replica that has all messages up to `least`.
    pub(super) async fn newest(
        &self,
        subjects: &[String],
        least: u64,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        let names: Vec<&str> = subjects.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut attempts = self.wire.attempts();
        for _ in 0..TRIES {
            let lasts = self.wire.lasts(&names).await?;
            let is_whole = lasts.messages.len() == names.len();
            if is_whole && lasts.up_to.is_some_and(|up_to| up_to >= least) {
                return Ok(lasts.messages);
            }
            attempts.again().await;
        }
        let mut messages = Vec::with_capacity(names.len());
        for name in names {
            messages.extend(self.wire.last(name).await?);
        }
        Ok(messages)
    }
}
