//! A bank account. The JSON of an event is about 100 bytes.

use serde::{Deserialize, Serialize};
use std::{error::Error, fmt};

/// What happens to an account.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum BankEvent {
    /// It was opened.
    Opened {
        /// Whose it is.
        owner: String,
        /// Of what.
        currency: String,
        /// What for.
        reference: String,
        /// When, in milliseconds.
        at: i64,
    },
    /// Money came in.
    Deposited {
        /// How much.
        amount: i64,
        /// Of what.
        currency: String,
        /// What for.
        reference: String,
        /// When, in milliseconds.
        at: i64,
    },
    /// Money went out.
    Withdrawn {
        /// How much.
        amount: i64,
        /// Of what.
        currency: String,
        /// What for.
        reference: String,
        /// When, in milliseconds.
        at: i64,
    },
}

impl BankEvent {
    /// The first event of an account has the number 0. Every fourth takes money out.
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        let reference = format!("transfer-{number:020}");
        let currency = "EUR".to_owned();
        let at = 1_700_000_000_000 + number.cast_signed();
        if number == 0 {
            let owner = "Ada Lovelace".to_owned();
            Self::Opened {
                owner,
                currency,
                reference,
                at,
            }
        } else if number % 4 == 3 {
            let amount = 10 + (number % 90).cast_signed();
            Self::Withdrawn {
                amount,
                currency,
                reference,
                at,
            }
        } else {
            let amount = 1_000 + (number % 9_000).cast_signed();
            Self::Deposited {
                amount,
                currency,
                reference,
                at,
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "Opened",
            Self::Deposited { .. } => "Deposited",
            Self::Withdrawn { .. } => "Withdrawn",
        }
    }
}

/// The first so many events of an account.
pub fn history(events: u64) -> impl Iterator<Item = BankEvent> {
    (0..events).map(BankEvent::numbered)
}

/// So many deposits, which an append without a history consists of.
pub fn deposits(events: u64) -> impl Iterator<Item = BankEvent> {
    (0..events).map(|number| BankEvent::numbered(number * 4 + 1))
}

/// The state of an account.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub owner: String,
    /// The money.
    pub balance: i64,
    /// How many events it had.
    pub events: u64,
    /// When the last one was.
    pub last_at: i64,
}

impl Account {
    /// It was opened.
    pub fn opened(&mut self, owner: &str, at: i64) {
        owner.clone_into(&mut self.owner);
        self.changed(0, at);
    }

    /// Money came in, or went out where the amount is negative.
    pub fn changed(&mut self, amount: i64, at: i64) {
        self.balance += amount;
        self.last_at = at;
        self.events += 1;
    }

    /// Any of the three.
    pub fn apply(&mut self, event: &BankEvent) {
        match event {
            BankEvent::Opened { owner, at, .. } => self.opened(owner, *at),
            BankEvent::Deposited { amount, at, .. } => self.changed(*amount, *at),
            BankEvent::Withdrawn { amount, at, .. } => self.changed(-amount, *at),
        }
    }
}

/// What one can ask of an account.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Open it.
    Open,
    /// Pay in.
    Deposit(u64),
}

/// There is no such account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOpen;

impl fmt::Display for NotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not open")
    }
}

impl Error for NotOpen {}

/// The event that a command ends in.
///
/// # Errors
/// [`NotOpen`].
pub fn decide(account: &Account, command: Command) -> Result<BankEvent, NotOpen> {
    match command {
        Command::Open => Ok(BankEvent::numbered(0)),
        Command::Deposit(_) if account.events == 0 => Err(NotOpen),
        Command::Deposit(number) => Ok(BankEvent::numbered(number * 4 + 1)),
    }
}
