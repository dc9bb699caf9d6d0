//! The payment provider. This one takes no money: it stands where the client of a real one would.
//!
//! What it shares with a real one is the key: the same key is the same payment, however often it is sent. It needs no
//! memory for that, because the number of a payment is its key.

use crate::domain::Cents;
use es_sagas::{Fail, Key};
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Payments {
    /// How long it takes.
    pub delay: Duration,
}

impl Payments {
    /// Charges a card and returns the number of the payment.
    ///
    /// # Errors
    /// The card is declined (`tok_declined`), or the provider does not answer (`tok_lost`).
    pub async fn charge(&self, key: Key, card: &str, total: Cents) -> Result<String, Fail> {
        tokio::time::sleep(self.delay).await;
        match card {
            "tok_declined" => Err(Fail::fatal("the card was declined")),
            "tok_lost" => Err(Fail::transient("the payment provider does not answer")),
            _ if total <= Cents(0) => Err(Fail::fatal("there is nothing to pay")),
            _ => Ok(format!("pay-{key}")),
        }
    }

    /// Gives the money back. Of a payment that never was there is none, which is fine.
    ///
    /// A real provider also refuses a charge that comes later under this key: one that took too long may still be on its
    /// way, and its booking is released by then.
    ///
    /// # Errors
    /// None. A real provider may not answer, and is asked again.
    #[expect(clippy::unused_async, reason = "a real one is called over the network")]
    pub async fn refund(&self, _key: Key) -> Result<(), Fail> {
        Ok(())
    }
}
