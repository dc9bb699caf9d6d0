//! A TCP proxy between a store and its server that loses connections at a commit: before it, in the
//! middle of it, and after the server has done it and said so.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens at the next `COMMIT` that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never gets it.
    Before,
    /// The server gets it, and both sides lose the connection at once.
    During,
    /// The server does it; its answer is lost.
    After,
    /// As `After`, with a reset instead of an end.
    Reset,
    /// As `After`, and nobody gets through any more until [`Proxy::come_back`].
    AfterThenGone,
    /// As `Before`, and nobody gets through any more until [`Proxy::come_back`].
    BeforeThenGone,
    /// It is held for so long, then all goes on.
    Stall(Duration),
}

#[derive(Default)]
struct Shared {
    next: Mutex<Option<Cut>>,
    is_gone: AtomicBool,
    cuts: AtomicUsize,
}

impl Shared {
    fn next(&self) -> MutexGuard<'_, Option<Cut>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy. It ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of the loopback address, for a server on another one.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let accepting = {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    if !shared.is_gone.load(Ordering::SeqCst) {
                        let shared = Arc::clone(&shared);
                        tokio::spawn(async move {
                            // Whatever ends a connection ends it on both sides.
                            let _ = between(client, server, &shared).await;
                        });
                    }
                }
            })
        };
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what happens at the next commit.
    pub fn cut_next(&self, cut: Cut) {
        *self.shared.next() = Some(cut);
    }

    /// Whether the last one that was asked for has happened.
    pub fn is_done(&self) -> bool {
        self.shared.next().is_none()
    }

    /// How often a commit was cut or held.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Lets connections through again.
    pub fn come_back(&self) {
        self.shared.is_gone.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Messages of one direction, cut where they begin and end.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    /// The first message of a client has no type.
    is_started: bool,
}

impl Messages {
    /// The next whole message, with its type where it has one.
    fn next(&mut self) -> Option<Vec<u8>> {
        let head = usize::from(self.is_started);
        let length = self.bytes.get(head..head + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let end = head + length;
        if self.bytes.len() < end {
            return None;
        }
        self.is_started = true;
        let rest = self.bytes.split_off(end);
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

async fn between(mut client: TcpStream, server: SocketAddr, shared: &Shared) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut asked = Messages::default();
    let mut said = Messages {
        is_started: true,
        ..Messages::default()
    };
    // After this cut the answer to the commit does not come through.
    let mut cut_answer = None;
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let read = read?;
                if read == 0 || shared.is_gone.load(Ordering::SeqCst) {
                    return Ok(());
                }
                asked.bytes.extend_from_slice(&up[..read]);
                while let Some(message) = asked.next() {
                    let cut = if message == b"Q\0\0\0\x0bCOMMIT\0" {
                        shared.next().take()
                    } else {
                        None
                    };
                    if cut.is_some() {
                        shared.cuts.fetch_add(1, Ordering::SeqCst);
                    }
                    match cut {
                        Some(Cut::Before) => return Ok(()),
                        Some(Cut::BeforeThenGone) => {
                            shared.is_gone.store(true, Ordering::SeqCst);
                            return Ok(());
                        }
                        Some(Cut::During) => {
                            server.write_all(&message).await?;
                            return Ok(());
                        }
                        Some(Cut::Stall(pause)) => tokio::time::sleep(pause).await,
                        after => cut_answer = cut_answer.or(after),
                    }
                    server.write_all(&message).await?;
                }
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 || shared.is_gone.load(Ordering::SeqCst) {
                    return Ok(());
                }
                said.bytes.extend_from_slice(&down[..read]);
                while let Some(message) = said.next() {
                    if let (Some(cut), true) = (cut_answer, message.ends_with(b"COMMIT\0")) {
                        match cut {
                            Cut::AfterThenGone => shared.is_gone.store(true, Ordering::SeqCst),
                            Cut::Reset => client.set_zero_linger()?,
                            _ => {}
                        }
                        return Ok(());
                    }
                    client.write_all(&message).await?;
                }
            }
        }
    }
}
