//! Who holds a night pays for it. Then the night is booked. Otherwise it is freed.

use super::room::{Confirm, Free, Held, Room};
use es_runtime::Envelope;
use es_sagas::{AggregateCommand, Effect, Fail, Key, Start, StepCx, saga};
use serde::{Deserialize, Serialize};

/// The client of the payment provider. This one declines the card of bob.
pub struct Bank;

impl Bank {
    async fn charge(&self, key: Key, guest: &str, cents: u64) -> Result<String, Fail> {
        if guest == "bob" {
            return Err(Fail::fatal("the card was declined"));
        }
        println!("charged {guest} {cents} cents");
        Ok(format!("receipt {key}"))
    }

    async fn refund(&self, key: Key) -> Result<(), Fail> {
        println!("refunded {key}");
        Ok(())
    }
}

/// What the steps need to know.
#[derive(Serialize, Deserialize)]
pub struct Payment {
    pub room: String,
    pub night: String,
    pub guest: String,
    pub cents: u64,
}

#[saga("payment", version = 1, deps = Bank, deadline = "15m")]
impl Payment {
    /// Each hold starts a saga, with the id of the event.
    #[start]
    fn held(held: &Envelope<Held>) -> Option<Start<Self>> {
        let payment = Self {
            room: held.stream.id().to_owned(),
            night: held.event.night.clone(),
            guest: held.event.guest.clone(),
            cents: held.event.cents,
        };
        Some(Start::new(held.event_id, payment))
    }

    #[step(undo = refund)]
    async fn charge(&self, bank: &Bank, cx: &StepCx) -> Result<String, Fail> {
        bank.charge(cx.key(), &self.guest, self.cents).await
    }

    #[undo]
    async fn refund(&self, bank: &Bank, did: Effect<&String>) -> Result<(), Fail> {
        bank.refund(did.key()).await
    }

    #[command(pivot)]
    fn confirm(&self) -> AggregateCommand {
        let (night, guest) = (self.night.clone(), self.guest.clone());
        AggregateCommand::new::<Room, _>(&self.room, Confirm { night, guest })
    }

    #[compensated]
    fn free(&self) -> AggregateCommand {
        let (night, guest) = (self.night.clone(), self.guest.clone());
        AggregateCommand::new::<Room, _>(&self.room, Free { night, guest })
    }
}
