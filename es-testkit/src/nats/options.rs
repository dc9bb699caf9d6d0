//! How a cluster is set up, and its start.

use super::{
    Cluster, NatsError,
    cluster::Node,
    config::{self, Common, Seen, SyncInterval},
    find,
    proxy::{Gate, Kind, Proxy},
    supervisor,
};
use crate::server::{BLOCK, MOST_NODES, Ports, new_folder};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

/// How a [`Cluster`] is set up.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterOptions {
    nodes: usize,
    common: Common,
    has_proxies: bool,
    binary: Option<PathBuf>,
    parent: Option<PathBuf>,
    kept: Option<PathBuf>,
    first_port: Option<u16>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            nodes: 3,
            common: Common::default(),
            has_proxies: false,
            binary: None,
            parent: None,
            kept: None,
            first_port: None,
        }
    }
}

impl ClusterOptions {
    /// With so many nodes: 1, 3 or 5. The default is 3.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// When the nodes write to their disks. By default they do it before they acknowledge.
    pub fn sync(mut self, sync: SyncInterval) -> Self {
        self.common.sync = sync;
        self
    }

    /// With one more line in the configuration of each node. It takes the place of the kit's own line of
    /// that name.
    pub fn setting(mut self, line: &str) -> Self {
        self.common.settings.push(line.to_owned());
        self
    }

    /// Puts proxies in front of the nodes, so that they can be [cut off](Cluster::cut_off).
    pub fn partitions(mut self) -> Self {
        self.has_proxies = true;
        self
    }

    /// Runs this server, whatever its version is.
    pub fn binary(mut self, file: impl Into<PathBuf>) -> Self {
        self.binary = Some(file.into());
        self
    }

    /// Puts the cluster's folder into this one instead of the system's folder for temporary files.
    pub fn folder_in(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Keeps the data in this folder, which the next cluster with the same number of nodes finds again, on the same
    /// ports. The nodes are ended in order.
    pub fn keep_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.kept = Some(folder.into());
        self
    }

    /// Listens for clients on this port and those after it, one for each node, instead of on ports that
    /// are free. It needs the 15 ports from the one before it.
    pub fn first_port(mut self, port: u16) -> Self {
        self.first_port = Some(port);
        self
    }

    /// Makes the cluster, starts it, and waits until it can make streams. It blocks for a second or two.
    ///
    /// # Errors
    /// [`NatsError`].
    pub fn start(self) -> Result<Cluster, NatsError> {
        let nodes = u16::try_from(self.nodes).unwrap_or(u16::MAX);
        if nodes > MOST_NODES || nodes % 2 == 0 {
            return Err(NatsError::Size { nodes: self.nodes });
        }
        let bin = self.binary.clone().map_or_else(super::server, Ok)?;
        let home = match &self.kept {
            Some(folder) => {
                fs::create_dir_all(folder)?;
                fs::canonicalize(folder)?
            }
            None => temporary(self.parent.as_deref())?,
        };
        // It takes the folder away whatever fails from here on.
        let supervisor = supervisor::start(&bin, &home, self.kept.is_some())?;
        let ports = self.ports(&home)?;
        let gate = Arc::<Gate>::default();
        let mut proxies = Vec::new();
        let mut proxy = |node, port, kind| {
            if !self.has_proxies {
                return Ok(port);
            }
            let proxy = Proxy::start(&gate, node, port, kind)?;
            let port = proxy.port();
            proxies.push(proxy);
            Ok::<u16, NatsError>(port)
        };
        let mut seen = Vec::new();
        for (index, node) in (0..nodes).enumerate() {
            let ports = ports.of_node(node);
            let clients = proxy(index, ports.clients, Kind::Clients)?;
            let peers = if nodes > 1 {
                proxy(index, ports.peers, Kind::Peers)?
            } else {
                ports.peers
            };
            seen.push(Seen {
                ports,
                clients,
                peers,
            });
        }
        for (node, _) in seen.iter().enumerate() {
            let text = config::text(&self.common, &home, node, &seen);
            fs::write(home.join(format!("{}.conf", config::name(node))), text)?;
        }
        check(&bin, &home.join("n1.conf"))?;
        let nodes = seen.into_iter().map(Node::new).collect();
        let cluster = Cluster {
            supervisor: Mutex::new(supervisor),
            version: find::version(&bin),
            home,
            nodes,
            gate: self.has_proxies.then_some(gate),
            _proxies: proxies,
            _ports: ports,
        };
        cluster.start_all()?;
        Ok(cluster)
    }
}

impl ClusterOptions {
    /// The ports of this cluster. Those of a folder that is kept stay the same, unless others are asked for, and while
    /// they are bound, the folder is in use.
    fn ports(&self, home: &Path) -> Result<Ports, NatsError> {
        let file = home.join("ports");
        let before = fs::read_to_string(&file).unwrap_or_default();
        let before = match before.trim().parse() {
            Ok(first) => Some(Ports::at(first).map_err(|_| NatsError::InUse {
                folder: home.to_owned(),
                first,
                ports: BLOCK,
            })?),
            Err(_) => None,
        };
        let ports = match (self.first_port.map(|port| port.saturating_sub(1)), before) {
            (Some(first), Some(before)) if first == before.first() => before,
            (Some(first), _) => Ports::at(first)?,
            (None, Some(before)) => before,
            (None, None) => Ports::take()?,
        };
        fs::write(file, ports.first().to_string())?;
        Ok(ports)
    }
}

/// Asks the server whether it can read its configuration: it says more about that than in its log.
fn check(bin: &Path, config: &Path) -> Result<(), NatsError> {
    let output = Command::new(bin).arg("-t").arg("-c").arg(config).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NatsError::Configuration { said })
}

/// A new folder of this process.
fn temporary(parent: Option<&Path>) -> Result<PathBuf, NatsError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    Ok(fs::canonicalize(new_folder(&parent, "es-nats")?)?)
}
