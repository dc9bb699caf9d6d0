//! Starts a NATS cluster, prints where it is and its folder, and waits for the end of its input.
//!
//! `nats_cluster NODES`

use es_testkit::nats::Cluster;
use std::io::Read;

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn main() -> Result<(), Failure> {
    let nodes = std::env::args().nth(2).ok_or("how many nodes?")?;
    let cluster = Cluster::options().nodes(nodes.parse()?).start()?;
    println!("{}\n{}", cluster.url(), cluster.folder().display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
