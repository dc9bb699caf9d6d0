//! Ports that servers keep while they come and go.
//!
//! A port that the system gives out may be given to somebody else between the end of a server and its next start.
//! So ports are taken from below the range that the system gives out, in blocks. The first port of a block stays
//! bound as long as it is used, so that no other server of this kit takes the block.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

pub(crate) const MOST_NODES: u16 = 5;
/// The guard, and three ports of each node.
pub(crate) const BLOCK: u16 = 1 + 3 * MOST_NODES;
const FIRST_BLOCK: u16 = 10_000 / BLOCK;
/// Where Linux and the BSDs begin to give ports out by default.
const GIVEN_OUT: u16 = 32_768;
const TRIES: usize = 500;

/// A block of ports that nobody else of this kit has.
#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    _guard: TcpListener,
}

impl Ports {
    pub(crate) fn take() -> io::Result<Self> {
        let blocks = FIRST_BLOCK..=(end() / BLOCK - 1).max(FIRST_BLOCK);
        for _ in 0..TRIES {
            if let Some(ports) = Self::block(fastrand::u16(blocks.clone()) * BLOCK)? {
                return Ok(ports);
            }
        }
        let what = "no block of free ports was found on the loopback address";
        Err(io::Error::new(io::ErrorKind::AddrInUse, what))
    }

    /// The block that begins here.
    #[cfg(feature = "nats-server")]
    pub(crate) fn at(first: u16) -> io::Result<Self> {
        let last = first.saturating_add(BLOCK - 1);
        let what = || format!("a port from {first} to {last} is taken");
        let taken = || io::Error::new(io::ErrorKind::AddrInUse, what());
        Self::block(first)?.ok_or_else(taken)
    }

    fn block(first: u16) -> io::Result<Option<Self>> {
        let bind = |port: u16| match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        };
        let Some(guard) = bind(first)? else {
            return Ok(None);
        };
        for port in (first..first.saturating_add(BLOCK)).skip(1) {
            if bind(port)?.is_none() {
                return Ok(None);
            }
        }
        let ports = Self {
            first,
            _guard: guard,
        };
        Ok(Some(ports))
    }

    /// The first one.
    pub(crate) fn first(&self) -> u16 {
        self.first
    }

    /// Where a node listens: its clients, its monitoring, and the other nodes.
    #[cfg(feature = "nats-server")]
    pub(crate) fn of_node(&self, node: u16) -> NodePorts {
        let clients = self.first + 1 + node;
        NodePorts {
            clients,
            peers: clients + MOST_NODES,
            monitor: clients + 2 * MOST_NODES,
        }
    }
}

/// The ports of one node.
#[cfg(feature = "nats-server")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodePorts {
    pub(crate) clients: u16,
    pub(crate) monitor: u16,
    pub(crate) peers: u16,
}

/// The end of the ports to choose from.
fn end() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let begin = range.ok().and_then(|range| {
        let begin = range.split_whitespace().next()?;
        begin.parse().ok()
    });
    // Where nothing is left below, a test of each port has to do.
    begin.filter(|begin| *begin >= 11_000).unwrap_or(GIVEN_OUT)
}
