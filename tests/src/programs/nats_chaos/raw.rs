//! A log on the bare client: one message is one commit, each expects the sequence of the one before it in its
//! aggregate. What a store can be compared with, and what everything is read back with.

use super::{
    Failure,
    audit::Message,
    writers::{Acked, Failed, Target},
};
use es_nats::async_nats::{
    ConnectOptions,
    jetstream::{
        self, Context,
        consumer::{DeliverPolicy, pull::OrderedConfig},
        message::PublishMessage,
        stream::{
            Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType, Stream,
        },
    },
};
use futures_util::StreamExt;
use std::time::{Duration, Instant};

/// Longer than the nodes need to choose a leader.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
const ID: &str = "Nats-Msg-Id";

pub(super) async fn connect(url: &str) -> Result<Context, Failure> {
    let servers: Vec<&str> = url.split(',').collect();
    let client = ConnectOptions::new()
        .connection_timeout(Duration::from_secs(10))
        .ping_interval(Duration::from_secs(2))
        .max_reconnects(None)
        .connect(servers)
        .await?;
    let mut context = jetstream::new(client);
    context.set_timeout(Duration::from_secs(10));
    Ok(context)
}

/// A log in one stream.
#[derive(Clone)]
pub(super) struct RawLog {
    pub(super) context: Context,
    pub(super) name: String,
}

impl RawLog {
    /// Makes the stream with these settings, on all of the nodes.
    pub(super) async fn create(
        url: &str,
        name: &str,
        nodes: usize,
        storage: StorageType,
    ) -> Result<Self, Failure> {
        let context = connect(url).await?;
        let config = Config {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            num_replicas: nodes,
            storage,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: -1,
            deny_delete: true,
            allow_direct: true,
            duplicate_window: Duration::from_secs(120),
            ..Config::default()
        };
        let end = Instant::now() + PATIENCE;
        // The same stream is made once, however often it is asked for.
        while let Err(error) = context.create_stream(&config).await {
            if Instant::now() > end {
                return Err(error.into());
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Ok(Self {
            context,
            name: name.to_owned(),
        })
    }

    pub(super) fn subject(&self, aggregate: &str) -> String {
        format!("{}.{aggregate}", self.name)
    }

    async fn stream(&self) -> Result<Stream<()>, Failure> {
        Ok(self.context.get_stream_no_info(&self.name).await?)
    }

    /// Publishes once.
    async fn publish(&self, aggregate: &str, id: &str, expected: u64) -> Result<u64, Failure> {
        let message = PublishMessage::build()
            .payload(format!("\"{id}/0\"").into())
            .message_id(id)
            .expected_last_subject_sequence(expected);
        let sent = self.context.send_publish(self.subject(aggregate), message);
        Ok(sent.await?.await?.sequence)
    }

    /// The sequence of the commit with this id among those after `expected`, and the sequence of the last one, as the
    /// leader has them.
    async fn find(
        &self,
        aggregate: &str,
        id: &str,
        expected: u64,
    ) -> Result<(Option<u64>, u64), Failure> {
        let stream = self.stream().await?;
        let subject = self.subject(aggregate);
        let mut last = expected;
        loop {
            let next = stream.raw_message_builder().sequence(last + 1);
            match next.next_by_subject(&subject).send().await {
                Ok(message) => {
                    last = message.sequence;
                    if message
                        .headers
                        .get(ID)
                        .is_some_and(|found| found.as_str() == id)
                    {
                        return Ok((Some(last), last));
                    }
                }
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                    return Ok((None, last));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All messages of a stream, in their order, as soon as it can be read.
    pub(super) async fn messages(context: &Context, name: &str) -> Result<Vec<Message>, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            match Self::read(context, name).await {
                Err(_) if Instant::now() < end => tokio::time::sleep(BETWEEN_TRIES).await,
                read => return read,
            }
        }
    }

    async fn read(context: &Context, name: &str) -> Result<Vec<Message>, Failure> {
        let mut stream = context.get_stream(name).await?;
        let state = stream.info().await?.state.clone();
        let mut messages = Vec::new();
        if state.messages == 0 {
            return Ok(messages);
        }
        let config = OrderedConfig {
            deliver_policy: DeliverPolicy::All,
            ..OrderedConfig::default()
        };
        let mut all = stream.create_consumer(config).await?.messages().await?;
        while let Some(message) = all.next().await {
            let message = message?;
            let info = message.info()?;
            let header = |name: &str| {
                let headers = message.headers.as_ref()?;
                Some(headers.get(name)?.as_str().to_owned())
            };
            messages.push(Message {
                sequence: info.stream_sequence,
                subject: message.subject.to_string(),
                expected: header(EXPECTED).and_then(|text| text.parse().ok()),
                ids: super::audit::ids_in(&message.payload),
                course: super::seats::course_in(&message.payload),
            });
            if info.pending == 0 {
                break;
            }
        }
        Ok(messages)
    }
}

impl Target for RawLog {
    fn name(&self) -> &'static str {
        "raw client"
    }

    async fn write(&self, aggregate: &str, id: &str, expected: u64) -> Result<Acked, Failed> {
        let end = Instant::now() + PATIENCE;
        loop {
            let error = match self.publish(aggregate, id, expected).await {
                Ok(sequence) => {
                    return Ok(Acked {
                        after: sequence,
                        position: sequence,
                    });
                }
                Err(error) => error,
            };
            // Whatever it was: the log says whether the commit is there, and who else was first.
            loop {
                match self.find(aggregate, id, expected).await {
                    Ok((Some(sequence), _)) => {
                        return Ok(Acked {
                            after: sequence,
                            position: sequence,
                        });
                    }
                    Ok((None, last)) if last > expected => return Err(Failed::Stale(last)),
                    Ok(_) => break,
                    Err(error) if Instant::now() > end => {
                        return Err(Failed::Unknown(error.to_string()));
                    }
                    Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
                }
            }
            if Instant::now() > end {
                return Err(Failed::Unknown(error.to_string()));
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}
