//! Reads that any replica answers, which may not have the newest messages.

use crate::{
    failure::Failure,
    wire::{StoredMessage, Wire, timed_out},
};
use async_nats::{HeaderMap, Message, StatusCode};
use es_runtime::StorageError;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

/// What a replica says of a message, in the headers that it adds.
#[derive(Default)]
struct Added<'m> {
    subject: Option<&'m str>,
    sequence: Option<u64>,
    /// The sequence of the message that it has sent before.
    before: Option<u64>,
    /// How many there are after it.
    pending: Option<u64>,
    /// Up to which sequence it has looked.
    up_to: Option<u64>,
}

impl<'m> Added<'m> {
    /// One pass: a look for each header would make its name anew.
    fn of(headers: Option<&'m HeaderMap>) -> Self {
        let mut added = Self::default();
        for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
            // A message may have the same headers; those of the server come after them.
            let value = values.last().map(async_nats::HeaderValue::as_str);
            let number = || value.and_then(|value| value.parse().ok());
            match name.as_ref() {
                "Nats-Subject" => added.subject = value,
                "Nats-Sequence" => added.sequence = number(),
                "Nats-Last-Sequence" => added.before = number(),
                "Nats-Num-Pending" => added.pending = number(),
                "Nats-UpTo-Sequence" => added.up_to = number(),
                _ => {}
            }
        }
        added
    }
}

/// A message as a replica sends it.
fn stored(answer: Message) -> Result<StoredMessage, Failure> {
    let added = Added::of(answer.headers.as_ref());
    let (Some(subject), Some(sequence)) = (added.subject, added.sequence) else {
        return Err(Failure::Strange("an answer is no message".to_owned()));
    };
    Ok(StoredMessage {
        subject: subject.to_owned(),
        sequence,
        headers: answer.headers.unwrap_or_default(),
        payload: answer.payload,
    })
}

/// What a replica has from a sequence on.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<StoredMessage>,
    /// How many more that replica has after them.
    pub(crate) pending: u64,
}

impl Batch {
    pub(crate) const fn has_more(&self) -> bool {
        self.pending > 0
    }
}

/// The last messages of some subjects.
#[derive(Debug, Default)]
pub(crate) struct Lasts {
    pub(crate) messages: Vec<StoredMessage>,
    /// The replica had all messages up to this sequence. `None` where it has none of these subjects: then it does not say.
    pub(crate) up_to: Option<u64>,
}

/// The answers to a request for several messages.
#[derive(Default)]
struct Several {
    messages: Vec<StoredMessage>,
    pending: u64,
    up_to: Option<u64>,
}

impl Wire {
    /// Messages of a subject from this sequence on.
    pub(crate) async fn some_from(
        &self,
        subject: &str,
        sequence: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Batch, StorageError> {
        let body = json!({
            "next_by_subj": subject, "seq": sequence.max(1), "batch": count.max(1), "max_bytes": bytes.max(1),
        });
        let read = self.in_time(|| self.several(&body)).await?;
        Ok(Batch {
            messages: read.messages,
            pending: read.pending,
        })
    }

    /// The last message of each of these subjects, as one replica has them at one moment.
    pub(crate) async fn lasts(&self, subjects: &[&str]) -> Result<Lasts, StorageError> {
        let body = json!({ "multi_last": subjects });
        let read = self.in_time(|| self.several(&body)).await?;
        Ok(Lasts {
            messages: read.messages,
            up_to: read.up_to,
        })
    }

    /// The message with this sequence: from any replica, and from the leader where that one is behind.
    pub(crate) async fn any_at(
        &self,
        sequence: u64,
    ) -> Result<Option<StoredMessage>, StorageError> {
        let body = json!({ "seq": sequence }).to_string();
        let read = self.in_time(|| self.one(body.clone()));
        match read.await? {
            Some(message) => Ok(Some(message)),
            None => self.at(sequence).await,
        }
    }

    async fn one(&self, body: String) -> Result<Option<StoredMessage>, Failure> {
        let call = format!("$JS.API.DIRECT.GET.{}", self.stream);
        let answer = self.ask(call, None, body.into()).await?;
        match answer.status {
            None => stored(answer).map(Some),
            Some(StatusCode::NOT_FOUND) => Ok(None),
            Some(status) => {
                let what = format!("a read of a message ended with status {status}");
                Err(Failure::Strange(what))
            }
        }
    }

    async fn several(&self, body: &Value) -> Result<Several, Failure> {
        let lost = || Failure::Lost(timed_out());
        let inbox = self.client.new_inbox();
        let call = format!("$JS.API.DIRECT.GET.{}", self.stream);
        let asking = async {
            let answers = self.client.subscribe(inbox.clone()).await;
            let answers = answers.map_err(|error| Failure::Strange(error.to_string()))?;
            let body = body.to_string().into();
            let sent = self.client.publish_with_reply(call, inbox, body).await;
            sent.map_err(|error| Failure::Strange(error.to_string()))?;
            Ok::<_, Failure>(answers)
        };
        // Without a connection the client waits for room in its queue.
        let asked = timeout(self.answer, asking).await;
        let mut answers = asked.map_err(|_| lost())??;
        let mut read = Several::default();
        // Each answer names the one before it, so that one that got lost on the way is noticed.
        let mut before = 0;
        loop {
            let answer = timeout(self.answer, answers.next()).await;
            let Ok(Some(answer)) = answer else {
                return Err(lost());
            };
            match answer.status {
                Some(StatusCode::NO_RESPONDERS) => return Err(Failure::NoLeader),
                Some(StatusCode::NOT_FOUND) => return Ok(read),
                Some(status) if status.as_u16() == 204 => {
                    let added = Added::of(answer.headers.as_ref());
                    if added.before != Some(before) {
                        return Err(lost());
                    }
                    read.pending = added.pending.unwrap_or(0);
                    read.up_to = added.up_to;
                    return Ok(read);
                }
                Some(status) => {
                    let what = format!("a read of several messages ended with status {status}");
                    return Err(Failure::Strange(what));
                }
                None => {}
            }
            let added = Added::of(answer.headers.as_ref());
            if added.before != Some(before) {
                return Err(lost());
            }
            let message = stored(answer)?;
            before = message.sequence;
            read.messages.push(message);
        }
    }
}
