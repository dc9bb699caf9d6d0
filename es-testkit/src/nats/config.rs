//! The configuration file of a node.

use crate::server::NodePorts;
use std::{fmt::Write, path::Path};

/// When a node writes to its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SyncInterval {
    /// Before it acknowledges.
    #[default]
    Always,
    /// So often, such as `1s`.
    Every(&'static str),
    /// With the default of the server: every two minutes.
    Unset,
}

/// What the configurations of all nodes have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Common {
    pub(super) sync: SyncInterval,
    pub(super) settings: Vec<String>,
}

/// A node, as the others see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) ports: NodePorts,
    /// Where clients and the other nodes connect to it: at a proxy, or at the node.
    pub(super) clients: u16,
    pub(super) peers: u16,
}

/// The name of the node of this number: the first one is `n1`.
pub(super) fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

/// The number of the node of this name.
pub(super) fn number(name: &str) -> Option<usize> {
    name.strip_prefix('n')?
        .parse::<usize>()
        .ok()?
        .checked_sub(1)
}

/// The configuration of one of these nodes.
pub(super) fn text(common: &Common, home: &Path, node: usize, nodes: &[Seen]) -> String {
    let name = name(node);
    let mut lines = format!("server_name: {name}\n");
    let Some(this) = nodes.get(node) else {
        return lines;
    };
    let sync = match &common.sync {
        SyncInterval::Always => "sync_interval: always, ".to_owned(),
        SyncInterval::Every(interval) => format!("sync_interval: \"{interval}\", "),
        SyncInterval::Unset => String::new(),
    };
    let folder = quoted(&home.join(&name));
    let mut settings = vec![
        format!("listen: 127.0.0.1:{}", this.ports.clients),
        format!("http: 127.0.0.1:{}", this.ports.monitor),
        "max_payload: 8MB".to_owned(),
        format!(
            "jetstream {{ store_dir: {folder}, {sync}max_memory_store: 256MB, max_file_store: 16GB }}"
        ),
    ];
    if this.clients != this.ports.clients {
        settings.push(format!("client_advertise: \"127.0.0.1:{}\"", this.clients));
    }
    if nodes.len() > 1 {
        let routes: Vec<String> = nodes
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != node)
            .map(|(_, other)| format!("\"nats://127.0.0.1:{}\"", other.peers))
            .collect();
        let advertise = if this.peers == this.ports.peers {
            String::new()
        } else {
            format!("advertise: \"127.0.0.1:{}\", ", this.peers)
        };
        settings.push(format!(
            "cluster {{ name: es, listen: \"127.0.0.1:{}\", {advertise}routes: [{}] }}",
            this.ports.peers,
            routes.join(", ")
        ));
    }
    let key = |setting: &str| {
        let end = setting.find([':', '{', ' ', '=']).unwrap_or(setting.len());
        setting.get(..end).unwrap_or_default().to_owned()
    };
    let others: Vec<String> = common.settings.iter().map(|line| key(line)).collect();
    settings.retain(|line| !others.contains(&key(line)));
    for line in settings.iter().chain(&common.settings) {
        // Nothing fails that writes to a text.
        let _ = writeln!(lines, "{line}");
    }
    lines
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
