//! What happens to the nodes while the writers write.

use super::{Failure, writers::Pulse};
use es_testkit::nats::{Cluster, NatsError, Side};
use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    LeaderKilled,
    PairKilled,
    PairInTurn,
    AllKilled,
    LeaderPaused,
    LeaderCutOffFromPeers,
    LeaderCutOffFromClients,
    LeaderCutOff,
    LeaderCutOffAndOneKilled,
}

impl Fault {
    pub(super) const ALL: [Self; 9] = [
        Self::LeaderKilled,
        Self::PairKilled,
        Self::PairInTurn,
        Self::AllKilled,
        Self::LeaderPaused,
        Self::LeaderCutOffFromPeers,
        Self::LeaderCutOffFromClients,
        Self::LeaderCutOff,
        Self::LeaderCutOffAndOneKilled,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LeaderKilled => "kill -9 of the leader",
            Self::PairKilled => "kill -9 of two nodes at once",
            Self::PairInTurn => "kill -9 of two nodes, one after the other",
            Self::AllKilled => "kill -9 of all three nodes",
            Self::LeaderPaused => "leader paused for 1.5 to 9 s",
            Self::LeaderCutOffFromPeers => "leader cut off from the other nodes for 4 to 12 s",
            Self::LeaderCutOffFromClients => "leader cut off from the clients for 4 to 12 s",
            Self::LeaderCutOff => "leader cut off from everybody for 4 to 12 s",
            Self::LeaderCutOffAndOneKilled => "leader cut off, and another node killed",
        }
    }

    /// Lets it happen and everything come back.
    pub(super) async fn happen(
        self,
        cluster: &Cluster,
        stream: &str,
        turn: usize,
        random: &mut fastrand::Rng,
        pulse: &Pulse,
    ) -> Result<(), Failure> {
        let mut pause = |millis: std::ops::Range<u64>| {
            tokio::time::sleep(Duration::from_millis(random.u64(millis)))
        };
        let leader = blocking(|| cluster.wait_leader(stream))?;
        let nodes = cluster.nodes();
        let other = (leader + 1 + turn % 2) % nodes;
        match self {
            Self::LeaderKilled => {
                blocking(|| cluster.kill(leader))?;
                if turn.is_multiple_of(2) {
                    // The other two go on without it.
                    pulse.wait_for(50).await?;
                } else {
                    pause(0..2_000).await;
                }
                blocking(|| cluster.restart(leader))?;
            }
            Self::PairKilled => {
                let pair = [turn % nodes, (turn + 1) % nodes];
                blocking(|| cluster.kill_many(&pair))?;
                pause(0..1_500).await;
                blocking(|| cluster.restart_all())?;
            }
            Self::PairInTurn => {
                let (first, second) = (turn % nodes, (turn + 1) % nodes);
                blocking(|| cluster.kill(first))?;
                pause(0..1_000).await;
                blocking(|| cluster.kill(second))?;
                blocking(|| cluster.launch(first))?;
                pause(0..1_000).await;
                blocking(|| cluster.restart_all())?;
            }
            Self::AllKilled => {
                blocking(|| cluster.kill_all())?;
                blocking(|| cluster.restart_all())?;
            }
            Self::LeaderPaused => {
                blocking(|| cluster.pause(leader))?;
                pause(1_500..9_000).await;
                blocking(|| cluster.resume(leader))?;
            }
            Self::LeaderCutOffFromPeers | Self::LeaderCutOffFromClients | Self::LeaderCutOff => {
                let side = match self {
                    Self::LeaderCutOffFromPeers => Side::Peers,
                    Self::LeaderCutOffFromClients => Side::Clients,
                    _ => Side::Both,
                };
                cluster.cut_off(leader, side)?;
                pause(4_000..12_000).await;
                cluster.heal()?;
            }
            Self::LeaderCutOffAndOneKilled => {
                cluster.cut_off(leader, Side::Both)?;
                pause(0..6_000).await;
                blocking(|| cluster.kill(other))?;
                pause(0..2_000).await;
                cluster.heal()?;
                blocking(|| cluster.restart(other))?;
            }
        }
        pulse.wait_for_each().await?;
        blocking(|| cluster.wait_ready())?;
        Ok(())
    }
}

/// A call that blocks.
pub(super) fn blocking<T>(call: impl FnOnce() -> Result<T, NatsError>) -> Result<T, NatsError> {
    tokio::task::block_in_place(call)
}
