//! Payment, inventory and shipping over HTTP on the loopback: each has a ledger of its own, knows keys,
//! and is slow and fails as often as it is asked to.

use es_sagas::{Fail, Key};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The three services as a worker sees them.
#[derive(Clone)]
pub struct Services {
    pub payment: Client,
    pub inventory: Client,
    pub shipping: Client,
}

impl Services {
    pub fn at(addresses: [SocketAddr; 3]) -> Self {
        let [payment, inventory, shipping] = addresses.map(Client::At);
        Self {
            payment,
            inventory,
            shipping,
        }
    }

    /// In this process, without a network.
    #[cfg(test)]
    pub fn here(services: [Service; 3]) -> Self {
        let [payment, inventory, shipping] = services.map(Client::Here);
        Self {
            payment,
            inventory,
            shipping,
        }
    }

    /// For commands that look and repair: nothing is called by them.
    pub fn nowhere() -> Self {
        Self::at([SocketAddr::from(([127, 0, 0, 1], 9)); 3])
    }
}

#[derive(Serialize, Deserialize)]
struct Request {
    key: String,
    /// The key of what is taken back.
    did: Option<String>,
    amount: i64,
}

#[derive(Clone)]
pub enum Client {
    At(SocketAddr),
    #[cfg(test)]
    Here(Service),
}

impl Client {
    /// Does something once for this key; its reference.
    pub async fn act(&self, key: Key, amount: i64) -> Result<String, Fail> {
        let key = key.to_string();
        let request = Request {
            key,
            did: None,
            amount,
        };
        self.post(&request).await
    }

    /// Takes back what was done, or will be, under `did`.
    pub async fn undo(&self, key: Key, did: Key) -> Result<(), Fail> {
        let request = Request {
            key: key.to_string(),
            did: Some(did.to_string()),
            amount: 0,
        };
        self.post(&request).await.map(|_| ())
    }

    async fn post(&self, request: &Request) -> Result<String, Fail> {
        match self {
            Self::At(address) => post(*address, request).await,
            #[cfg(test)]
            Self::Here(service) => {
                let (status, text) = service.book(request);
                answer(status, &text)
            }
        }
    }
}

async fn post(address: SocketAddr, request: &Request) -> Result<String, Fail> {
    let body = serde_json::to_string(request)?;
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let status = response.split_once(' ').map_or("", |(_, status)| status);
    let text = response.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    answer(status, text)
}

/// What a service said.
fn answer(status: &str, text: &str) -> Result<String, Fail> {
    match status.split(' ').next().unwrap_or_default() {
        "200" => Ok(text.to_owned()),
        "409" => Err(Fail::fatal(text)),
        "" => Err(Fail::transient("the answer got lost")),
        other => Err(Fail::transient(format!("HTTP status {other}"))),
    }
}

/// What one service has done.
#[derive(Default)]
struct Entry {
    amount: i64,
    applied: u32,
    declined: bool,
    undone: bool,
}

/// A service with its ledger.
#[derive(Clone)]
pub struct Service {
    name: &'static str,
    fail: f64,
    slow: Duration,
    ledger: Arc<Mutex<HashMap<String, Entry>>>,
}

/// The sums of a ledger.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub done: i64,
    pub undone: i64,
    /// Effects that were applied more than once under one key.
    pub doubled: usize,
}

impl Service {
    pub fn new(name: &'static str, fail: f64, slow: Duration) -> Self {
        Self {
            name,
            fail,
            slow,
            ledger: Arc::default(),
        }
    }

    /// Serves on a port of the loopback.
    pub async fn serve(self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = self.clone();
                // A worker that was killed hangs up; that is no matter of the service.
                tokio::spawn(async move { service.answer(stream).await.ok() });
            }
        });
        Ok(address)
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        let request = loop {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).await?;
            if count == 0 {
                return Ok(());
            }
            bytes.extend(part.iter().take(count));
            let text = String::from_utf8_lossy(&bytes);
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            if let Ok(request) = serde_json::from_str::<Request>(body) {
                break request;
            }
        };
        tokio::time::sleep(self.slow.mul_f64(chance() * 2.0)).await;
        let luck = chance();
        // Out of order before anything is done, and after it: half of the failures each.
        if luck < self.fail / 2.0 {
            return respond(&mut stream, "503 Service Unavailable", "").await;
        }
        let (status, body) = self.book(&request);
        if luck < self.fail {
            // Done, and the line goes dead.
            return Ok(());
        }
        respond(&mut stream, status, &body).await
    }

    fn book(&self, request: &Request) -> (&'static str, String) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let undo = request.did.is_some();
        let key = request.did.as_ref().unwrap_or(&request.key);
        let entry = ledger.entry(key.clone()).or_default();
        if undo {
            entry.undone = true;
            return ("200 OK", String::new());
        }
        if entry.undone {
            return ("409 Conflict", "it was taken back before".to_owned());
        }
        if entry.applied == 0 {
            // One of twenty is refused, when anything fails at all.
            entry.declined |= self.fail > 0.0 && chance() < 0.05;
            if entry.declined {
                return ("409 Conflict", format!("{} says no", self.name));
            }
            entry.applied += 1;
            entry.amount = request.amount;
        }
        (
            "200 OK",
            format!("{}-{}", self.name, &key.get(..8).unwrap_or_default()),
        )
    }

    pub fn sums(&self) -> Sums {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = Sums::default();
        for entry in ledger.values() {
            let amount = entry.amount * i64::from(entry.applied);
            sums.done += amount;
            if entry.undone {
                sums.undone += amount;
            }
            sums.doubled += usize::from(entry.applied > 1);
        }
        sums
    }
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// A number from 0 to 1.
pub fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
