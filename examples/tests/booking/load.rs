//! Guests who book at the same time, whose connections break, and who send a request again until they know what became of
//! it.

use crate::{
    http::{Answer, Request},
    requests::{hold, open_room, register},
};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Where the server listens now.
pub type Address<'a> = &'a (dyn Fn() -> SocketAddr + Sync);

/// The answers that guests got.
#[derive(Debug, Default)]
pub struct Answered {
    /// The ids of their bookings.
    pub booked: Vec<String>,
    /// How often the room was taken.
    pub rejected: usize,
    /// How often a request was sent again.
    pub repeated: usize,
}

pub struct Load {
    pub guests: usize,
    pub bookings: usize,
    pub rooms: usize,
    pub nights: usize,
}

const CARDS: [Option<&str>; 5] = [
    Some("tok_visa"),
    Some("tok_visa"),
    Some("tok_visa"),
    Some("tok_declined"),
    None,
];

impl Load {
    /// Rooms that can be booked.
    pub fn open_rooms(&self, server: SocketAddr) {
        for room in 0..self.rooms {
            open_room(server, room);
        }
    }

    /// All guests at once. `progress` counts the answers.
    pub fn run(&self, server: Address<'_>, progress: &AtomicUsize) -> Answered {
        thread::scope(|scope| {
            let guest = |number| scope.spawn(move || self.guest(server, number, progress));
            let guests: Vec<_> = (0..self.guests).map(guest).collect();
            let mut answered = Answered::default();
            for guest in guests {
                let guest = guest.join().expect("no panic");
                answered.booked.extend(guest.booked);
                answered.rejected += guest.rejected;
                answered.repeated += guest.repeated;
            }
            answered
        })
    }

    fn guest(&self, server: Address<'_>, number: usize, progress: &AtomicUsize) -> Answered {
        let mut answered = Answered::default();
        let register = register(&format!("guest-{number}@example.com"));
        let registered = insist(
            server,
            &register.key(&format!("guest-{number}")),
            &mut answered,
        );
        assert_eq!(registered.status, 201, "{registered:?}");
        let guest = id_of(&registered);
        for booking in 0..self.bookings {
            let night = fastrand::usize(..self.nights);
            let stay = hold(
                &guest,
                &fastrand::usize(..self.rooms).to_string(),
                &format!("2027-{:02}-{:02}", 1 + night / 28, 1 + night % 28),
                fastrand::u8(1..4),
                CARDS[booking % CARDS.len()],
            );
            let held = insist(
                server,
                &stay.key(&format!("booking-{booking}-of-{number}")),
                &mut answered,
            );
            match held.status {
                201 => answered.booked.push(id_of(&held)),
                409 => {
                    assert_eq!(held.problem(), "room-taken");
                    answered.rejected += 1;
                }
                _ => panic!("{held:?}"),
            }
            progress.fetch_add(1, Ordering::Relaxed);
        }
        answered
    }
}

/// The id of what a request made.
pub fn id_of(answer: &Answer) -> String {
    let location = answer
        .header("location")
        .unwrap_or_else(|| panic!("{answer:?}"));
    location.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Sends a request, also when the server is down, until there is an answer that is one. Some answers get lost.
fn insist(server: Address<'_>, request: &Request, answered: &mut Answered) -> Answer {
    let start = Instant::now();
    loop {
        // The first answer of all is lost.
        let is_first = answered.repeated == 0;
        let chance = if is_first { 1 } else { fastrand::u8(..6) };
        match chance {
            // The connection breaks before the answer. Whether the request arrived is not known.
            0 => drop(request.send_to(server(), "1.1")),
            // The answer is lost on its way.
            1 => drop(request.to(server())),
            _ => match request.to(server()) {
                Ok(answer) if answer.status < 500 && answer.header("retry-after").is_none() => {
                    return answer;
                }
                Ok(_) => {}
                Err(_) => thread::sleep(Duration::from_millis(5)),
            },
        }
        answered.repeated += 1;
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "no answer to {request:?}"
        );
    }
}
