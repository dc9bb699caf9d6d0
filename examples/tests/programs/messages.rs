//! A stream of JetStream that a program keeps its events in, as the bare client and a few lines here read them: no type of
//! the program, and none of the store, has a say.

use es_nats::async_nats::{
    self,
    jetstream::{
        self,
        consumer::{DeliverPolicy, pull::OrderedConfig},
    },
};
use es_testkit::nats::Cluster;
use futures_util::StreamExt;
use serde_json::Value;
use std::{
    error::Error,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// An event: the aggregate and the id of its stream, its name, its payload, and the line with the metadata of its commit.
#[derive(Clone, Debug)]
pub struct Stored {
    pub aggregate: String,
    pub id: String,
    pub event: String,
    pub payload: String,
    pub metadata: String,
}

/// A stream on servers of a test, which do not sync.
pub struct Stream {
    servers: String,
    pub name: String,
}

impl Stream {
    /// A new one, whose name begins with this.
    pub fn new(servers: &Cluster, kind: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            servers: servers.url(),
            name: format!("{kind}-{number}"),
        }
    }

    /// What a program opens. One server keeps one copy.
    pub fn address(&self) -> String {
        let Self { servers, name } = self;
        let replicas = if servers.contains(',') {
            ""
        } else {
            "one-replica&"
        };
        format!("{servers}/{name}?{replicas}unchecked-syncs")
    }

    /// All events in order. It waits for servers that are about to come back.
    pub fn events(&self) -> Vec<Stored> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            match read(&self.servers, &self.name) {
                Ok(events) => return events,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn read(servers: &str, stream: &str) -> Result<Vec<Stored>, Box<dyn Error + Send + Sync>> {
    let servers: Vec<&str> = servers.split(',').collect();
    let context = jetstream::new(async_nats::connect(servers).await?);
    let mut stream = context.get_stream(stream).await?;
    let mut events = Vec::new();
    if stream.info().await?.state.messages == 0 {
        return Ok(events);
    }
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        ..OrderedConfig::default()
    };
    let mut all = stream.create_consumer(config).await?.messages().await?;
    let mut last = 0;
    while let Some(message) = all.next().await {
        let message = message?;
        let info = message.info()?;
        assert_eq!(info.stream_sequence, last + 1, "a message is missing");
        last = info.stream_sequence;
        // The name of the stream, what it is, the aggregate and the id.
        let subject: Vec<&str> = message.subject.split('.').collect();
        if let [_, "e", aggregate, id] = *subject {
            commit(&message.payload, aggregate, id, &mut events)?;
        }
        if info.pending == 0 {
            break;
        }
    }
    Ok(events)
}

/// The events of a commit: a line with its metadata, and for each event a line that describes it, and its payload.
fn commit(
    body: &[u8],
    aggregate: &str,
    id: &str,
    events: &mut Vec<Stored>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (metadata, mut rest) = std::str::from_utf8(body)?
        .split_once('\n')
        .ok_or("no line")?;
    while let Some((line, payload)) = rest.split_once('\n') {
        let line: Value = serde_json::from_str(line)?;
        let bytes = usize::try_from(line["bytes"].as_u64().ok_or("no length")?)?;
        let (payload, after) = payload.split_at_checked(bytes).ok_or("it ends early")?;
        events.push(Stored {
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
            event: line["name"].as_str().ok_or("no name")?.to_owned(),
            payload: payload.to_owned(),
            metadata: metadata.to_owned(),
        });
        rest = after.strip_prefix('\n').ok_or("no end of the payload")?;
    }
    Ok(())
}
