//! Why there is no cluster, or what it refused.

use super::find;
use std::{io, path::PathBuf};

/// Why there is no cluster, or what it refused.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// There is no server, or none that is new enough.
    #[error(
        "there is no nats-server {}.{} or newer; name one by {}, put it into PATH, or run `.ci/nats-server` in a \
         checkout of es-runtime, which puts the pinned one into the cache of the user",
        find::OLDEST[0], find::OLDEST[1], find::VARIABLE
    )]
    Missing,
    /// A cluster has one, three or five nodes.
    #[error("a cluster has 1, 3 or 5 nodes, not {nodes}")]
    Size {
        /// How many were asked for.
        nodes: usize,
    },
    /// A cluster runs on this folder, or its ports are taken. Two servers on the same files would destroy them.
    #[error("a cluster runs on {}, or the {ports} ports from {first} are taken", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The first of its ports.
        first: u16,
        /// How many it has.
        ports: u16,
    },
    /// The server refuses its configuration.
    #[error("the server refuses its configuration: {said}")]
    Configuration {
        /// What it says.
        said: String,
    },
    /// There is no node of this number.
    #[error("there is no node {node}; the first one is 0")]
    NoSuchNode {
        /// The number.
        node: usize,
    },
    /// Nodes can be cut off only in a cluster that was started for it.
    #[error("this cluster has no proxies; start it with `Cluster::options().partitions()`")]
    NoProxies,
    /// A node runs and must not, or does not and must.
    #[error("{command} cannot be done now: a node runs already, or it does not run")]
    Refused {
        /// What was to be done, and to which nodes.
        command: String,
    },
    /// It did not come to this in time, or a node ended by itself.
    #[error("{what} was waited for in vain; the last lines of the node's log:\n{log}")]
    NotReady {
        /// What was waited for.
        what: String,
        /// The end of the log.
        log: String,
    },
    /// A node gave an answer that is none.
    #[error("node {node} answered {path} with {answer}")]
    Answer {
        /// The node.
        node: usize,
        /// What it was asked.
        path: String,
        /// What it said.
        answer: String,
    },
    /// The system failed.
    #[error("the cluster's folder, ports or processes: {0}")]
    Io(String),
}

impl From<io::Error> for NatsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
