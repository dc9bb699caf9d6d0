//! Credit that is moved by a saga: it is taken in one commit and given in another one, or given back.

use crate::transfers::{Account, Deposit, Overdrawn, Withdraw};
use es_runtime::{Aggregate, Envelope, Event, Events, Handle, command::AggregateCommand};
use es_sagas::{Start, saga};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// So much an account takes by a saga. Above that the credit goes back.
const LIMIT: u64 = 350;

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("credit.asked")]
pub(super) struct CreditAsked {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) cents: u64,
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("credit", id = String, error = Infallible, events(ignore(CreditAsked)))]
pub(super) struct Credit {}

impl Handle<CreditAsked> for Credit {
    fn handle(&self, asked: CreditAsked) -> Result<Events<Self>, Infallible> {
        Ok(asked.into())
    }
}

/// A deposit that an account with much money rejects.
#[derive(Clone)]
struct Receive {
    cents: u64,
    transfer: String,
}

impl Handle<Receive> for Account {
    fn handle(&self, receive: Receive) -> Result<Events<Self>, Overdrawn> {
        if self.cents + receive.cents > LIMIT {
            return Err(Overdrawn);
        }
        let Receive { cents, transfer } = receive;
        self.handle(Deposit { cents, transfer })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct MoveCredit {
    name: String,
    from: String,
    to: String,
    cents: u64,
}

#[saga("move-credit", version = 1)]
impl MoveCredit {
    #[start]
    fn asked(asked: &Envelope<CreditAsked>) -> Option<Start<Self>> {
        let name = asked.stream.id().to_owned();
        let CreditAsked { from, to, cents } = asked.event.clone();
        let id = name.clone();
        Some(Start::new(
            id,
            Self {
                name,
                from,
                to,
                cents,
            },
        ))
    }

    #[command(undo = give_back)]
    fn take(&self) -> AggregateCommand {
        let withdraw = Withdraw {
            cents: self.cents,
            transfer: self.name.clone(),
        };
        AggregateCommand::new::<Account, _>(&self.from, withdraw)
    }

    #[undo]
    fn give_back(&self) -> AggregateCommand {
        let deposit = Deposit {
            cents: self.cents,
            transfer: self.name.clone(),
        };
        AggregateCommand::new::<Account, _>(&self.from, deposit)
    }

    #[command(pivot)]
    fn give(&self) -> AggregateCommand {
        let receive = Receive {
            cents: self.cents,
            transfer: self.name.clone(),
        };
        AggregateCommand::new::<Account, _>(&self.to, receive)
    }
}
