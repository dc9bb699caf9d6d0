//! The command.

use clap::Parser;
use es_testkit::nats::{Cluster, ClusterOptions};
use std::path::PathBuf;

#[path = "start.rs"]
mod start;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a NATS cluster on this machine until Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// How many nodes: 1, 3 or 5.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// The first port for clients; each further node has the next one.
    #[arg(long, default_value_t = 4222)]
    port: u16,
    /// Keeps the data in this folder. Without it they are gone at the end.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Arguments {
    fn options(&self) -> ClusterOptions {
        let mut options = Cluster::options().nodes(self.nodes).first_port(self.port);
        if let Some(folder) = &self.data {
            options = options.keep_in(folder);
        }
        options
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let cluster = start::start(&arguments.options())?;
    println!(
        "nats-server {}, {} nodes",
        cluster.version(),
        cluster.nodes()
    );
    println!("NATS_URL={}", cluster.url());
    for node in 0..cluster.nodes() {
        println!("{}", cluster.monitor_url(node)?);
    }
    println!("the shop: --db '{}'", start::address(&cluster, "SHOP")?);
    println!("data: {}", cluster.folder().display());
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    drop(cluster);
    println!("ended");
    Ok(())
}
