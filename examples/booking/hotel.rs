//! The hotel that is open: its store, what executes commands on it, and what runs in the background.

use crate::{
    checkout::Checkout,
    domain::{
        booking::{Booking, BookingEvent},
        guest::{Guest, GuestEvent},
        room::Room,
    },
    payments::Payments,
    place::Place,
    read::{Bookings, Rooms},
};
use es_decisions::{Decisions, turn_on, turn_on_tags};
use es_projections::{AnyReadDatabase, Projections, Running};
use es_runtime::{AnyStore, EventStore, OnDuplicates, Repository};
use es_sagas::{RunningSagas, Sagas};
use std::{error::Error, time::Duration};
use tokio::sync::watch;

/// What handlers use. A clone is another handle.
#[derive(Clone)]
pub struct Hotel {
    pub store: AnyStore,
    pub read: AnyReadDatabase,
    pub rooms: Repository<Room>,
    pub guests: Repository<Guest>,
    pub bookings: Repository<Booking>,
    pub decisions: Decisions,
    closing: watch::Receiver<bool>,
}

/// What runs in the background: read models and checkouts.
pub struct Background {
    projections: Running,
    sagas: RunningSagas,
    closing: watch::Sender<bool>,
}

impl Hotel {
    /// Opens the store and starts what runs in the background.
    pub async fn open(
        place: &Place,
        payments: Payments,
    ) -> Result<(Self, Background), Box<dyn Error>> {
        let (store, read) = place.open().await?;
        know_what_came_later(&store).await?;
        let projections = Projections::new(store.clone(), read.clone())
            .with(Rooms)
            .with(Bookings);
        let sagas = Sagas::new(store.clone())
            // What a killed process was doing is soon done by the next one.
            .lease(Duration::from_secs(3))
            .with::<Checkout>(payments);
        let (closing, is_closing) = watch::channel(false);
        let background = Background {
            projections: projections.start()?,
            sagas: sagas.start().await?,
            closing,
        };
        let hotel = Self {
            rooms: Repository::new(store.clone()),
            guests: Repository::new(store.clone()),
            bookings: Repository::new(store.clone()),
            decisions: Decisions::new(store.clone()),
            closing: is_closing,
            store,
            read,
        };
        Ok((hotel, background))
    }

    /// Completes when the hotel closes, for answers that have no end of their own.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.clone();
        async move {
            // The other half is dropped when all is over.
            let _ = closing.wait_for(|is_closing| *is_closing).await;
        }
    }
}

/// The first release knew neither unique addresses nor the tags of nights. Its events get them here. At later starts it
/// is one look each.
async fn know_what_came_later(store: &AnyStore) -> Result<(), Box<dyn Error>> {
    turn_on_tags::<BookingEvent>(store).await?;
    let emails = turn_on::<GuestEvent>(store, "guest.email", OnDuplicates::FirstWins).await?;
    for twice in emails.duplicates {
        eprintln!(
            "{} and {} have one e-mail address",
            twice.holder, twice.stream
        );
    }
    Ok(())
}

impl Background {
    /// Ends the answers that have no end of their own.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits for what is in progress, and ends.
    pub async fn shutdown(self, store: &AnyStore) {
        self.sagas.shutdown().await;
        self.projections.shutdown().await;
        store.close().await;
    }
}
