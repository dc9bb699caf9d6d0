//! Storing one message or a batch so that it is there once, whatever answers get lost.

use crate::{
    errors::Unwritten,
    failure::{Failure, Refusal},
    message,
    shared::Shared,
    wire::{Ack, Attempts, EXPECTED, EXPECTED_OF, Outgoing},
};
use es_runtime::{EventId, Outcome, StorageError, StorageErrorKind};
use std::sync::Arc;

/// What has become of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is stored. The sequence is that of its last message.
    At(u64),
    /// One of the expected sequences is wrong: nothing of it is stored, or ever will be.
    Moved,
}

/// How a write is found that may have been stored: the first message of this subject after this sequence is its own, or
/// it is not there.
struct Trace {
    subject: String,
    after: u64,
    /// How many messages of the write come after that one.
    later: u64,
    write: EventId,
}

impl Trace {
    /// By the first message that compares its own subject. Where none does, the write is only guards.
    fn of(messages: &[Outgoing], write: EventId) -> Option<Self> {
        let own = |message: &Outgoing| {
            let headers = &message.headers;
            headers.get(EXPECTED).is_some() && headers.get(EXPECTED_OF).is_none()
        };
        let index = messages.iter().position(own).unwrap_or(0);
        let message = messages.get(index)?;
        let after = message.headers.get(EXPECTED)?.as_str().parse().ok()?;
        let later = messages.len().saturating_sub(index).saturating_sub(1);
        Some(Self {
            subject: message.subject.clone(),
            after: if own(message) { after } else { u64::MAX },
            later: u64::try_from(later).ok()?,
            write,
        })
    }
}

impl Shared {
    /// Stores the messages of a write, all or none of them. Some of them expect a sequence, so each attempt stores them or
    /// finds them stored.
    ///
    /// # Errors
    /// [`Unwritten`] when it is not known after the time whether they are there, or when the server refuses them.
    pub(crate) async fn place(
        self: &Arc<Self>,
        messages: Vec<Outgoing>,
        write: EventId,
        attempts: &mut Attempts,
    ) -> Result<Placed, Unwritten> {
        let Some(trace) = Trace::of(&messages, write) else {
            let what = "no message of the commit expects a sequence";
            return Err(StorageError::new(StorageErrorKind::Other, what).into());
        };
        let mut was_open = false;
        let seen = self.identity.seen();
        loop {
            let failure = match self.send(messages.clone(), attempts).await {
                Ok(ack) => {
                    // It is in the stream that has the name now, which may be another one.
                    let placed = self.same_stream(ack.sequence, seen.saturating_add(1)).await;
                    return placed
                        .map(|()| Placed::At(ack.sequence))
                        .map_err(|error| Unwritten {
                            outcome: Outcome::Applied,
                            error,
                        });
                }
                Err(failure) => failure,
            };
            if failure.code() == Some(Refusal::WRONG_LAST_SEQUENCE) {
                if !was_open {
                    return Ok(Placed::Moved);
                }
                let found = self.find(&trace).await;
                return found.map_err(|error| Unwritten {
                    outcome: Outcome::Unknown,
                    error,
                });
            }
            was_open = was_open || failure.is_open();
            // Others go on while it waits. So one that waits long is always late.
            let again = if failure.code() == Some(Refusal::IN_PROGRESS) {
                attempts.again_soon().await
            } else {
                failure.is_for_now() && attempts.again().await
            };
            if !again {
                return Err(Unwritten::after(failure, was_open));
            }
        }
    }

    async fn send(
        self: &Arc<Self>,
        messages: Vec<Outgoing>,
        attempts: &Attempts,
    ) -> Result<Ack, Failure> {
        let messages = match <[Outgoing; 1]>::try_from(messages) {
            Ok([only]) => return self.wire.publish(only).await,
            Err(messages) => messages,
        };
        // A task of its own: a caller that goes away does not leave a part of a batch, which would take a place at the
        // server until its time is over.
        let (shared, left) = (Arc::clone(self), attempts.left());
        let task = tokio::spawn(async move {
            let permit = tokio::time::timeout(left, shared.batches.acquire()).await;
            let permit = permit.map_err(|_| Failure::Waited)?;
            // An attempt in doubt may still come in, so each one has a batch of its own.
            let batch = EventId::new().to_string();
            let sent = shared.wire.publish_batch(&batch, messages).await;
            drop(permit);
            sent
        });
        let ended = task.await;
        ended.unwrap_or_else(|error| Err(Failure::Strange(error.to_string())))
    }

    /// Looks whether a write was stored that had no answer. An expected sequence of it was wrong, so it will not be stored
    /// any more.
    async fn find(&self, trace: &Trace) -> Result<Placed, StorageError> {
        let next = trace.after.saturating_add(1);
        let Some(message) = self.wire.next(&trace.subject, next).await? else {
            return Ok(Placed::Moved);
        };
        if message::write_of(&message) == Some(trace.write) {
            return Ok(Placed::At(message.sequence.saturating_add(trace.later)));
        }
        Ok(Placed::Moved)
    }
}
