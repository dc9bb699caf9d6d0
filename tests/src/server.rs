//! The PostgreSQL server that the tests of one program share.

use crate::tiers;
use es_testkit::postgres::{Database, Server, ServerOptions};
use std::sync::OnceLock;

/// The server. It listens on the loopback address too, for proxies.
///
/// Processes and connections are killed in these tests, and the server is not: what was committed needs no
/// disk. A test that stops its server starts one of its own.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| options().tcp().start().expect("a server"))
}

/// A server of a test's own that is not stopped either.
pub fn options() -> ServerOptions {
    // Some tests compare what the server counted, to which its own work at random times would add.
    let options = Server::options()
        .setting("fsync", "off")
        .setting("autovacuum", "off");
    options.folder_in(tiers::parent())
}

/// A new, empty database on it.
pub fn database() -> Database<'static> {
    shared().database().expect("a database")
}
