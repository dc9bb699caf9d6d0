//! The process manager of an order from the web: what was shipped is credited to the customer, what
//! nobody has paid after two weeks lapses.

use super::fulfil::WEB;
use crate::domain::{
    Cents, CustomerId, OrderId,
    customer::{Credit, Customer},
    order::{LapseOrder, Order, OrderCancelled, OrderPlaced, OrderShipped},
};
use es_runtime::{Aggregate, Apply, Envelope, Event};
use es_sagas::{OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

const DAYS: i64 = 14;
const LAPSES_AFTER: Duration = Duration::from_secs(DAYS.unsigned_abs() * 24 * 3600);

/// An order waits to be settled.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("settlement.opened")]
pub struct SettlementOpened {
    pub order: OrderId,
    pub customer: CustomerId,
    pub total_cents: Cents,
    pub lapses_on: Date,
}

#[derive(Aggregate, ProcessManager, Default, Clone, Debug, PartialEq)]
#[aggregate("settlement", id = OrderId, error = Infallible, events(SettlementOpened))]
#[process_manager(
    reacts(OrderPlaced, OrderShipped, OrderCancelled),
    sends(Customer::{Credit}, Order::{LapseOrder}),
    timers,
    rejections
)]
pub struct Settlement {
    opened: Option<SettlementOpened>,
}

impl Apply<SettlementOpened> for Settlement {
    fn apply(&mut self, event: &SettlementOpened) {
        self.opened = Some(event.clone());
    }
}

/// The order, when it is one from the web.
fn web<E>(event: &Envelope<E>) -> Option<OrderId> {
    let id = event.stream.id();
    id.starts_with(WEB).then(|| OrderId(id.to_owned()))
}

impl ReactTo<OrderPlaced> for Settlement {
    fn correlate(placed: &Envelope<OrderPlaced>) -> Option<OrderId> {
        web(placed)
    }

    fn react(&self, placed: &Envelope<OrderPlaced>) -> Reactions<Self> {
        let OrderPlaced {
            customer,
            placed_on,
            total_cents,
            ..
        } = &placed.event;
        let opened = SettlementOpened {
            order: OrderId(placed.stream.id().to_owned()),
            customer: customer.clone(),
            total_cents: *total_cents,
            lapses_on: placed_on.saturating_add(DAYS.days()),
        };
        Reactions::none().event(opened).timer("lapse", LAPSES_AFTER)
    }
}

impl ReactTo<OrderShipped> for Settlement {
    fn correlate(shipped: &Envelope<OrderShipped>) -> Option<OrderId> {
        web(shipped)
    }

    fn react(&self, _: &Envelope<OrderShipped>) -> Reactions<Self> {
        let Some(opened) = &self.opened else {
            // It was placed before settlements began.
            return Reactions::none().end();
        };
        let credit = Credit {
            order: opened.order.clone(),
            amount: opened.total_cents,
        };
        Reactions::none()
            .command::<Customer, _>(&opened.customer, credit)
            .end()
    }
}

impl ReactTo<OrderCancelled> for Settlement {
    fn correlate(cancelled: &Envelope<OrderCancelled>) -> Option<OrderId> {
        web(cancelled)
    }

    fn react(&self, _: &Envelope<OrderCancelled>) -> Reactions<Self> {
        Reactions::none().end()
    }
}

impl OnTimer for Settlement {
    fn timer(&self, _: &str) -> Reactions<Self> {
        let Some(opened) = &self.opened else {
            return Reactions::none();
        };
        let lapse = LapseOrder {
            lapsed_on: opened.lapses_on,
        };
        // The order's saga gets the event, and takes back what it did.
        Reactions::none().command::<Order, _>(&opened.order, lapse)
    }
}

/// The order was paid, or nobody knows the customer: there is nothing to lapse, or to credit.
impl OnRejected for Settlement {
    fn rejected(&self, _: &Rejected) -> Reactions<Self> {
        Reactions::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Currency, customer::CustomerEvent, order::OrderPaid};
    use es_testkit::saga::ProcessTest;
    use jiff::civil::date;

    es_schema_lock::schema_lock!(Settlement, "schema/settlement.lock");
    es_testkit::laws!(Settlement, lock("schema/settlement.lock"));

    const DAY: Date = date(2026, 11, 25);

    fn order() -> OrderId {
        OrderId("web-1".into())
    }

    fn ada() -> CustomerId {
        CustomerId("ada".into())
    }

    fn placed() -> OrderPlaced {
        OrderPlaced {
            customer: ada(),
            placed_on: DAY,
            cds: 1,
            currency: Currency::from("USD"),
            total_cents: Cents(1_449),
        }
    }

    fn paid() -> OrderPaid {
        OrderPaid {
            paid_on: DAY,
            amount_cents: Cents(1_449),
        }
    }

    fn open() -> ProcessTest<Settlement> {
        ProcessTest::new()
            .given::<Customer>(&ada(), CustomerEvent::Registered { on: DAY })
            .given::<Order>(&order(), placed())
    }

    #[tokio::test]
    async fn what_was_shipped_is_credited_once() {
        let shipped = open()
            .given::<Order>(&order(), paid())
            .when::<Order>(&order(), OrderShipped { shipped_on: DAY });
        let credited = CustomerEvent::Credited {
            order: order(),
            cents: Cents(1_449),
        };
        shipped
            .run()
            .await
            .then_command::<Customer>(&ada(), credited)
            .then_ended()
            .then_nothing_else();
        shipped.crash_matrix().await;
    }

    #[tokio::test]
    async fn what_is_not_paid_in_two_weeks_lapses() {
        let lease_expired = open().when_time(LAPSES_AFTER);
        let cancelled = OrderCancelled {
            cancelled_on: date(2026, 12, 9),
            reason: "it was not paid in time".to_owned(),
        };
        lease_expired
            .run()
            .await
            .then_command::<Order>(&order(), cancelled)
            .then_ended()
            .then_nothing_else();
        lease_expired.crash_matrix().await;
    }

    #[tokio::test]
    async fn what_was_paid_does_not_lapse() {
        let waits = open().given::<Order>(&order(), paid());
        waits
            .when_time(LAPSES_AFTER)
            .run()
            .await
            .then_rejected("already paid")
            .then_nothing_else();
    }

    #[tokio::test]
    async fn orders_over_the_counter_are_none_of_its_concern() {
        let counter = OrderId("00004-19970101-2-2933".into());
        let test = ProcessTest::<Settlement>::new().when::<Order>(&counter, placed());
        test.run().await.then_nothing_else();
    }
}
