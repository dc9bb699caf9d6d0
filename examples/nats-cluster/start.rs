//! Starts NATS servers on this machine, and gets the pinned server where there is none.

use es_testkit::nats::{Cluster, ClusterOptions, NatsError};
use std::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/nats-server");

/// Starts the servers.
pub(crate) fn start(options: &ClusterOptions) -> Result<Cluster, Failure> {
    match options.clone().start() {
        Err(NatsError::Missing) => {
            if !Command::new(SCRIPT).status()?.success() {
                return Err(NatsError::Missing.into());
            }
            Ok(options.clone().start()?)
        }
        started => Ok(started?),
    }
}

/// The address of a store on them: an application connects to it, and asks each server when it syncs.
pub(crate) fn address(cluster: &Cluster, stream: &str) -> Result<String, NatsError> {
    let monitored = (0..cluster.nodes()).map(|node| cluster.monitor_url(node));
    let monitored: Vec<String> = monitored.collect::<Result<_, _>>()?;
    let replicas = match cluster.nodes() {
        1 => "one-replica&",
        _ => "",
    };
    let (servers, monitored) = (cluster.url(), monitored.join(","));
    Ok(format!(
        "{servers}/{stream}?{replicas}monitoring={monitored}"
    ))
}
