//! What the nodes say about themselves and their streams, and waiting for it.

use super::{Cluster, NatsError, cluster::Node, config, http};
use crate::server::end_of;
use serde_json::Value;
use std::{
    collections::HashMap,
    fs,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// How long a node may take to read millions of messages again.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

impl Cluster {
    /// The page with what a node says about itself, as a browser opens it.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`].
    pub fn monitor_url(&self, node: usize) -> Result<String, NatsError> {
        let port = self.node(node)?.seen.ports.monitor;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// What a node says about itself, such as `/jsz?streams=true`.
    ///
    /// # Errors
    /// [`NatsError::Answer`] where that is no JSON, [`NatsError::Io`] where the node does not answer.
    pub fn monitor(&self, node: usize, path: &str) -> Result<Value, NatsError> {
        let port = self.node(node)?.seen.ports.monitor;
        let (_, answer) = http::get(port, path)?;
        serde_json::from_str(&answer).map_err(|_| NatsError::Answer {
            node,
            path: path.to_owned(),
            answer,
        })
    }

    /// How much memory a node has, in bytes.
    ///
    /// # Errors
    /// Those of [`monitor`](Self::monitor).
    pub fn memory(&self, node: usize) -> Result<u64, NatsError> {
        let answer = self.monitor(node, "/varz")?;
        let bytes = answer.get("mem").and_then(Value::as_u64);
        bytes.ok_or_else(|| NatsError::Answer {
            node,
            path: "/varz".to_owned(),
            answer: answer.to_string(),
        })
    }

    /// The node that a majority of the replicas of a stream takes for its leader; none where they do not
    /// agree, or no node knows the stream. Nodes that do not answer have no vote.
    pub fn leader(&self, stream: &str) -> Option<usize> {
        let mut votes = Votes::default();
        for node in self.answering() {
            if let Ok(Some(detail)) = self.stream(node, stream) {
                match detail.get("cluster") {
                    Some(cluster) => votes.count(cluster),
                    // A single node leads all that it has.
                    None => return Some(node),
                }
            }
        }
        votes.winner()
    }

    /// The same, and waits until there is one.
    ///
    /// # Errors
    /// [`NatsError::NotReady`] after two minutes.
    pub fn wait_leader(&self, stream: &str) -> Result<usize, NatsError> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(leader) = self.leader(stream) {
                return Ok(leader);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Err(self.not_ready(format!("a leader of the stream {stream}"), 0))
    }

    /// What a node has of a stream, none where it does not know the stream. All replicas should come to have the
    /// same.
    ///
    /// # Errors
    /// Those of [`monitor`](Self::monitor).
    pub fn stream_state(
        &self,
        node: usize,
        stream: &str,
    ) -> Result<Option<StreamState>, NatsError> {
        let detail = self.stream(node, stream)?;
        Ok(detail.as_ref().and_then(|detail| {
            let state = detail.get("state")?;
            let number = |name: &str| state.get(name).and_then(Value::as_u64);
            Some(StreamState {
                messages: number("messages")?,
                first: number("first_seq")?,
                last: number("last_seq")?,
                deleted: number("num_deleted").unwrap_or(0),
            })
        }))
    }

    /// What a node says about a stream.
    fn stream(&self, node: usize, stream: &str) -> Result<Option<Value>, NatsError> {
        let mut streams = self.streams(node)?.into_iter();
        let name = Value::from(stream);
        Ok(streams.find(|detail| detail.get("name") == Some(&name)))
    }

    /// What a node says about its streams.
    fn streams(&self, node: usize) -> Result<Vec<Value>, NatsError> {
        let said = self.monitor(node, "/jsz?accounts=true&streams=true")?;
        let accounts = said.get("account_details").and_then(Value::as_array);
        let details = accounts
            .into_iter()
            .flatten()
            .filter_map(|account| account.get("stream_detail")?.as_array())
            .flatten();
        Ok(details.cloned().collect())
    }

    /// The nodes that run and are not paused.
    pub(super) fn answering(&self) -> impl Iterator<Item = usize> + '_ {
        let answers = |node: &Node| {
            node.is_running.load(Ordering::SeqCst) && !node.is_paused.load(Ordering::SeqCst)
        };
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(move |(_, node)| answers(node))
            .map(|(number, _)| number)
    }

    /// Waits until all nodes that run and are not paused are healthy.
    ///
    /// # Errors
    /// [`NatsError::NotReady`] after two minutes.
    pub fn wait_ready(&self) -> Result<(), NatsError> {
        let end = Instant::now() + PATIENCE;
        self.answering()
            .try_for_each(|node| self.wait_healthy(node, end))
    }

    pub(super) fn wait_healthy(&self, node: usize, end: Instant) -> Result<(), NatsError> {
        let state = self.node(node)?;
        let what = || format!("a healthy node {}", config::name(node));
        loop {
            let health = http::get(state.seen.ports.monitor, "/healthz");
            // A node that knows of no streams yet is healthy too.
            if matches!(health, Ok((200, _))) && self.leaders_call_it_current(node) {
                return Ok(());
            }
            if Instant::now() > end || self.log_since_start(node).contains("[FTL]") {
                return Err(self.not_ready(what(), node));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Whether no leader of a stream says that this replica lacks something.
    fn leaders_call_it_current(&self, node: usize) -> bool {
        let name = Value::from(config::name(node));
        let lacks = |detail: &Value, leader: usize| {
            let cluster = detail.get("cluster")?;
            if cluster.get("leader")?.as_str()? != config::name(leader) {
                return None;
            }
            let mut replicas = cluster.get("replicas")?.as_array()?.iter();
            let replica = replicas.find(|replica| replica.get("name") == Some(&name))?;
            Some(replica.get("current")? != &Value::Bool(true))
        };
        let mut others = self.answering().filter(|other| *other != node);
        others.all(|leader| {
            let Ok(streams) = self.streams(leader) else {
                return false;
            };
            let mut lacking = streams.iter().filter_map(|detail| lacks(detail, leader));
            !lacking.any(|lacks| lacks)
        })
    }

    fn log_since_start(&self, node: usize) -> String {
        let log = fs::read(self.log(node)).unwrap_or_default();
        let before = self
            .node(node)
            .map(|node| node.log_before.load(Ordering::SeqCst));
        let before = before.ok().and_then(|before| usize::try_from(before).ok());
        let since = log.get(before.unwrap_or(0)..).unwrap_or_default();
        String::from_utf8_lossy(since).into_owned()
    }

    pub(super) fn not_ready(&self, what: String, node: usize) -> NatsError {
        let log = self.log_since_start(node);
        let log = end_of(&log);
        NatsError::NotReady { what, log }
    }
}

/// What a replica has of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamState {
    /// How many messages.
    pub messages: u64,
    /// The sequence of the first one.
    pub first: u64,
    /// The sequence of the last one.
    pub last: u64,
    /// How many between them are gone.
    pub deleted: u64,
}

/// Whom the replicas of a stream take for its leader.
#[derive(Default)]
struct Votes {
    replicas: usize,
    named: HashMap<String, usize>,
}

impl Votes {
    /// A node's opinion.
    fn count(&mut self, cluster: &Value) {
        let others = cluster.get("replicas").and_then(Value::as_array);
        self.replicas = self.replicas.max(others.map_or(0, Vec::len) + 1);
        if let Some(leader) = cluster.get("leader").and_then(Value::as_str) {
            *self.named.entry(leader.to_owned()).or_default() += 1;
        }
    }

    fn winner(&self) -> Option<usize> {
        let mut named = self.named.iter();
        let (name, _) = named.find(|(_, votes)| **votes > self.replicas / 2)?;
        config::number(name)
    }
}
