//! What es-runtime does with an event before it is stored and after it was read.

use bench_common::{Account, BankEvent, Command, NotOpen, decide};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    hint::black_box,
    sync::{Arc, Mutex},
    time::SystemTime,
};
use uuid::Uuid;

/// The states of accounts, kept between commands.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<Mutex<HashMap<String, Account>>>);

impl States {
    pub(crate) fn take(states: Option<&Self>, id: &str) -> Option<Account> {
        states?.0.lock().unwrap().remove(id)
    }

    pub(crate) fn keep(states: Option<&Self>, id: String, account: Account) {
        match states {
            Some(states) => drop(states.0.lock().unwrap().insert(id, account)),
            None => drop(black_box(account)),
        }
    }
}

/// An event on its way into a store.
pub(crate) struct New {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) payload: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    owner: String,
    currency: String,
    reference: String,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct Moved {
    amount: i64,
    currency: String,
    reference: String,
    at: i64,
}

impl New {
    /// The name is a column, so the payload does not have it.
    pub(crate) fn of(event: BankEvent) -> Self {
        let (name, payload) = match event {
            BankEvent::Opened {
                owner,
                currency,
                reference,
                at,
            } => {
                let opened = Opened {
                    owner,
                    currency,
                    reference,
                    at,
                };
                ("account.opened", serde_json::to_vec(&opened))
            }
            BankEvent::Deposited {
                amount,
                currency,
                reference,
                at,
            } => {
                let moved = Moved {
                    amount,
                    currency,
                    reference,
                    at,
                };
                ("account.deposited", serde_json::to_vec(&moved))
            }
            BankEvent::Withdrawn {
                amount,
                currency,
                reference,
                at,
            } => {
                let moved = Moved {
                    amount,
                    currency,
                    reference,
                    at,
                };
                ("account.withdrawn", serde_json::to_vec(&moved))
            }
        };
        Self {
            id: Uuid::now_v7(),
            name,
            payload: payload.unwrap(),
        }
    }
}

/// Reads an event by its name.
pub(crate) fn read(name: &str, payload: &[u8]) -> BankEvent {
    match name {
        "account.opened" => {
            let Opened {
                owner,
                currency,
                reference,
                at,
            } = serde_json::from_slice(payload).unwrap();
            BankEvent::Opened {
                owner,
                currency,
                reference,
                at,
            }
        }
        "account.deposited" | "account.withdrawn" => {
            let Moved {
                amount,
                currency,
                reference,
                at,
            } = serde_json::from_slice(payload).unwrap();
            if name == "account.deposited" {
                BankEvent::Deposited {
                    amount,
                    currency,
                    reference,
                    at,
                }
            } else {
                BankEvent::Withdrawn {
                    amount,
                    currency,
                    reference,
                    at,
                }
            }
        }
        other => panic!("no event {other}"),
    }
}

/// Decides, and proves before the write that the event can be read and applied.
pub(crate) fn decide_and_prove(account: &mut Account, command: Command) -> Result<New, NotOpen> {
    let new = New::of(decide(account, command)?);
    account.apply(&read(new.name, &new.payload));
    Ok(new)
}

/// Adds a stored event to the state, and checks that none is missing.
pub(crate) fn fold(account: &mut Account, version: i64, name: &str, payload: &[u8]) {
    assert_eq!(version.cast_unsigned(), account.events + 1);
    account.apply(&read(name, payload));
}

pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// What a feed hands out, owned.
#[allow(dead_code, reason = "a consumer would read them")]
pub(crate) struct Envelope {
    pub(crate) position: i64,
    pub(crate) aggregate: String,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) schema_version: i64,
    pub(crate) event_id: Uuid,
    pub(crate) metadata: String,
    pub(crate) recorded_at: SystemTime,
    pub(crate) content_type: String,
    pub(crate) payload: Vec<u8>,
}
