//! A TCP proxy between a store and its server that loses connections at a commit: before it, in the
//! middle of it, and after the server has done it and said so. It can also deliver a statement late,
//! and speak for a server that is set up in another language.

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
    holds_next: AtomicBool,
    late: Mutex<Option<Late>>,
    translates: AtomicBool,
    /// What the server said so far.
    bytes: AtomicUsize,
    /// How often it had answered what was asked.
    answers: AtomicUsize,
}

/// A statement that the client thinks is lost.
struct Late {
    server: TcpStream,
    messages: Vec<u8>,
    /// A transaction that looks for it has come and gone.
    was_looked_for: bool,
}

impl Shared {
    fn next(&self) -> MutexGuard<'_, Option<Cut>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> MutexGuard<'_, Option<Late>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers the late statement where the transaction that looked for it is over and another one
    /// begins, and waits until the server has done it.
    async fn deliver_late(&self, message: &[u8]) -> io::Result<()> {
        let mut late = match &mut *self.late() {
            Some(late) if message == b"Q\0\0\0\x0dROLLBACK\0" => {
                late.was_looked_for = true;
                None
            }
            late if message.get(5..10) == Some(b"BEGIN") => {
                late.take_if(|late| late.was_looked_for)
            }
            _ => None,
        };
        if let Some(late) = &mut late {
            late.server.write_all(&late.messages).await?;
            let mut said = Messages::of_a_server();
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = late.server.read(&mut bytes).await?;
                said.bytes.extend_from_slice(&bytes[..read]);
                while let Some(message) = said.next() {
                    if read == 0 || message.first() == Some(&b'Z') {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
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

    /// Loses the connection at the next append of one statement, which comes to the server all the
    /// same: after the transaction that looks whether it did, and before the one after that.
    pub fn deliver_next_single_round_trip_late(&self) {
        self.shared.holds_next.store(true, Ordering::SeqCst);
    }

    /// Whether a statement was held and delivered since.
    pub fn has_delivered(&self) -> bool {
        !self.shared.holds_next.load(Ordering::SeqCst) && self.shared.late().is_none()
    }

    /// From now on the server's errors are called what a server with German messages calls them.
    pub fn translate(&self) {
        self.shared.translates.store(true, Ordering::SeqCst);
    }

    /// How many bytes the server has sent.
    pub fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::SeqCst)
    }

    /// How often the server has answered all that it was asked (`ReadyForQuery`).
    pub fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::SeqCst)
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
    fn of_a_server() -> Self {
        Self {
            is_started: true,
            ..Self::default()
        }
    }

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
    let mut said = Messages::of_a_server();
    let mut single_round_trip = SingleRoundTrip::default();
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
                    if single_round_trip.holds(&message, shared) {
                        if let Some(messages) = single_round_trip.whole() {
                            let was_looked_for = false;
                            *shared.late() = Some(Late { server, messages, was_looked_for });
                            return Ok(());
                        }
                        continue;
                    }
                    shared.deliver_late(&message).await?;
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
                shared.bytes.fetch_add(read, Ordering::SeqCst);
                said.bytes.extend_from_slice(&down[..read]);
                while let Some(message) = said.next() {
                    if message.first() == Some(&b'Z') {
                        shared.answers.fetch_add(1, Ordering::SeqCst);
                    }
                    if let (Some(cut), true) = (cut_answer, message.ends_with(b"COMMIT\0")) {
                        match cut {
                            Cut::AfterThenGone => shared.is_gone.store(true, Ordering::SeqCst),
                            Cut::Reset => client.set_zero_linger()?,
                            _ => {}
                        }
                        return Ok(());
                    }
                    if shared.translates.load(Ordering::SeqCst) {
                        client.write_all(&translated(message)).await?;
                    } else {
                        client.write_all(&message).await?;
                    }
                }
            }
        }
    }
}

/// The appends of one statement on one connection.
#[derive(Default)]
struct SingleRoundTrip {
    /// What the statement was prepared as.
    name: Option<Vec<u8>>,
    held: Vec<u8>,
    is_whole: bool,
}

impl SingleRoundTrip {
    /// Whether the message is one of a call that is held.
    fn holds(&mut self, message: &[u8], shared: &Shared) -> bool {
        let mut texts = message
            .get(5..)
            .unwrap_or_default()
            .split(|byte| *byte == 0);
        match message.first() {
            Some(b'P') => {
                let name = texts.next().unwrap_or_default();
                let sql = texts.next().unwrap_or_default();
                if String::from_utf8_lossy(sql).contains("head h SET position = h.position") {
                    self.name = Some(name.to_vec());
                }
            }
            Some(b'B')
                if texts.nth(1) == self.name.as_deref()
                    && shared.holds_next.swap(false, Ordering::SeqCst) =>
            {
                self.held = message.to_vec();
                return true;
            }
            _ => {}
        }
        if self.held.is_empty() {
            return false;
        }
        self.held.extend_from_slice(message);
        self.is_whole = message.first() == Some(&b'S');
        true
    }

    fn whole(&mut self) -> Option<Vec<u8>> {
        self.is_whole.then(|| std::mem::take(&mut self.held))
    }
}

/// An error of the server as one with `lc_messages = 'de_DE.UTF-8'` sends it: the severity is a word of
/// that language, and once more as it always is.
fn translated(message: Vec<u8>) -> Vec<u8> {
    let is_error = message.first() == Some(&b'E');
    let Some(b"SERROR\0") = message.get(5..12).filter(|_| is_error) else {
        return message;
    };
    let mut body = b"SFEHLER\0".to_vec();
    body.extend_from_slice(&message[12..]);
    let length = u32::try_from(body.len() + 4).expect("a short message");
    let mut message = vec![b'E'];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&body);
    message
}
