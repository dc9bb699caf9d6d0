//! A hotel on the web: rooms, guests and bookings, on axum and es-runtime.
//!
//! `cargo run --example booking` opens it at <http://127.0.0.1:8080/>, with its events in `hotel.db`.
//! `--store postgres://..` takes PostgreSQL instead, and `--store nats://..` JetStream. `docs/web.md` explains the web part.
//!
//! | Folder | Holds |
//! |---|---|
//! | `domain` | what is true of a hotel: events, commands, and the rule that a night is booked once |
//! | `checkout.rs`, `payments.rs` | how a booking is paid |
//! | `read` | what can be asked |
//! | `web` | HTTP: one file for each resource |
//! | `releases` | the first release, whose events today's release reads |

#![allow(
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

mod checkout;
mod domain;
mod hotel;
#[cfg(feature = "metrics")]
mod metrics;
mod payments;
mod place;
mod read;
mod web;

use clap::Parser;
use hotel::Hotel;
use payments::Payments;
use place::Place;
use std::{error::Error, future::IntoFuture, time::Duration};
use tokio::net::TcpListener;

/// A hotel on the web.
#[derive(Parser)]
#[command(name = "booking")]
struct Args {
    #[command(flatten)]
    place: Place,
    /// Where to listen. Port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// How long the payment provider takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    payment_delay: u64,
}

/// A request that takes longer than this when the hotel closes is given up.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    #[cfg(feature = "metrics")]
    let metrics = metrics::install()?;
    let payments = Payments {
        delay: Duration::from_millis(args.payment_delay),
    };
    let (hotel, background) = Hotel::open(&args.place, payments).await?;
    let app = web::router(hotel.clone());
    #[cfg(feature = "metrics")]
    let app = app.merge(metrics::router(metrics));

    let asked_to_stop = signals()?;
    let listener = TcpListener::bind(&args.listen).await?;
    println!("http://{}/", listener.local_addr()?);
    let server = axum::serve(listener, app).with_graceful_shutdown(hotel.closing());
    let server = tokio::spawn(server.into_future());
    asked_to_stop.await;
    background.close();
    let ended = tokio::time::timeout(PATIENCE, server).await;
    background.shutdown(&hotel.store).await;
    match ended {
        Ok(ended) => Ok(ended??),
        Err(_) => Err("some requests did not end in time".into()),
    }
}

/// Ctrl-C, or what a service manager sends. From now on, not from the first wait on.
#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ctrl-C.
#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Where it cannot be waited for, the hotel is open until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
