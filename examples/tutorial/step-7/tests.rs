use super::booking::{BookingError, HoldNight};
use super::bookings::Bookings;
use super::guest::{Guest, Registered};
use super::payment::{Bank, Payment};
use super::room::{Booked, Confirm, Freed, Held, Hold, Room, RoomError};
use es_projections::values;
use es_testkit::decision::DecisionTest;
use es_testkit::given_nothing;
use es_testkit::projection::ProjectionTest;
use es_testkit::saga::{SagaTest, Scripted};

fn hold() -> Hold {
    Hold {
        night: "2027-06-01".into(),
        guest: "ada".into(),
        cents: 12_000,
    }
}

fn held() -> Held {
    Held {
        night: "2027-06-01".into(),
        guest: "ada".into(),
        cents: 12_000,
    }
}

fn booked() -> Booked {
    Booked {
        night: "2027-06-01".into(),
        guest: "ada".into(),
    }
}

#[test]
fn a_night_is_held_once_and_confirmed_by_its_guest() {
    let night = || "2027-06-01".to_owned();
    let confirm = |guest: &str| Confirm {
        night: night(),
        guest: guest.into(),
    };
    let not_held = RoomError::NotHeld {
        night: night(),
        guest: "bob".into(),
    };
    given_nothing::<Room>()
        .when(hold())
        .then(held())
        .when(hold())
        .then_rejected(RoomError::Taken { night: night() })
        .when(confirm("bob"))
        .then_rejected(not_held)
        .when(confirm("ada"))
        .then(booked());
}

#[test]
fn only_a_guest_holds_a_night() {
    let ada = Registered {
        name: "Ada".into(),
        email: "ada@example.com".into(),
    };
    let hold_by = |guest: &str| HoldNight {
        room: "15".into(),
        guest: guest.into(),
        night: "2027-06-01".into(),
        cents: 12_000,
    };
    let nobody = BookingError::NoSuchGuest {
        guest: "eve".into(),
    };
    DecisionTest::new()
        .given::<Guest>("ada", ada)
        .when(hold_by("eve"))
        .then_rejected(nobody)
        .when(hold_by("ada"))
        .then::<Room>("15", held())
        .then_nothing_else();
}

#[tokio::test]
async fn a_booked_night_is_a_row() {
    ProjectionTest::new(Bookings)
        .given::<Room>("15", booked())
        .rows(
            "SELECT room, night, guest FROM bookings",
            &[values!["15", "2027-06-01", "ada"]],
        )
        .await;
}

#[tokio::test]
async fn a_payment_survives_every_crash() {
    let paid = SagaTest::<Payment>::new(|| Bank).when::<Room>("15", held());
    paid.run()
        .await
        .then_completed()
        .then::<Room>("15", booked())
        .then_nothing_else();
    paid.crash_matrix().await;

    let freed = Freed {
        night: "2027-06-01".into(),
    };
    let declined = paid.step("charge", [Scripted::Fatal("declined")]);
    declined
        .run()
        .await
        .then_compensated()
        .then::<Room>("15", freed)
        .then_nothing_else();
    declined.crash_matrix().await;
}
