//! Guests book while the hotel is killed with `kill -9` and opens again. No booking is lost and none is doubled.

use crate::{
    audit::{audit, settled},
    load::{Answered, Load, id_of},
    requests::{hold, open_room, register},
    running::{Hotel, Place, until},
    tiers::{self, tries},
};
use es_testkit::nats::Cluster;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Kills the hotel again and again. On a cluster a server is killed first, the leader or another one, and comes back when
/// guests have booked without it.
fn survives(place: &Place, cluster: Option<&Cluster>) {
    let load = Load {
        guests: tries(8, 4),
        bookings: tries(150, 6),
        rooms: tries(6, 3),
        nights: tries(140, 8),
    };
    let kills = tries(30, 2);
    // A payment takes long enough to be interrupted.
    let mut hotel = Hotel::at(place, "127.0.0.1:0", 20);
    load.open_rooms(hotel.address);
    let (address, progress) = (&Mutex::new(hotel.address), &AtomicUsize::new(0));
    let (hotel, answered) = std::thread::scope(|scope| {
        let now = || *address.lock().expect("not poisoned");
        let all = load.guests * load.bookings;
        let guests = scope.spawn(move || load.run(&now, progress));
        for kill in 1..=kills {
            until("nobody books", || {
                let done = progress.load(Ordering::Relaxed);
                (done >= all * kill / (kills + 1)).then_some(())
            });
            let down = cluster.map(|cluster| (cluster, place.kill_a_server(cluster, kill)));
            hotel.kill();
            hotel = Hotel::at(place, "127.0.0.1:0", 20);
            *address.lock().expect("not poisoned") = hotel.address;
            if let Some((cluster, server)) = down {
                let before = progress.load(Ordering::Relaxed);
                until("nobody books without a server", || {
                    let now = progress.load(Ordering::Relaxed);
                    (now > before || now == all).then_some(())
                });
                cluster.restart(server).expect("back");
            }
        }
        (hotel, guests.join().expect("no panic"))
    });
    let rows = settled(place);
    drop(hotel);
    let seen = audit(&rows, &answered).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(seen.held, answered.booked.len());
    // What did not happen was not tested.
    assert!(
        seen.confirmed > 0 && answered.rejected > 0 && answered.repeated > 0,
        "{seen:?} {answered:?}"
    );

    // What was promised cannot be taken away, nor can something be added, without the audit.
    let without = |id: &str| {
        rows.iter()
            .filter(|(of, ..)| of != id)
            .cloned()
            .collect::<Vec<_>>()
    };
    let lost = audit(&without(&answered.booked[0]), &answered);
    assert!(lost.is_err_and(|why| why.contains("is lost")));
    let mut doubled = rows.clone();
    doubled.push(("b-2".to_owned(), rows[0].1.clone(), rows[0].2.clone()));
    assert!(audit(&doubled, &answered).is_err());
}

#[test]
fn no_booking_is_lost_or_doubled_on_a_file() {
    survives(&Place::sqlite(), None);
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn no_booking_is_lost_or_doubled_on_a_server() {
    survives(&Place::postgres(), None);
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn bookings_survive_the_loss_of_servers() {
    let cluster = Cluster::options().folder_in(tiers::parent()).start();
    let cluster = cluster.expect("a cluster");
    let place = Place::jetstream(&cluster);
    survives(&place, Some(&cluster));
    place.read_models_are_those_of_a_rebuild();
}

/// A guest books, the answer is lost, and the guest sends the request again under this key.
fn booked_again_under(key: &str) -> Result<usize, String> {
    let place = Place::sqlite();
    let hotel = Hotel::open(&place);
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    let hold = hold(&guest, "101", "2027-01-01", 1, None);
    let lost = hold
        .clone()
        .key("k-1")
        .send_to(hotel.address, "1.1")
        .expect("sent");
    until("nothing is booked", || {
        (!place.bookings().is_empty()).then_some(())
    });
    drop(lost);
    let again = hotel.ask(&hold.key(key));
    let booked = match again.status {
        201 => vec![id_of(&again)],
        _ => Vec::new(),
    };
    let answered = Answered {
        booked,
        ..Answered::default()
    };
    audit(&place.bookings(), &answered).map(|seen| seen.held)
}

#[test]
fn a_request_that_is_repeated_under_its_key_finds_its_booking() {
    assert_eq!(booked_again_under("k-1"), Ok(1));
}

/// The control: without the key of the first request the guest gets the answer that the room is taken, by a booking of which
/// nobody knows.
#[test]
fn a_request_that_is_repeated_under_another_key_loses_its_booking() {
    let lost = booked_again_under("k-2");
    assert!(lost.is_err_and(|why| why.contains("nobody knows of it")));
}
