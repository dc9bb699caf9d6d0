//! What a server says of itself on its monitoring port: whether it syncs before it answers is not visible otherwise.

use es_runtime::{StorageError, StorageErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MOST: u64 = 1024 * 1024;

/// One server.
#[derive(Debug)]
pub(crate) struct Monitored {
    pub(crate) version: String,
    pub(crate) sync_always: bool,
    pub(crate) sync_interval: Duration,
    pub(crate) max_payload: usize,
}

#[derive(Deserialize)]
struct Varz {
    #[serde(default)]
    version: String,
    #[serde(default)]
    max_payload: usize,
}

#[derive(Deserialize)]
struct Jsz {
    #[serde(default)]
    config: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    #[serde(default)]
    sync_always: bool,
    /// In nanoseconds.
    #[serde(default)]
    sync_interval: u64,
}

/// Asks the server with this address.
///
/// # Errors
/// [`Unreachable`](StorageErrorKind::Unreachable) when nobody answers, [`CannotOpen`](StorageErrorKind::CannotOpen) when it is
/// no such address, or not that of a NATS server.
pub(crate) async fn ask(url: &str) -> Result<Monitored, StorageError> {
    let varz: Varz = get(url, "/varz").await?;
    let jsz: Jsz = get(url, "/jsz").await?;
    Ok(Monitored {
        version: varz.version,
        sync_always: jsz.config.sync_always,
        sync_interval: Duration::from_nanos(jsz.config.sync_interval),
        max_payload: varz.max_payload,
    })
}

async fn get<T: DeserializeOwned>(url: &str, path: &str) -> Result<T, StorageError> {
    let error = |kind, why: &str| {
        let what = format!("the monitoring address {url}{path}: {why}");
        StorageError::new(kind, what)
    };
    let failed = |why: &str| error(StorageErrorKind::CannotOpen, why);
    let silent = |why: &str| error(StorageErrorKind::Unreachable, why);
    let host = url.trim_end_matches('/').strip_prefix("http://");
    let host = host.ok_or_else(|| failed("it must begin with http://"))?;
    let address = match host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
        _ => format!("{host}:8222"),
    };
    // One answer of a known server: the connection ends with it.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = async {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(PATIENCE, answer)
        .await
        .map_err(|_| silent("no answer"))?;
    let answer = answer.map_err(|error| silent(&error.to_string()).with_source(error))?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let parts = end.and_then(|end| answer.split_at_checked(end.saturating_add(4)));
    let (head, body) = parts.ok_or_else(|| failed("it is no answer of HTTP"))?;
    let status = head.split(|byte| *byte == b' ').nth(1);
    if status != Some(b"200") {
        return Err(failed("the server refuses it"));
    }
    serde_json::from_slice(body).map_err(|error| failed(&error.to_string()))
}
