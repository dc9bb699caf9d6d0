//! A NATS cluster of three nodes on this machine, to try an application on: `cargo run --example nats-cluster`.
//!
//! It gets the pinned server when there is none, prints where to connect, and ends in order on Ctrl-C.
//!
//! ```sh
//! cargo run --example nats-cluster -- --data /tmp/events --nodes 1
//! ```

#[cfg(unix)]
mod cluster;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    cluster::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("This example needs Unix.");
}
