//! The saga of an order from the web: charge, reserve, schedule, then the order is paid, and shipped;
//! or everything is taken back and the order is cancelled.

use super::services::Services;
use crate::domain::{
    Cents, OrderId,
    order::{CancelOrder, Order, OrderCancelled, OrderPlaced, PayOrder, ShipOrder},
};
use es_runtime::Envelope;
use es_sagas::{CommandTo, Effect, Fail, Failure, Start, StepCx, saga};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Orders with other ids were sold over the counter.
pub const WEB: &str = "web-";

/// What is fulfilled.
#[derive(Serialize, Deserialize)]
pub struct FulfilOrder {
    order: OrderId,
    total: Cents,
    cds: u32,
    on: Date,
}

#[saga("fulfil-order", version = 1, deps = Services, deadline = "2h", timeout = "5s",
       retry(attempts = 10, first = "20ms", max = "1s"),
       undo_retry(attempts = 100, first = "20ms", max = "1s"))]
impl FulfilOrder {
    #[start]
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        let id = placed.stream.id();
        let placed = &placed.event;
        id.starts_with(WEB).then(|| {
            let saga = Self {
                order: OrderId(id.to_owned()),
                total: placed.total_cents,
                cds: placed.cds,
                on: placed.placed_on,
            };
            Start::new(id, saga)
        })
    }

    #[cancel]
    fn cancelled(cancelled: &Envelope<OrderCancelled>) -> Option<String> {
        let id = cancelled.stream.id();
        id.starts_with(WEB).then(|| id.to_owned())
    }

    #[step(undo = refund)]
    async fn charge(&self, services: &Services, cx: &StepCx) -> Result<String, Fail> {
        services.payment.act(cx.key(), self.total.0).await
    }

    #[undo]
    async fn refund(
        &self,
        services: &Services,
        cx: &StepCx,
        did: Effect<&String>,
    ) -> Result<(), Fail> {
        services.payment.undo(cx.key(), did.key()).await
    }

    #[step(undo = release)]
    async fn reserve(&self, services: &Services, cx: &StepCx) -> Result<String, Fail> {
        services.inventory.act(cx.key(), self.cds.into()).await
    }

    #[undo]
    async fn release(
        &self,
        services: &Services,
        cx: &StepCx,
        did: Effect<&String>,
    ) -> Result<(), Fail> {
        services.inventory.undo(cx.key(), did.key()).await
    }

    #[step(undo = unschedule)]
    async fn schedule(
        &self,
        services: &Services,
        cx: &StepCx,
        reserve: &String,
    ) -> Result<String, Fail> {
        let parcel = services.shipping.act(cx.key(), 1).await?;
        Ok(format!("{parcel} out of {reserve}"))
    }

    #[undo]
    async fn unschedule(
        &self,
        services: &Services,
        cx: &StepCx,
        did: Effect<&String>,
    ) -> Result<(), Fail> {
        services.shipping.undo(cx.key(), did.key()).await
    }

    /// An order that was cancelled before says no, and all is undone. `give_up` cancels a paid one.
    #[command(no_undo)]
    fn pay(&self) -> CommandTo<Order, PayOrder> {
        let pay = PayOrder {
            paid_on: self.on,
            amount: self.total,
        };
        CommandTo::new(&self.order, pay)
    }

    /// A paid order can be cancelled until it is shipped. From here on the money is ours.
    #[command(pivot)]
    fn ship(&self) -> CommandTo<Order, ShipOrder> {
        let ship = ShipOrder {
            shipped_on: self.on,
        };
        CommandTo::new(&self.order, ship)
    }

    #[compensated]
    fn give_up(&self, why: &Failure) -> CommandTo<Order, CancelOrder> {
        let cancel = CancelOrder {
            cancelled_on: self.on,
            reason: why.message.clone(),
        };
        CommandTo::new(&self.order, cancel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_sagas::Saga;

    #[test]
    fn running_sagas_depend_on_this_definition() {
        let definition = FulfilOrder::definition();
        assert_eq!(definition.check(), Ok(()));
        assert_eq!(definition.fingerprint(), "1:b5cbebf3b41a5a9a");
    }
}
