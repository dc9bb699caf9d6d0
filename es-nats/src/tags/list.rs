//! The messages of one tag, in order.

use super::{
    as_of::wait_for_replica,
    stored::{Tagged, tagged},
};
use crate::{
    shared::Shared,
    wire::{EXPECTED, EXPECTED_OF, StoredMessage},
};
use es_runtime::{StorageError, StorageErrorKind};
use std::ops::ControlFlow;

/// Messages of one batch.
const MESSAGES: usize = 256;
/// Bytes of one batch. A single message may be larger.
const BYTES: usize = 1024 * 1024;

/// The sequence that a message of a tag expects of the one before it. Only those of commits that guard the tag do.
fn expected(message: &StoredMessage) -> Option<u64> {
    let headers = &message.headers;
    let own = headers.get(EXPECTED_OF).is_none();
    let expected = headers.get(EXPECTED).filter(|_| own)?;
    expected.as_str().parse().ok()
}

/// Whether no message of the tag is missing between the one before, where it is known, and this one, as far as it says so.
pub(super) fn follows(before: Option<u64>, message: &StoredMessage) -> bool {
    let (Some(before), Some(expected)) = (before, expected(message)) else {
        return true;
    };
    expected == before
}

impl Shared {
    /// Passes the events with a tag to `each`, in order, until it breaks: those of the messages from the sequence `from` up
    /// to `last`, which is there.
    ///
    /// # Errors
    /// A message is missing or cannot be read.
    pub(super) async fn each_tagged(
        &self,
        text: &str,
        from: u64,
        last: u64,
        mut each: impl FnMut(Tagged) -> ControlFlow<()> + Send,
    ) -> Result<(), StorageError> {
        let subject = self.subjects.tag(text);
        let mut next = from.max(1);
        let mut before = (next == 1).then_some(0);
        let mut attempts = self.wire.attempts();
        let follows = |before: Option<u64>, message: &StoredMessage| {
            follows(before, message)
                || expected(message).is_some_and(|expected| self.is_erased(expected))
        };
        while next <= last {
            let batch = self.wire.some_from(&subject, next, MESSAGES, BYTES).await?;
            let (has_more, mut messages) = (batch.has_more(), batch.messages);
            let whole = messages.iter().scan(before, |before, message| {
                let fits = follows(*before, message);
                *before = Some(message.sequence);
                Some(fits)
            });
            let whole = whole.take_while(|fits| *fits).count();
            let is_whole = whole == messages.len() && has_more && whole > 0;
            messages.truncate(whole);
            let is_over = messages
                .last()
                .is_some_and(|message| message.sequence >= last);
            if !is_whole && !is_over {
                // The replica is behind, or has lost one. The leader has it.
                let from = messages
                    .last()
                    .map_or(next, |message| message.sequence.saturating_add(1));
                let after = messages
                    .last()
                    .map_or(before, |message| Some(message.sequence));
                match self.wire.next(&subject, from).await? {
                    Some(message) if follows(after, &message) => messages.push(message),
                    Some(message) => {
                        let what = format!(
                            "the message of a tag before message {} is missing: it was erased or lost",
                            message.sequence
                        );
                        return Err(StorageError::new(StorageErrorKind::Corrupt, what));
                    }
                    None => wait_for_replica(&mut attempts).await?,
                }
            }
            for message in messages {
                if message.sequence > last {
                    return Ok(());
                }
                for tagged in tagged(text, &message)? {
                    if each(tagged).is_break() {
                        return Ok(());
                    }
                }
                before = Some(message.sequence);
                next = message.sequence.saturating_add(1);
            }
        }
        Ok(())
    }

    /// How many messages a tag has from this sequence on, as a replica has them.
    pub(super) async fn count_from(&self, text: &str, from: u64) -> Result<u64, StorageError> {
        let subject = self.subjects.tag(text);
        let batch = self.wire.some_from(&subject, from, 1, 1).await?;
        let read = u64::try_from(batch.messages.len()).unwrap_or(u64::MAX);
        Ok(batch.pending.saturating_add(read))
    }
}
