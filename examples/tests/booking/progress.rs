//! Server-sent events of a booking, across lost connections and a hotel that is killed.

use crate::{
    http::{Feed, Message, get},
    load::id_of,
    requests::{hold, open_room, register},
    running::{Hotel, Place},
};
use es_testkit::nats::Cluster;

fn booked(hotel: &Hotel) -> String {
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    let hold = hold(&guest, "101", "2027-01-01", 1, Some("tok_visa"));
    id_of(&hotel.ask(&hold.key("k")))
}

fn is(message: &Message, status: &str) -> bool {
    message.name == "booking" && message.data.contains(&format!("\"status\":\"{status}\""))
}

fn a_client_connects_again(place: &Place) {
    // The payment comes after the connection broke.
    let hotel = Hotel::at(place, "127.0.0.1:0", 400);
    let booking = booked(&hotel);
    let progress = get(format!("/bookings/{booking}/progress"));
    let held = Feed::open(hotel.address, &progress)
        .expect("opens")
        .next()
        .expect("a message");
    assert!(is(&held, "held"), "{held:?}");
    hotel.kill();

    let hotel = Hotel::open(place);
    let resumed = progress.clone().header("Last-Event-ID", &held.id);
    let mut feed = Feed::open(hotel.address, &resumed).expect("opens");
    let confirmed = feed.next().expect("a message");
    assert!(is(&confirmed, "confirmed"), "{confirmed:?}");
    // Without the header it begins anew.
    let mut feed = Feed::open(hotel.address, &progress).expect("opens");
    assert_eq!(feed.next(), Some(held));
    assert_eq!(feed.next(), Some(confirmed));
}

#[test]
fn a_client_that_connects_again_misses_nothing_and_sees_nothing_twice() {
    a_client_connects_again(&Place::sqlite());
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_client_that_connects_again_misses_nothing_on_jetstream() {
    let node = Cluster::shared_node().expect("a server");
    a_client_connects_again(&Place::jetstream(node));
}

/// A position that this store has not reached, or none that it could have.
fn begins_anew(place: &Place, position: &str) {
    let hotel = Hotel::open(place);
    let progress = get(format!("/bookings/{}/progress", booked(&hotel)));
    let restored = progress.clone().header("Last-Event-ID", position);
    let mut feed = Feed::open(hotel.address, &restored).expect("opens");
    let reset = feed.next().expect("a message");
    assert_eq!((&*reset.name, &*reset.id), ("reset", ""));
    assert!(is(&feed.next().expect("a message"), "held"));
    let wrong = hotel.ask(&progress.header("Last-Event-ID", "yesterday"));
    assert_eq!((wrong.status, &*wrong.problem()), (400, "invalid-position"));
}

#[test]
fn a_position_from_before_a_restore_or_a_move_begins_anew() {
    begins_anew(&Place::sqlite(), "999999");
    begins_anew(&Place::sqlite(), "1.1");
}

/// The one of a database sorts before all of JetStream.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_position_from_before_a_restore_or_a_move_begins_anew_on_jetstream() {
    let node = Cluster::shared_node().expect("a server");
    begins_anew(&Place::jetstream(node), "999999.1");
    begins_anew(&Place::jetstream(node), "999999");
}
