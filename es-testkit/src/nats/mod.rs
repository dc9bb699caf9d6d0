//! A NATS cluster for tests: nodes on ports and in a folder of their own, and what can happen to them.
//!
//! ```no_run
//! use es_testkit::nats::{Cluster, Side};
//!
//! let cluster = Cluster::options().partitions().start()?;
//! assert_eq!(cluster.nodes(), 3);
//! println!("connect to {}", cluster.url());
//!
//! cluster.kill(0)?;
//! cluster.restart(0)?;
//! cluster.kill_all()?;
//! cluster.restart_all()?;
//! if let Some(leader) = cluster.leader("ES") {
//!     cluster.pause(leader)?;
//!     cluster.resume(leader)?;
//!     cluster.cut_off(leader, Side::Both)?;
//!     cluster.heal()?;
//! }
//! # Ok::<(), es_testkit::nats::NatsError>(())
//! ```
//!
//! The nodes are killed and the folder removed when the cluster is dropped and when the process that started it
//! ends, also by `kill -9`.
//!
//! The server is the one that the environment variable `ES_NATS_SERVER` names; without it the one that
//! `.ci/nats-server` in a checkout of es-runtime has put into the user's cache, or `nats-server` in `PATH` where that
//! is 2.12 or newer. Nothing is installed: where it is missing, the error says what to do.

mod cluster;
mod config;
mod error;
mod find;
mod http;
mod observe;
mod options;
mod probe;
mod proxy;
mod supervisor;

use std::path::PathBuf;

pub use cluster::Cluster;
pub use config::SyncInterval;
pub use error::NatsError;
pub use observe::StreamState;
pub use options::ClusterOptions;
pub use proxy::Side;

/// The server that a cluster runs by default. [`ClusterOptions::binary`] names another one.
///
/// ```no_run
/// println!("{}", es_testkit::nats::server()?.display());
/// # Ok::<(), es_testkit::nats::NatsError>(())
/// ```
///
/// # Errors
/// [`NatsError::Missing`], which says what to run.
pub fn server() -> Result<PathBuf, NatsError> {
    find::server().ok_or(NatsError::Missing)
}
