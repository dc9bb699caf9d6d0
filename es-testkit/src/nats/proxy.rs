//! Proxies through which nodes can be cut off: bytes are held back as in a network that loses packets, and
//! come through later, in their order. No connection ends because of it, on either side.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Whom a node that is cut off reaches no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The other nodes. Clients still reach it.
    Peers,
    /// The clients. The other nodes still reach it.
    Clients,
    /// Everybody.
    Both,
}

#[derive(Debug, Default)]
struct State {
    cut_off: Vec<(usize, Side)>,
    is_over: bool,
}

/// What all proxies of a cluster ask before they pass bytes on.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cut_off(&self, node: usize, side: Side) {
        self.state().cut_off.push((node, side));
    }

    pub(super) fn heal(&self) {
        self.state().cut_off.clear();
        self.changed.notify_all();
    }

    /// Every proxy ends.
    fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Waits while one of these nodes is cut off from this.
    fn pass(&self, nodes: &[Option<usize>], what: Kind) -> io::Result<()> {
        let holds = |state: &mut State| {
            let is_held = |(node, side): &(usize, Side)| {
                nodes.contains(&Some(*node)) && (*side == Side::Both || *side == what.side())
            };
            !state.is_over && state.cut_off.iter().any(is_held)
        };
        let state = self.changed.wait_while(self.state(), holds);
        if state.unwrap_or_else(PoisonError::into_inner).is_over {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

/// Who connects to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Clients,
    Peers,
}

impl Kind {
    fn side(self) -> Side {
        match self {
            Self::Clients => Side::Clients,
            Self::Peers => Side::Peers,
        }
    }
}

/// A proxy in front of one port of one node.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    gate: Arc<Gate>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(super) fn start(gate: &Arc<Gate>, node: usize, port: u16, kind: Kind) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let to = Arc::new(To {
            gate: Arc::clone(gate),
            node,
            port,
            kind,
        });
        let accepting = thread::Builder::new()
            .name("es-nats-proxy".to_owned())
            .spawn(move || {
                for client in listener.incoming() {
                    if to.gate.is_over() {
                        return;
                    }
                    if let Ok(client) = client {
                        let to = Arc::clone(&to);
                        // A connection that fails ends on both sides.
                        let _ = thread::Builder::new().spawn(move || to.connect(client));
                    }
                }
            })?;
        Ok(Self {
            address,
            gate: Arc::clone(gate),
            accepting: Some(accepting),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.gate.end();
        // One more connection, so that it looks.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

const UNKNOWN: usize = usize::MAX;

/// Where the connections of a proxy go.
struct To {
    gate: Arc<Gate>,
    node: usize,
    port: u16,
    kind: Kind,
}

impl To {
    fn connect(&self, client: TcpStream) -> io::Result<()> {
        // One that is cut off is not even reached.
        self.gate.pass(&[Some(self.node)], self.kind)?;
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let from = AtomicUsize::new(UNKNOWN);
        let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
        thread::scope(|scope| {
            scope.spawn(|| self.copy(client, to_server, &from, true));
            self.copy(server, to_client, &from, false);
        });
        Ok(())
    }

    fn copy(&self, mut source: TcpStream, mut target: TcpStream, from: &AtomicUsize, asks: bool) {
        let mut bytes = vec![0; 64 * 1024];
        let mut beginning = Vec::new();
        loop {
            let read = source.read(&mut bytes).unwrap_or(0);
            let read = bytes.get(..read).unwrap_or_default();
            // A node that connects says its name in its first words.
            let is_unknown = from.load(Ordering::SeqCst) == UNKNOWN && beginning.len() < 8192;
            if self.kind == Kind::Peers && asks && is_unknown {
                beginning.extend_from_slice(read);
                if let Some(node) = named_in(&beginning) {
                    from.store(node, Ordering::SeqCst);
                }
            }
            let from = Some(from.load(Ordering::SeqCst)).filter(|from| *from != UNKNOWN);
            // The end of a connection is held back too.
            let passed = self.gate.pass(&[Some(self.node), from], self.kind);
            if read.is_empty() || passed.and_then(|()| target.write_all(read)).is_err() {
                let _ = target.shutdown(Shutdown::Write);
                let _ = source.shutdown(Shutdown::Read);
                return;
            }
        }
    }
}

/// The node that says `"server_name":"n2"`.
fn named_in(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once("\"server_name\":\"")?;
    let (name, _) = rest.split_once('"')?;
    super::config::number(name)
}
