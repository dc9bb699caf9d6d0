//! The explorer as a server of its own, for the machine of one person.

use crate::{Error, Options, Place, Writes, hosts, router_with};
use axum::{Router, middleware};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
    /// Others could reach it, and nobody said that they may.
    #[error(
        "{0} can be reached from other machines, and the explorer has no login. Listen on 127.0.0.1, or put a server \
         with a login before it and name the host under which browsers ask for it, as `es explore --host NAME` does"
    )]
    Public(SocketAddr),
    /// Others could reach it, and it would write.
    #[error(
        "{0} can be reached from other machines, and an explorer that writes listens on this machine alone. Listen on 127.0.0.1, with a \
         server with a login before it, or mount the explorer in the application, after its login"
    )]
    PublicWrites(SocketAddr),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The server stopped.
    #[error("the server stopped: {0}")]
    Stopped(#[from] io::Error),
}

/// The explorer of a store, listening.
///
/// It answers requests for `localhost`, for its own address, and for the hosts that were named. So a page of another
/// site that points its name at this machine gets no answer.
///
/// ```no_run
/// # async fn explore() -> Result<(), es_explorer::ServerError> {
/// let place = es_explorer::Place::new("sqlite:shop.db")?;
/// let server = es_explorer::Server::bind(&place, ([127, 0, 0, 1], 0).into(), &[])?;
/// println!("http://{}/", server.address());
/// server.run(std::future::pending()).await
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Opens the store and listens. Port 0 is any free one.
    ///
    /// # Errors
    ///
    /// The store or the address cannot be opened, or the address is not of this machine alone and no host was named.
    pub fn bind(place: &Place, address: SocketAddr, hosts: &[String]) -> Result<Self, ServerError> {
        Self::bind_with(place, address, hosts, Options::new())
    }

    /// The same with what the application knows, as [`router_with`] has it.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind), and [`ServerError::PublicWrites`] where writes are allowed and the address is not of this
    /// machine alone, whatever hosts are named.
    pub fn bind_with(
        place: &Place,
        address: SocketAddr,
        hosts: &[String],
        options: Options,
    ) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            if options.writes == Writes::Allowed {
                return Err(ServerError::PublicWrites(address));
            }
            if hosts.is_empty() {
                return Err(ServerError::Public(address));
            }
        }
        let router = router_with(place, options)?;
        let refused = |source| ServerError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let hosts = hosts::of(address.ip(), hosts);
        let router = router.layer(middleware::from_fn_with_state(hosts, hosts::check));
        Ok(Self {
            listener,
            address,
            router,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done and the requests that were there are answered. Dropping the future stops at once. An operation
    /// that has begun is finished by its thread, as long as the process runs.
    ///
    /// # Errors
    ///
    /// The system gives no more connections.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio with I/O.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let served = axum::serve(listener, self.router).with_graceful_shutdown(stop);
        Ok(served.await?)
    }
}
