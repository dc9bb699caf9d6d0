//! What these tests have in common: servers, stores on them, and streams of orders.

use es_nats::{NatsOptions, NatsStore, async_nats::jetstream};
use es_runtime::{
    Append, EventStore, ExpectedVersion, NewEvent, ReadError, ReadLimit, RecordedEvent, StreamId,
    StreamRange,
};
use es_testkit::nats::{Cluster, SyncInterval};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The server that these tests share.
pub(crate) fn node() -> &'static Cluster {
    Cluster::shared_node().expect("a server")
}

/// A server of a test's own, which may be stopped. As the shared one it does not sync.
pub(crate) fn own_node() -> Cluster {
    let options = Cluster::options().nodes(1).sync(SyncInterval::Unset);
    options.start().expect("a server")
}

/// A store on one server that nobody asks when it syncs.
pub(crate) fn small() -> NatsOptions {
    NatsStore::options().one_replica().unchecked_syncs()
}

/// A store in this stream of JetStream, on the shared server.
pub(crate) async fn open(stream: &str) -> NatsStore {
    let opened = small().stream(stream).open(&node().url()).await;
    opened.expect("opens")
}

/// The client without the store, on the shared server.
pub(crate) async fn client() -> jetstream::Context {
    es_tests::jetstream(&node().url()).await
}

pub(crate) fn order(id: &str) -> StreamId {
    StreamId::new("order", id).expect("usable")
}

pub(crate) fn placed(id: &str, expected: ExpectedVersion) -> Append {
    Append::new(order(id), expected).with_event(NewEvent::json("order.placed", 1, "{}"))
}

pub(crate) async fn read(
    store: &NatsStore,
    id: &str,
    range: StreamRange,
) -> Result<Vec<RecordedEvent>, ReadError> {
    store
        .read_stream(&order(id), range, ReadLimit::default())
        .await
}

/// Listens in front of a server. `pass` gets each client, with a connection to the server. The address is for clients.
pub(crate) async fn in_front_of<F: Future<Output = ()> + Send + 'static>(
    server: &str,
    pass: impl Fn(TcpStream, TcpStream) -> F + Send + 'static,
) -> String {
    let server = server.trim_start_matches("nats://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(&server).await {
                tokio::spawn(pass(client, server));
            }
        }
    });
    format!("nats://{address}")
}

/// Passes on what both sides send, until one of them ends. `see` sees what the client sends first, `see_answer` what the server
/// sends, and each may change it.
pub(crate) async fn passing_on(
    client: TcpStream,
    server: TcpStream,
    see: impl FnMut(&mut [u8]),
    see_answer: impl FnMut(&mut [u8]),
) {
    let (asks, hears) = client.into_split();
    let (answers, takes) = server.into_split();
    tokio::select! {
        () = one_way(asks, takes, see) => {}
        () = one_way(answers, hears, see_answer) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut see: impl FnMut(&mut [u8])) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let bytes = &mut bytes[..read];
        see(bytes);
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// Listens in front of a server, and changes so many of its answers as the number says. `change` changes an answer, and returns
/// whether it did.
pub(crate) async fn changing(
    server: &str,
    change: fn(&mut [u8]) -> bool,
) -> (String, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(0));
    let of_clients = Arc::clone(&left);
    let address = in_front_of(server, move |client, server| {
        let left = Arc::clone(&of_clients);
        let see_answer = move |answer: &mut [u8]| {
            if left.load(Ordering::SeqCst) > 0 && change(answer) {
                left.fetch_sub(1, Ordering::SeqCst);
            }
        };
        passing_on(client, server, |_| {}, see_answer)
    });
    (address.await, left)
}
