//! The explorer as a server on a free port, stopped when it is dropped.

use crate::{http, place::Place};
use es_explorer::{Options, Server};
use serde_json::Value;
use std::{net::SocketAddr, thread};
use tokio::{runtime::Builder, sync::oneshot};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn on(place: &Place) -> Self {
        Self::with(place, Options::new())
    }

    pub(crate) fn with(place: &Place, options: Options) -> Self {
        let store = es_explorer::Place::new(&place.address()).expect("a store");
        let store = match place.read_address() {
            Some(read) => store.read_store(&read).expect("a database"),
            None => store,
        };
        Self::start(&store, options)
    }

    /// On the store with this address.
    pub(crate) fn at(address: &str, options: Options) -> Self {
        Self::start(&es_explorer::Place::new(address).expect("a store"), options)
    }

    fn start(place: &es_explorer::Place, options: Options) -> Self {
        let own = ([127, 0, 0, 1], 0).into();
        let server = Server::bind_with(place, own, &[], options).expect("listens");
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_io().build();
            let stopped = async {
                // Dropping the other half stops it, too.
                let _ = stopped.await;
            };
            runtime.expect("a runtime").block_on(async {
                // A browser keeps connections open.
                let served = server.run(std::future::pending());
                tokio::select! {
                    served = served => served.expect("served"),
                    () = stopped => {}
                }
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// One that somebody else runs.
    pub(crate) fn elsewhere(address: SocketAddr) -> Self {
        Self {
            address,
            stop: None,
            thread: None,
        }
    }

    pub(crate) fn get(&self, target: &str) -> http::Answer {
        let host = format!("Host: {}\r\n", self.address);
        http::request(self.address, "GET", target, &host, "")
    }

    /// The JSON of an answer with this status.
    pub(crate) fn json(&self, target: &str, status: u16) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, status, "{target}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{target}: {e}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("ended");
        }
    }
}
