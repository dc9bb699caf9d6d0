//! Requests to the server. Nothing in here knows events.

use crate::failure::{Failure, Refusal};
use async_nats::{
    Client, HeaderMap, Message, RequestError, RequestErrorKind,
    jetstream::{
        message::StreamMessage,
        stream::{Info, RawMessage},
    },
};
use bytes::Bytes;
use es_runtime::{StorageError, StorageErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The header with the sequence that a message expects of the last one. The server stores it.
pub(crate) const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
/// The header that makes [`EXPECTED`] about another subject.
pub(crate) const EXPECTED_OF: &str = "Nats-Expected-Last-Subject-Sequence-Subject";
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";
const BATCH_ID: &str = "Nats-Batch-Id";
pub(crate) const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
pub(crate) const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// The longest subject of a message. A server ends the connection of a client whose line has more than 4,096 bytes, and
/// the line has the reply's subject, too.
const LONGEST: usize = 3_800;

/// The answer to a message that was stored.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Ack {
    #[serde(rename = "seq")]
    pub(crate) sequence: u64,
}

/// A message that is to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Until when a call is tried again, and after how long.
#[derive(Debug)]
pub(crate) struct Attempts {
    until: Instant,
    pause: Duration,
}

impl Attempts {
    pub(crate) fn within(patience: Duration) -> Self {
        Self {
            until: Instant::now() + patience,
            pause: Duration::from_millis(1),
        }
    }

    /// How much time is left.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits for about the time that the server needs for another write. Returns `false` when the time is over.
    pub(crate) async fn again_soon(&self) -> bool {
        if self.left().is_zero() {
            return false;
        }
        let pause = Duration::from_millis(1).mul_f64(fastrand::f64() + 0.5);
        tokio::time::sleep(pause).await;
        true
    }

    /// Waits a little, and longer each time. Returns `false` when the time is over.
    pub(crate) async fn again(&mut self) -> bool {
        if self.left().is_zero() {
            return false;
        }
        let jitter = fastrand::f64() + 0.5;
        tokio::time::sleep(self.pause.mul_f64(jitter)).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(200));
        true
    }
}

/// A message as the stream has it.
#[derive(Debug)]
pub(crate) struct StoredMessage {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl StoredMessage {
    /// What it has, which is `what`.
    ///
    /// # Errors
    /// [`StorageErrorKind::Corrupt`]: it is no such thing.
    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, StorageError> {
        serde_json::from_slice(&self.payload).map_err(|_| self.damaged(what))
    }

    /// It should be `what`, and is not. Its subject is not named: a value of the application may be in it.
    pub(crate) fn damaged(&self, what: &str) -> StorageError {
        let what = format!(
            "message {}, {what}, cannot be read: it is damaged, or a newer version of this crate wrote it",
            self.sequence
        );
        StorageError::new(StorageErrorKind::Corrupt, what)
    }
}

impl From<StreamMessage> for StoredMessage {
    fn from(message: StreamMessage) -> Self {
        Self {
            subject: message.subject.into_string(),
            sequence: message.sequence,
            headers: message.headers,
            payload: message.payload,
        }
    }
}

/// A connection, and the JetStream stream that requests are about.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) client: Client,
    pub(crate) stream: String,
    /// How long one request waits for its answer.
    pub(crate) answer: Duration,
    /// How long a call is tried again.
    pub(crate) patience: Duration,
}

/// What a message may have besides its body.
const HEADERS: usize = 4 * 1024;

impl Wire {
    /// The same connection for another stream.
    pub(crate) fn to(&self, stream: String) -> Self {
        Self {
            stream,
            ..self.clone()
        }
    }

    /// The most bytes that the body of a message may have.
    pub(crate) fn largest_body(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS)
    }

    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::within(self.patience)
    }

    pub(crate) async fn ask(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        body: Bytes,
    ) -> Result<Message, Failure> {
        let request = async_nats::Request::new()
            .payload(body)
            .timeout(Some(self.answer));
        let request = match headers {
            Some(headers) => request.headers(headers),
            None => request,
        };
        // Without a connection the client queues requests, and waits where its queue is full.
        let asked = tokio::time::timeout(self.answer, self.client.send_request(subject, request));
        let answer = asked.await.unwrap_or_else(|_| Err(timed_out()));
        answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Failure::NoLeader,
            RequestErrorKind::MaxPayloadExceeded => Failure::TooLarge,
            _ => Failure::Lost(error),
        })
    }

    /// Publishes a message and returns its sequence.
    pub(crate) async fn publish(&self, message: Outgoing) -> Result<Ack, Failure> {
        if message.subject.len() > LONGEST {
            return Err(Failure::LongSubject);
        }
        let Outgoing {
            subject,
            headers,
            body,
        } = message;
        parsed(&self.ask(subject, Some(headers), body).await?)
    }

    /// Publishes messages that are stored together or not at all. The result has the sequence of the last one; the
    /// others come directly before it.
    pub(crate) async fn publish_batch(
        &self,
        batch: &str,
        messages: Vec<Outgoing>,
    ) -> Result<Ack, Failure> {
        let count = messages.len();
        if messages
            .iter()
            .any(|message| message.subject.len() > LONGEST)
        {
            return Err(Failure::LongSubject);
        }
        let mut last = None;
        for (mut message, number) in messages.into_iter().zip(1..) {
            message.headers.insert(BATCH_ID, batch);
            message.headers.insert(BATCH_SEQUENCE, number.to_string());
            if number == count {
                message.headers.insert(BATCH_COMMIT, "1");
                last = Some(message);
                break;
            }
            let Outgoing {
                subject,
                headers,
                body,
            } = message;
            let sent = self.client.publish_with_headers(subject, headers, body);
            // The server drops a batch that is not complete.
            let Ok(sent) = tokio::time::timeout(self.answer, sent).await else {
                return Err(Failure::Lost(timed_out()));
            };
            sent.map_err(|error| Failure::Strange(error.to_string()))?;
        }
        match last {
            Some(last) => self.publish(last).await,
            None => Err(Failure::Strange(
                "a batch has at least one message".to_owned(),
            )),
        }
    }

    /// Asks the API of JetStream once.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        call: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        let subject = format!("$JS.API.{call}.{}", self.stream);
        parsed(&self.ask(subject, None, body.to_string().into()).await?)
    }

    /// Asks the API of JetStream until there is an answer, for at most the patience.
    pub(crate) async fn api_in_time<T: DeserializeOwned>(
        &self,
        call: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        self.in_time(|| self.api(call, body)).await
    }

    /// What the leader says of the stream: its configuration, and how far it goes.
    pub(crate) async fn info(&self) -> Result<Info, Failure> {
        let body = json!({});
        self.in_time(|| self.info_once(&body)).await
    }

    /// What the leader says of the stream, asked once. Where nobody leads, any replica answers, which may not have the newest
    /// messages: that answer is not taken.
    pub(crate) async fn info_once<T: DeserializeOwned>(&self, body: &Value) -> Result<T, Failure> {
        #[derive(Deserialize)]
        struct Led {
            cluster: Option<Cluster>,
        }
        #[derive(Deserialize)]
        struct Cluster {
            leader: Option<String>,
        }
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream);
        let answer = self.ask(subject, None, body.to_string().into()).await?;
        let Led { cluster } = parsed(&answer)?;
        let is_led = cluster.is_none_or(|cluster| {
            let leader = cluster.leader;
            leader.is_some_and(|leader| !leader.is_empty())
        });
        if is_led {
            parsed(&answer)
        } else {
            Err(Failure::NoLeader)
        }
    }

    /// Asks until there is an answer, for at most the patience.
    pub(crate) async fn in_time<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut attempts = self.attempts();
        loop {
            match ask().await {
                Err(failure) if failure.is_for_now() => {
                    if !attempts.again().await {
                        return Err(failure);
                    }
                }
                answer => return answer,
            }
        }
    }

    /// A message from the leader, so the newest that there is.
    async fn leader(&self, which: Value) -> Result<Option<StoredMessage>, StorageError> {
        #[derive(Deserialize)]
        struct Got {
            message: RawMessage,
        }
        match self.api_in_time::<Got>("STREAM.MSG.GET", &which).await {
            Ok(got) => {
                let message = StreamMessage::try_from(got.message).map_err(|error| {
                    let what = format!("a message of the server cannot be read: {error}");
                    StorageError::new(StorageErrorKind::Corrupt, what)
                })?;
                Ok(Some(message.into()))
            }
            Err(failure) if failure.code() == Some(Refusal::NO_MESSAGE) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The last message of a subject, or of the whole stream with `>`.
    pub(crate) async fn last(&self, subject: &str) -> Result<Option<StoredMessage>, StorageError> {
        self.leader(json!({ "last_by_subj": subject })).await
    }

    /// The message with this sequence.
    pub(crate) async fn at(&self, sequence: u64) -> Result<Option<StoredMessage>, StorageError> {
        if sequence == 0 {
            return Ok(None);
        }
        self.leader(json!({ "seq": sequence })).await
    }

    /// The first message of a subject with this sequence or a later one.
    pub(crate) async fn next(
        &self,
        subject: &str,
        sequence: u64,
    ) -> Result<Option<StoredMessage>, StorageError> {
        let sequence = sequence.max(1);
        self.leader(json!({ "next_by_subj": subject, "seq": sequence }))
            .await
    }
}

pub(crate) fn timed_out() -> RequestError {
    RequestError::new(RequestErrorKind::TimedOut)
}

/// An answer of JetStream: an error, or a result.
fn parsed<T: DeserializeOwned>(answer: &Message) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Refused {
        error: Refusal,
    }
    if let Ok(Refused { error }) = serde_json::from_slice(&answer.payload) {
        return Err(Failure::Refused(error));
    }
    let parsed = serde_json::from_slice(&answer.payload);
    parsed.map_err(|error| {
        Failure::Strange(format!("an answer of the server cannot be read: {error}"))
    })
}
