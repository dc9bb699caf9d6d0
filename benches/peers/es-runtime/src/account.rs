//! The account as an aggregate of es-runtime.

use bench_common::{BankEvent, NotOpen, decide};
use es_runtime::{Aggregate, Apply, Events, Handle};
use serde::{Deserialize, Serialize};

/// What happens to an account.
#[derive(es_runtime::Event, Serialize, Deserialize, Clone, Debug)]
pub(crate) enum Event {
    #[event("account.opened")]
    Opened {
        owner: String,
        currency: String,
        reference: String,
        at: i64,
    },
    #[event("account.deposited")]
    Deposited {
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
    #[event("account.withdrawn")]
    Withdrawn {
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
}

impl From<BankEvent> for Event {
    fn from(event: BankEvent) -> Self {
        match event {
            BankEvent::Opened {
                owner,
                currency,
                reference,
                at,
            } => Self::Opened {
                owner,
                currency,
                reference,
                at,
            },
            BankEvent::Deposited {
                amount,
                currency,
                reference,
                at,
            } => Self::Deposited {
                amount,
                currency,
                reference,
                at,
            },
            BankEvent::Withdrawn {
                amount,
                currency,
                reference,
                at,
            } => Self::Withdrawn {
                amount,
                currency,
                reference,
                at,
            },
        }
    }
}

/// The JSON of an event, which is that of its variant alone.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Payload<'a> {
    Opened {
        owner: &'a str,
        currency: &'a str,
        reference: &'a str,
        at: i64,
    },
    Moved {
        amount: i64,
        currency: &'a str,
        reference: &'a str,
        at: i64,
    },
}

impl Event {
    pub(crate) fn stored_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "account.opened",
            Self::Deposited { .. } => "account.deposited",
            Self::Withdrawn { .. } => "account.withdrawn",
        }
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        match self {
            Self::Opened {
                owner,
                currency,
                reference,
                at,
            } => Payload::Opened {
                owner,
                currency,
                reference,
                at: *at,
            },
            Self::Deposited {
                amount,
                currency,
                reference,
                at,
            }
            | Self::Withdrawn {
                amount,
                currency,
                reference,
                at,
            } => Payload::Moved {
                amount: *amount,
                currency,
                reference,
                at: *at,
            },
        }
    }
}

#[derive(Clone)]
pub(crate) struct Open;

#[derive(Clone)]
pub(crate) struct Deposit(pub(crate) u64);

/// An account. `facts` is the state that every library of the comparison has.
#[derive(Aggregate, Clone, Default, PartialEq, Serialize, Deserialize)]
#[aggregate("account", id = String, error = NotOpen, events = Event)]
#[aggregate(snapshot(every = 100))]
pub(crate) struct Account {
    pub(crate) facts: bench_common::Account,
}

impl Apply<Event> for Account {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Opened { owner, at, .. } => self.facts.opened(owner, *at),
            Event::Deposited { amount, at, .. } => self.facts.changed(*amount, *at),
            Event::Withdrawn { amount, at, .. } => self.facts.changed(-amount, *at),
        }
    }
}

impl Handle<Open> for Account {
    fn handle(&self, _: Open) -> Result<Events<Self>, NotOpen> {
        let event = decide(&self.facts, bench_common::Command::Open)?;
        Ok(Event::from(event).into())
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, Deposit(number): Deposit) -> Result<Events<Self>, NotOpen> {
        let event = decide(&self.facts, bench_common::Command::Deposit(number))?;
        Ok(Event::from(event).into())
    }
}
