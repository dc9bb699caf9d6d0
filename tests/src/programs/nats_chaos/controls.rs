//! Runs that must go wrong, so that it is seen that the others could.

use super::{
    Failure,
    audit::{self, Found},
    faults::blocking,
    raw::{RawLog, connect},
    seats::Rule,
    writers::{Ledger, Writers},
};
use es_nats::async_nats::jetstream::{message::PublishMessage, stream::StorageType};
use es_testkit::nats::{Cluster, Side};
use std::time::Duration;

/// A stream in memory on three nodes, which are killed at once: what was acknowledged is lost.
pub(super) async fn in_memory(cluster: &Cluster) -> Result<Found, Failure> {
    let nodes = cluster.nodes();
    let log = RawLog::create(&cluster.url(), "MEMORY", nodes, StorageType::Memory).await?;
    let writers = Writers::start(std::slice::from_ref(&log), 4);
    writers.pulse.wait_for(200).await?;
    let ledger = writers.end().await?;
    blocking(|| cluster.kill_all())?;
    blocking(|| cluster.restart_all())?;
    blocking(|| cluster.wait_leader("MEMORY"))?;
    let messages = RawLog::messages(&log.context, "MEMORY").await?;
    let found = audit::count(&ledger, &messages);
    Ok(found)
}

/// Seats that are counted and then taken without a guard: rivals take more than there are.
pub(super) async fn unguarded(cluster: &Cluster) -> Result<Found, Failure> {
    let stores = super::stores(cluster, "UNGUARDED", 0, Rule::Unguarded).await?;
    let writers = Writers::start(&stores, 4);
    writers.pulse.wait_for(50).await?;
    let ledger = writers.end().await?;
    let context = connect(&cluster.url()).await?;
    let messages = RawLog::messages(&context, "UNGUARDED").await?;
    let found = audit::count(&ledger, &messages);
    Ok(found)
}

/// A client without ids and expectations that repeats what was not answered: its node is cut off from it, and what
/// it had sent comes through later.
pub(super) async fn repeating(cluster: &Cluster) -> Result<Found, Failure> {
    let nodes = cluster.nodes();
    let log = RawLog::create(&cluster.url(), "REPEATED", nodes, StorageType::File).await?;
    let mut ledger = Ledger::default();
    for number in 0..3 {
        let cut = number % nodes;
        let mut there = connect(&cluster.node_url(cut)?).await?;
        there.set_timeout(Duration::from_millis(300));
        let elsewhere = connect(&cluster.node_url((cut + 1) % nodes)?).await?;
        let id = format!("w{number}-0");
        let message = || PublishMessage::build().payload(format!("\"{id}/0\"").into());
        cluster.cut_off(cut, Side::Clients)?;
        let lost = there.send_publish(log.subject("a"), message()).await?.await;
        if lost.is_ok() {
            return Err("a node answered that was cut off".into());
        }
        let ack = elsewhere
            .send_publish(log.subject("a"), message())
            .await?
            .await?;
        ledger.acknowledged.insert(id, ack.sequence);
        cluster.heal()?;
        // Its connection delivers what was held back before anything else.
        there.set_timeout(Duration::from_secs(30));
        there.get_stream("REPEATED").await?;
    }
    let messages = RawLog::messages(&log.context, "REPEATED").await?;
    let found = audit::count(&ledger, &messages);
    Ok(found)
}
