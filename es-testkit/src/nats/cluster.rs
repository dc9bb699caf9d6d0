//! A running cluster, and what can happen to its nodes.

use super::{
    ClusterOptions, NatsError, Side,
    config::{self, Seen, SyncInterval},
    observe::{BETWEEN_LOOKS, PATIENCE},
    probe,
    proxy::{Gate, Proxy},
};
use crate::server::{Ports, Supervisor};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

/// A running cluster. It goes away when this is dropped, and when the process ends.
///
/// Its nodes have numbers from 0; their names are `n1`, `n2` and so on. Calls block.
#[derive(Debug)]
pub struct Cluster {
    pub(super) supervisor: Mutex<Supervisor>,
    pub(super) version: Vec<u32>,
    pub(super) home: PathBuf,
    pub(super) nodes: Vec<Node>,
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) _proxies: Vec<Proxy>,
    pub(super) _ports: Ports,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) seen: Seen,
    pub(super) is_running: AtomicBool,
    pub(super) is_paused: AtomicBool,
    /// How long its log was when it was started last.
    pub(super) log_before: AtomicU64,
}

impl Node {
    pub(super) fn new(seen: Seen) -> Self {
        Self {
            seen,
            is_running: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            log_before: AtomicU64::new(0),
        }
    }
}

impl Cluster {
    /// Three nodes that write to their disks before they acknowledge.
    ///
    /// # Errors
    /// [`NatsError`].
    pub fn start() -> Result<Self, NatsError> {
        Self::options().start()
    }

    /// Settings to start one with.
    pub fn options() -> ClusterOptions {
        ClusterOptions::default()
    }

    /// The one cluster of three nodes that the tests of this process share, started by the first who asks. Nobody may
    /// stop its nodes.
    ///
    /// They do not sync before they acknowledge: processes are killed in tests, and machines are not.
    ///
    /// # Errors
    /// [`NatsError`], the same for all who ask.
    pub fn shared() -> Result<&'static Self, NatsError> {
        static SHARED: OnceLock<Result<Cluster, NatsError>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::options().sync(SyncInterval::Unset).start());
        shared.as_ref().map_err(Clone::clone)
    }

    /// The one node that the tests of this process share, which does not sync either. Nobody may stop it.
    ///
    /// # Errors
    /// [`NatsError`], the same for all who ask.
    pub fn shared_node() -> Result<&'static Self, NatsError> {
        static SHARED: OnceLock<Result<Cluster, NatsError>> = OnceLock::new();
        let options = || Self::options().nodes(1).sync(SyncInterval::Unset);
        let shared = SHARED.get_or_init(|| options().start());
        shared.as_ref().map_err(Clone::clone)
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The version of the server, such as `2.15.1`.
    pub fn version(&self) -> String {
        let parts: Vec<String> = self.version.iter().map(u32::to_string).collect();
        parts.join(".")
    }

    /// The folder of the cluster, with the configuration (`n1.conf`), the log (`n1.log`) and the data (`n1`) of each
    /// node.
    pub fn folder(&self) -> &Path {
        &self.home
    }

    /// Where clients connect: `nats://127.0.0.1:10001,nats://127.0.0.1:10002,..`, a URL for each node.
    pub fn url(&self) -> String {
        let urls = self.nodes.iter().map(|node| url(node.seen.clients));
        urls.collect::<Vec<_>>().join(",")
    }

    /// Where clients connect to one node.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`].
    pub fn node_url(&self, node: usize) -> Result<String, NatsError> {
        Ok(url(self.node(node)?.seen.clients))
    }

    /// Whether a node runs, which one that is paused does too.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`].
    pub fn is_running(&self, node: usize) -> Result<bool, NatsError> {
        Ok(self.node(node)?.is_running.load(Ordering::SeqCst))
    }

    /// Kills a node (`kill -9`). It is gone when this returns.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it does not run.
    pub fn kill(&self, node: usize) -> Result<(), NatsError> {
        self.kill_many(&[node])
    }

    /// Kills nodes at the same time.
    ///
    /// # Errors
    /// Those of [`kill`](Self::kill).
    pub fn kill_many(&self, nodes: &[usize]) -> Result<(), NatsError> {
        self.end("kill", nodes)
    }

    /// Kills all nodes that run, at the same time.
    ///
    /// # Errors
    /// Those of [`kill`](Self::kill).
    pub fn kill_all(&self) -> Result<(), NatsError> {
        self.kill_many(&self.running())
    }

    /// Ends a node in order (`SIGTERM`). It is gone when this returns.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it does not run.
    pub fn stop(&self, node: usize) -> Result<(), NatsError> {
        self.end("stop", &[node])
    }

    /// Ends all nodes that run in order.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    pub fn stop_all(&self) -> Result<(), NatsError> {
        self.end("stop", &self.running())
    }

    /// Stops a node from running (`SIGSTOP`) until it is [resumed](Self::resume). Its connections stay.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it does not run.
    pub fn pause(&self, node: usize) -> Result<(), NatsError> {
        self.tell("pause", &[node])?;
        self.node(node)?.is_paused.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Lets a node run again that was paused.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it does not run.
    pub fn resume(&self, node: usize) -> Result<(), NatsError> {
        self.tell("resume", &[node])?;
        self.node(node)?.is_paused.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Starts a node that was killed or stopped, on its folder and its ports, and does not wait for it.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it runs.
    pub fn launch(&self, node: usize) -> Result<(), NatsError> {
        let state = self.node(node)?;
        let log = fs::metadata(self.log(node)).map_or(0, |log| log.len());
        self.tell("start", &[node])?;
        state.log_before.store(log, Ordering::SeqCst);
        state.is_paused.store(false, Ordering::SeqCst);
        state.is_running.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// The same, and waits until the node is healthy: until it has what the others have. Without a majority of the
    /// nodes none is.
    ///
    /// # Errors
    /// Those of [`launch`](Self::launch), and [`NatsError::NotReady`] after two minutes.
    pub fn restart(&self, node: usize) -> Result<(), NatsError> {
        self.launch(node)?;
        self.wait_healthy(node, Instant::now() + PATIENCE)
    }

    /// Starts all nodes that do not run, and waits until all are healthy.
    ///
    /// # Errors
    /// Those of [`restart`](Self::restart).
    pub fn restart_all(&self) -> Result<(), NatsError> {
        let running = self.running();
        for node in (0..self.nodes.len()).filter(|node| !running.contains(node)) {
            self.launch(node)?;
        }
        self.wait_ready()
    }

    /// Empties the data of a node that does not run, so that it gets all of it from the others.
    ///
    /// # Errors
    /// [`NatsError::NoSuchNode`], and [`NatsError::Refused`] where it runs.
    pub fn wipe(&self, node: usize) -> Result<(), NatsError> {
        if self.is_running(node)? {
            let command = format!("wipe {}", config::name(node));
            return Err(NatsError::Refused { command });
        }
        match fs::remove_dir_all(self.data(node)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Cuts a node off: nothing passes to it and from it until the cut [heals](Self::heal). Connections stay, and what
    /// was sent comes through later.
    ///
    /// # Errors
    /// [`NatsError::NoProxies`] without [`partitions`](ClusterOptions::partitions), [`NatsError::NoSuchNode`].
    pub fn cut_off(&self, node: usize, side: Side) -> Result<(), NatsError> {
        self.node(node)?;
        let gate = self.gate.as_ref().ok_or(NatsError::NoProxies)?;
        gate.cut_off(node, side);
        Ok(())
    }

    /// Lets everything pass again.
    ///
    /// # Errors
    /// [`NatsError::NoProxies`] without [`partitions`](ClusterOptions::partitions).
    pub fn heal(&self) -> Result<(), NatsError> {
        self.gate.as_ref().ok_or(NatsError::NoProxies)?.heal();
        Ok(())
    }

    /// The log of a node.
    pub fn log(&self, node: usize) -> PathBuf {
        self.home.join(format!("{}.log", config::name(node)))
    }

    /// The folder with the data of a node.
    pub fn data(&self, node: usize) -> PathBuf {
        self.home.join(config::name(node))
    }

    /// The first start.
    pub(super) fn start_all(&self) -> Result<(), NatsError> {
        self.restart_all()?;
        let end = Instant::now() + PATIENCE;
        let port = self.node(0)?.seen.ports.clients;
        while !probe::makes_streams(port, self.nodes.len()).unwrap_or(false) {
            if Instant::now() > end {
                return Err(self.not_ready("a cluster that can make streams".to_owned(), 0));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    pub(super) fn node(&self, node: usize) -> Result<&Node, NatsError> {
        self.nodes.get(node).ok_or(NatsError::NoSuchNode { node })
    }

    fn running(&self) -> Vec<usize> {
        let runs = |node: &usize| self.is_running(*node).unwrap_or(false);
        (0..self.nodes.len()).filter(runs).collect()
    }

    fn end(&self, verb: &str, nodes: &[usize]) -> Result<(), NatsError> {
        self.tell(verb, nodes)?;
        for node in nodes {
            let node = self.node(*node)?;
            node.is_running.store(false, Ordering::SeqCst);
            node.is_paused.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    fn tell(&self, verb: &str, nodes: &[usize]) -> Result<(), NatsError> {
        nodes
            .iter()
            .try_for_each(|node| self.node(*node).map(|_| ()))?;
        if nodes.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = nodes.iter().map(|node| config::name(*node)).collect();
        let supervisor = self.supervisor.lock();
        let mut supervisor = supervisor.unwrap_or_else(PoisonError::into_inner);
        let command = format!("{verb} {}", names.join(" "));
        if supervisor.tell(&command)? {
            return Ok(());
        }
        Err(NatsError::Refused { command })
    }
}

fn url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}
