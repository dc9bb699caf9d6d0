//! What a client may rely on.

use crate::{
    http::{Answer, Request, get, request},
    load::id_of,
    requests::{self, open_room, register},
    running::{Hotel, Place, help, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, thread};

fn hold(guest: &str, night: &str, card: Option<&str>) -> Request {
    requests::hold(guest, "101", night, 2, card)
}

/// The checks on a file, on a server and on JetStream.
macro_rules! on_each {
    ($($check:ident,)*) => {
        mod on_a_file {
            $(#[test]
            fn $check() {
                super::check(&crate::running::Place::sqlite(), super::$check);
            })*
        }

        mod on_a_server {
            $(#[test]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            fn $check() {
                super::check(&crate::running::Place::postgres(), super::$check);
            })*
        }

        mod on_jetstream {
            $(#[test]
            #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
            fn $check() {
                let node = es_testkit::nats::Cluster::shared_node().expect("a server");
                super::check(&crate::running::Place::jetstream(node), super::$check);
            })*
        }
    };
}

on_each! {
    a_key_is_one_request,
    of_requests_at_the_same_time_one_makes_it,
    a_price_is_changed_by_who_saw_it,
    a_guest_sees_what_the_guest_wrote,
    a_booking_is_paid_or_released,
    events_know_who_asked_and_why,
}

fn check(place: &Place, check: fn(&Place, &Hotel)) {
    check(place, &Hotel::open(place));
}

fn a_key_is_one_request(place: &Place, hotel: &Hotel) {
    let first = hotel.ask(&register("ada@example.com").key("k-1"));
    assert_eq!(first.status, 201);
    // In the form of the standard to come, too.
    let again = hotel.ask(&register("ada@example.com").key("\"k-1\""));
    assert_eq!((again.status, id_of(&again)), (201, id_of(&first)));
    assert_eq!(again.header("etag"), first.header("etag"));
    // Another body, and another user with the same key.
    let other = hotel.ask(&register("eve@example.com").key("k-1"));
    assert_eq!(
        (other.status, &*other.problem()),
        (422, "idempotency-key-reused")
    );
    let eve = register("ada@example.com")
        .key("k-1")
        .header("Authorization", "Bearer eve");
    let eve = hotel.ask(&eve);
    assert_eq!((eve.status, &*eve.problem()), (409, "taken"));
    assert!(!eve.body.contains(&id_of(&first)), "{eve:?}");
    let none = hotel.ask(&register("eve@example.com"));
    assert_eq!(
        (none.status, &*none.problem()),
        (400, "idempotency-key-missing")
    );
    assert_eq!(place.events_of("guest"), ["guest.registered"]);
}

/// The answers to requests that are sent at the same time.
fn concurrently(hotel: &Hotel, requests: &[Request]) -> Vec<Answer> {
    thread::scope(|scope| {
        let ask = |request| scope.spawn(move || hotel.ask(request));
        let asked: Vec<_> = requests.iter().map(ask).collect();
        let answers = asked
            .into_iter()
            .map(|asked| asked.join().expect("no panic"));
        answers.collect()
    })
}

fn of_requests_at_the_same_time_one_makes_it(place: &Place, hotel: &Hotel) {
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    // One request that was sent eight times.
    let same = hold(&guest, "2027-01-01", None).key("k");
    let answers = concurrently(hotel, &[(); 8].map(|()| same.clone()));
    let ids: BTreeSet<String> = answers.iter().map(id_of).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    // Eight requests for one night.
    let others = [1, 2, 3, 4, 5, 6, 7, 8]
        .map(|number: u8| hold(&guest, "2027-02-01", None).key(&format!("k-{number}")));
    let answers = concurrently(hotel, &others);
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let taken = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, taken), (1, 7), "{answers:?}");
    let held = place.bookings();
    assert_eq!(held.len(), 2, "{held:?}");
}

fn a_price_is_changed_by_who_saw_it(_: &Place, hotel: &Hotel) {
    open_room(hotel.address, "101");
    let price =
        |cents: i64| request("PUT", "/rooms/101/price").json(json!({ "night_cents": cents }));
    let blind = hotel.ask(&price(8_900));
    assert_eq!((blind.status, &*blind.problem()), (428, "if-match-missing"));
    let seen = hotel.ask(&get("/rooms/101"));
    let tag = seen.header("etag").expect("a tag");
    let newer = || hotel.ask(&get("/rooms/101").header("If-None-Match", tag));
    let unchanged = newer();
    assert_eq!(
        (unchanged.status, unchanged.header("etag")),
        (304, Some(tag))
    );
    assert_eq!(unchanged.header("content-length"), None);
    assert_eq!(hotel.ask(&price(8_900).header("If-Match", tag)).status, 200);
    assert_eq!(newer().json()["night_cents"], 8_900);
    let late = hotel.ask(&price(7_900).header("If-Match", tag));
    assert_eq!((late.status, &*late.problem()), (412, "version-mismatch"));
    let now = late.header("etag").expect("a tag");
    // As nginx makes it of a compressed answer.
    let weak = price(7_900).header("If-Match", &format!("W/{now}"));
    assert_eq!(hotel.ask(&weak).status, 200);
    assert_eq!(hotel.ask(&get("/rooms/101")).json()["night_cents"], 7_900);
}

fn a_guest_sees_what_the_guest_wrote(place: &Place, hotel: &Hotel) {
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    for (number, night) in ["2027-01-01", "2027-02-01", "2027-03-01"]
        .iter()
        .enumerate()
    {
        let stay = hold(&guest, night, None).key(&format!("k-{number}"));
        let held = hotel.ask(&stay);
        let position = held.header("event-position").expect("a position");
        assert_eq!(held.json()["position"], position);
        let list = hotel.insist(&get(format!("/bookings?guest={guest}&after={position}")));
        assert_eq!(
            list.json().as_array().map(Vec::len),
            Some(number + 1),
            "{list:?}"
        );
        let taken = hotel.insist(&get(format!("/taken-rooms?night={night}&after={position}")));
        assert_eq!(taken.json(), json!(["101"]));
    }
    let (future, of_another_store) = if place.is_jetstream() {
        ("999999.1", "999999")
    } else {
        ("999999", "999999.1")
    };
    let after = |position| hotel.ask(&get(format!("/bookings?guest={guest}&after={position}")));
    let moved = after(of_another_store);
    assert_eq!((moved.status, &*moved.problem()), (400, "invalid-position"));
    let future = after(future);
    assert_eq!((future.status, &*future.problem()), (503, "not-yet"));
    assert_eq!(future.header("retry-after"), Some("1"));
    let wrong = hotel.ask(&get(format!("/bookings?guest={guest}&after=soon")));
    assert_eq!((wrong.status, &*wrong.problem()), (400, "invalid-position"));
}

fn a_booking_is_paid_or_released(_: &Place, hotel: &Hotel) {
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    let ends = |key: &str, card: &str| {
        let held = hotel.ask(&hold(&guest, "2027-01-01", Some(card)).key(key));
        let path = format!("/bookings/{}", id_of(&held));
        until("the booking stays held", || {
            let booking = hotel.ask(&get(&*path)).json();
            (booking["status"] != "held").then_some(booking)
        })
    };
    let declined = ends("k-1", "tok_declined");
    assert_eq!(declined["status"], "released");
    assert_eq!(declined["reason"], "the card was declined");
    // After all attempts it is not known whether the card was charged: it is refunded.
    assert_eq!(ends("k-2", "tok_lost")["status"], "released");
    let paid = ends("k-3", "tok_visa");
    assert_eq!(paid["status"], "confirmed");
    let cancel = request(
        "DELETE",
        format!("/bookings/{}", paid["booking"].as_str().expect("an id")),
    );
    let cancelled = hotel.ask(&cancel);
    assert_eq!((cancelled.status, &*cancelled.problem()), (409, "rejected"));
    let taken = hotel.ask(&hold(&guest, "2027-01-02", None).key("k-4"));
    assert_eq!((taken.status, &*taken.problem()), (409, "room-taken"));
}

/// The guest is faster than the payment, which is taken back.
#[test]
fn who_cancels_while_paying_is_refunded() {
    let place = Place::sqlite();
    let hotel = Hotel::at(&place, "127.0.0.1:0", 3_000);
    open_room(hotel.address, "101");
    let guest = id_of(&hotel.ask(&register("ada@example.com").key("g")));
    let held = hotel.ask(&hold(&guest, "2027-01-01", Some("tok_visa")).key("k"));
    let cancel = request("DELETE", format!("/bookings/{}", id_of(&held)));
    assert_eq!(hotel.ask(&cancel).status, 200);
    // Again, as after a lost answer.
    assert_eq!(hotel.ask(&cancel).status, 200);
    let checkout = "SELECT event FROM events WHERE aggregate = 'saga:checkout' ORDER BY position";
    let checkout = until("the payment is not taken back", || {
        let events = place.texts(checkout, "");
        (events.last()? == "saga.compensated").then_some(events)
    });
    assert!(
        checkout.iter().any(|event| event == "saga.step_undone"),
        "{checkout:?}"
    );
    let events: Vec<String> = place
        .bookings()
        .into_iter()
        .map(|(_, event, _)| event)
        .collect();
    assert_eq!(events, ["booking.held", "booking.released"]);
    let free = hotel.ask(&hold(&guest, "2027-01-01", None).key("k-2"));
    assert_eq!(free.status, 201);
}

#[test]
fn every_error_is_a_problem() {
    let place = Place::sqlite();
    let hotel = Hotel::open(&place);
    let text = request("POST", "/guests")
        .key("k")
        .header("Content-Type", "text/plain");
    let broken = request("POST", "/guests")
        .key("k")
        .header("Content-Type", "application/json");
    // The server answers after 2 MiB, and does not take what follows.
    let large = "x".repeat(2 << 20);
    for (request, status) in [
        (get("/nowhere"), 404),
        (request("PATCH", "/guests"), 405),
        (get("/taken-rooms?night=tomorrow"), 400),
        (get("/rooms/nowhere"), 404),
        (text, 415),
        (broken, 400),
        (register("ada").key("k"), 422),
        (
            request("POST", "/guests")
                .key("k")
                .json(json!({ "name": 7 })),
            422,
        ),
        (register(&large).key("k"), 413),
        (register("ada@example.com").key(&"k".repeat(257)), 400),
        (register("ada@example.com").key("k-1").key("k-2"), 400),
    ] {
        let answer = hotel.ask(&request);
        assert_eq!(answer.status, status, "{answer:?}");
        let _ = answer.problem();
        assert!(answer.header("x-request-id").is_some());
    }
    let method = hotel.ask(&request("PATCH", "/guests"));
    assert_eq!(method.header("allow"), Some("POST"));
}

fn events_know_who_asked_and_why(place: &Place, hotel: &Hotel) {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = register("ada@example.com")
        .key("k")
        .header("Authorization", "Bearer ada")
        .header("X-Request-Id", "r-17")
        .header("traceparent", trace);
    assert_eq!(hotel.ask(&asked).header("x-request-id"), Some("r-17"));
    let stored: Value = serde_json::from_str(&place.metadata()).expect("JSON");
    let expected = json!({ "correlation": "r-17", "user": "ada", "traceparent": trace });
    assert_eq!(stored, expected);
}

/// Each option in a command of `docs/web.md` is one of the program.
#[test]
fn the_guide_names_what_the_program_has() {
    let guide = include_str!("../../../docs/web.md");
    let (help, mut options) = (help(), 0);
    for command in guide.lines().filter(|line| line.starts_with("cargo run")) {
        assert!(command.contains("--example booking"), "{command}");
        let ours = command.split_once(" -- ").map_or("", |(_, ours)| ours);
        for option in ours.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{option} is not in\n{help}");
            options += 1;
        }
    }
    assert!(options > 0);
}

#[test]
fn the_page_and_its_files_are_there() {
    let place = Place::sqlite();
    let hotel = Hotel::open(&place);
    let page = hotel.ask(&get("/"));
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    for file in ["hotel.css", "hotel.js"] {
        assert!(page.body.contains(file));
        assert_eq!(hotel.ask(&get(format!("/{file}"))).status, 200);
    }
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_are_those_of_the_library() {
    let place = Place::sqlite();
    let hotel = Hotel::open(&place);
    open_room(hotel.address, "101");
    let page = hotel.ask(&get("/metrics"));
    let accepted = "es_command_duration_seconds_count{aggregate=\"room\",result=\"accepted\"} 1";
    assert!(page.body.contains(accepted), "{}", page.body);
}
