//! What must hold in the rows, by arithmetic on them alone: no type of the program has a say.

use crate::{
    load::Answered,
    running::{Place, Row, until},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How often what happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub held: usize,
    pub confirmed: usize,
    pub released: usize,
}

#[derive(Default)]
struct Booking {
    card: Option<String>,
    nights: Vec<String>,
    ended: Option<String>,
}

fn nights(payload: &Value) -> Result<Vec<String>, String> {
    let nights = payload["nights"].as_array().ok_or("no nights")?;
    let night = |night: &Value| night.as_str().map(str::to_owned).ok_or("no night");
    Ok(nights.iter().map(night).collect::<Result<_, _>>()?)
}

/// Compares the rows with the answers that clients got: the ids of their bookings. `Err` says what is lost or doubled.
pub fn audit(rows: &[Row], answered: &Answered) -> Result<Seen, String> {
    let mut bookings: BTreeMap<&str, Booking> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut seen = Seen::default();
    for (id, event, payload) in rows {
        let payload: Value = serde_json::from_str(payload).map_err(|error| error.to_string())?;
        let is_known = bookings.contains_key(id.as_str());
        let booking = bookings.entry(id).or_default();
        match event.as_str() {
            "booking.held" if is_known => return Err(format!("{id} is held twice")),
            "booking.held" => {
                booking.card = payload["card"].as_str().map(str::to_owned);
                booking.nights = nights(&payload)?;
                seen.held += 1;
                for night in &booking.nights {
                    if !taken.insert(night.clone()) {
                        return Err(format!("{night} is booked twice, the second time by {id}"));
                    }
                }
            }
            ended => {
                if let Some(before) = booking.ended.replace(ended.to_owned()) {
                    return Err(format!("{id} is ended twice, by {before} and {ended}"));
                }
                match ended {
                    "booking.confirmed" => seen.confirmed += 1,
                    "booking.released" => {
                        seen.released += 1;
                        for night in nights(&payload)? {
                            if !taken.remove(&night) {
                                return Err(format!("{id} releases {night}, which nobody had"));
                            }
                        }
                    }
                    other => return Err(format!("{id} has {other}")),
                }
            }
        }
    }
    for (id, booking) in &bookings {
        let expected = match booking.card.as_deref() {
            Some("tok_visa") => Some("booking.confirmed"),
            Some(_) => Some("booking.released"),
            None => None,
        };
        if booking.ended.as_deref() != expected {
            return Err(format!(
                "{id} with {:?} ended as {:?}",
                booking.card, booking.ended
            ));
        }
    }
    let stored: BTreeSet<&str> = bookings.keys().copied().collect();
    let answered: BTreeSet<&str> = answered.booked.iter().map(String::as_str).collect();
    if let Some(lost) = answered.difference(&stored).next() {
        return Err(format!("{lost} was promised and is lost"));
    }
    if let Some(more) = stored.difference(&answered).next() {
        return Err(format!("{more} is there, and nobody knows of it"));
    }
    Ok(seen)
}

/// The rows, once every booking that is paid by card has ended.
pub fn settled(place: &Place) -> Vec<Row> {
    until("a payment does not end", || {
        let rows = place.bookings();
        is_settled(&rows).then_some(rows)
    })
}

fn is_settled(rows: &[Row]) -> bool {
    let mut open = BTreeSet::new();
    for (id, event, payload) in rows {
        if event != "booking.held" {
            open.remove(id);
        } else if !payload.contains("\"card\":null") {
            open.insert(id);
        }
    }
    open.is_empty()
}
