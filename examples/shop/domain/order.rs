//! An order: placed, then paid, then shipped; or cancelled before it is shipped.

use super::{Cents, Currency, CustomerId, OrderId};
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape, events};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A customer placed an order.
///
/// The first release of the shop had neither a currency nor cents; its events are still read.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed", version = 3)]
pub struct OrderPlaced {
    pub customer: CustomerId,
    pub placed_on: Date,
    pub cds: u32,
    #[event(since = 2, default = "USD")]
    pub currency: Currency,
    #[event(was(name = "total", type = f64, with = cents_from_dollars, before = 3))]
    pub total_cents: Cents,
}

/// Exact: prices had two decimals, and the nearest cent is the one that was meant.
#[allow(
    clippy::cast_possible_truncation,
    reason = "no price comes near the end of i64"
)]
fn cents_from_dollars(dollars: f64) -> Cents {
    Cents((dollars * 100.0).round() as i64)
}

/// The customer paid the order in full.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.paid")]
pub struct OrderPaid {
    pub paid_on: Date,
    pub amount_cents: Cents,
}

/// The CDs left the house.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.shipped")]
pub struct OrderShipped {
    pub shipped_on: Date,
}

/// The order was cancelled.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.cancelled")]
pub struct OrderCancelled {
    pub cancelled_on: Date,
    pub reason: String,
}

/// The customer got the money of a cancelled order back.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.refunded")]
pub struct OrderRefunded {
    pub refunded_on: Date,
    pub amount_cents: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct PlaceOrder {
    pub customer: CustomerId,
    pub placed_on: Date,
    pub cds: u32,
    pub total: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct PayOrder {
    pub paid_on: Date,
    pub amount: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct ShipOrder {
    pub shipped_on: Date,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct CancelOrder {
    pub cancelled_on: Date,
    pub reason: String,
}

/// Nobody has paid in time. Only an order that waits for its money lapses.
#[derive(Deserialize, Shape, Clone, Debug)]
pub struct LapseOrder {
    pub lapsed_on: Date,
}

/// Why the shop says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order was already placed")]
    AlreadyPlaced,
    #[error("there is no such order")]
    NotPlaced,
    #[error("an order needs at least one CD")]
    NoCds,
    #[error("an order cannot cost less than nothing")]
    NegativeTotal,
    #[error("the order costs {due}, not {paid}")]
    WrongAmount { due: Cents, paid: Cents },
    #[error("the order is already paid")]
    AlreadyPaid,
    #[error("the order is not paid")]
    NotPaid,
    #[error("the order was shipped")]
    Shipped,
    #[error("the order was cancelled")]
    Cancelled,
}

/// An order with what its rules need to know.
#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("order", id = OrderId, error = OrderError)]
#[aggregate(events(
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderCancelled,
    ignore(OrderRefunded)
))]
#[aggregate(commands(PlaceOrder, PayOrder, ShipOrder, CancelOrder, LapseOrder))]
pub struct Order {
    progress: Progress,
    total: Cents,
}

#[derive(Default, Clone, Debug, PartialEq)]
enum Progress {
    #[default]
    Unknown,
    Placed,
    Paid,
    Shipped,
    Cancelled,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, event: &OrderPlaced) {
        self.progress = Progress::Placed;
        self.total = event.total_cents;
    }
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {
        self.progress = Progress::Paid;
    }
}

impl Apply<OrderShipped> for Order {
    fn apply(&mut self, _: &OrderShipped) {
        self.progress = Progress::Shipped;
    }
}

impl Apply<OrderCancelled> for Order {
    fn apply(&mut self, _: &OrderCancelled) {
        self.progress = Progress::Cancelled;
    }
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, command: PlaceOrder) -> Result<Events<Self>, OrderError> {
        if !matches!(self.progress, Progress::Unknown) {
            return Err(OrderError::AlreadyPlaced);
        }
        if command.cds == 0 {
            return Err(OrderError::NoCds);
        }
        if command.total < Cents::ZERO {
            return Err(OrderError::NegativeTotal);
        }
        Ok(OrderPlaced {
            customer: command.customer,
            placed_on: command.placed_on,
            cds: command.cds,
            currency: Currency::from("USD"),
            total_cents: command.total,
        }
        .into())
    }
}

impl Handle<PayOrder> for Order {
    fn handle(&self, command: PayOrder) -> Result<Events<Self>, OrderError> {
        match self.progress {
            Progress::Placed if command.amount == self.total => Ok(OrderPaid {
                paid_on: command.paid_on,
                amount_cents: command.amount,
            }
            .into()),
            Progress::Placed => Err(OrderError::WrongAmount {
                due: self.total,
                paid: command.amount,
            }),
            Progress::Paid | Progress::Shipped => Err(OrderError::AlreadyPaid),
            Progress::Unknown => Err(OrderError::NotPlaced),
            Progress::Cancelled => Err(OrderError::Cancelled),
        }
    }
}

impl Handle<ShipOrder> for Order {
    fn handle(&self, command: ShipOrder) -> Result<Events<Self>, OrderError> {
        match self.progress {
            Progress::Paid => Ok(OrderShipped {
                shipped_on: command.shipped_on,
            }
            .into()),
            Progress::Unknown => Err(OrderError::NotPlaced),
            Progress::Placed => Err(OrderError::NotPaid),
            Progress::Shipped => Err(OrderError::Shipped),
            Progress::Cancelled => Err(OrderError::Cancelled),
        }
    }
}

impl Handle<CancelOrder> for Order {
    fn handle(&self, command: CancelOrder) -> Result<Events<Self>, OrderError> {
        let cancelled = OrderCancelled {
            cancelled_on: command.cancelled_on,
            reason: command.reason,
        };
        match self.progress {
            Progress::Placed => Ok(cancelled.into()),
            Progress::Paid => Ok(events![
                cancelled,
                OrderRefunded {
                    refunded_on: command.cancelled_on,
                    amount_cents: self.total,
                },
            ]),
            Progress::Unknown => Err(OrderError::NotPlaced),
            Progress::Shipped => Err(OrderError::Shipped),
            // The customer and the saga of the order may both cancel it.
            Progress::Cancelled => Ok(Events::none()),
        }
    }
}

impl Handle<LapseOrder> for Order {
    fn handle(&self, command: LapseOrder) -> Result<Events<Self>, OrderError> {
        match self.progress {
            Progress::Placed => Ok(OrderCancelled {
                cancelled_on: command.lapsed_on,
                reason: "it was not paid in time".to_owned(),
            }
            .into()),
            Progress::Unknown => Err(OrderError::NotPlaced),
            Progress::Paid => Err(OrderError::AlreadyPaid),
            Progress::Shipped => Err(OrderError::Shipped),
            Progress::Cancelled => Err(OrderError::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::OrderSummaries;
    use es_testkit::{Scenario, given, given_nothing};
    use jiff::civil::date;

    es_schema_lock::schema_lock!(Order, "schema/order.lock");
    es_testkit::laws!(
        Order,
        commands(PlaceOrder, PayOrder, ShipOrder, CancelOrder, LapseOrder),
        lock("schema/order.lock"),
        projection(
            OrderSummaries,
            "SELECT * FROM order_summaries ORDER BY order_id"
        ),
    );

    const DAY: Date = date(1997, 1, 18);

    fn place() -> PlaceOrder {
        PlaceOrder {
            customer: CustomerId("00004".into()),
            placed_on: DAY,
            cds: 2,
            total: Cents(2973),
        }
    }

    fn placed() -> OrderPlaced {
        OrderPlaced {
            customer: CustomerId("00004".into()),
            placed_on: DAY,
            cds: 2,
            currency: Currency::from("USD"),
            total_cents: Cents(2973),
        }
    }

    fn paid() -> OrderPaid {
        OrderPaid {
            paid_on: DAY,
            amount_cents: Cents(2973),
        }
    }

    fn shipped() -> OrderShipped {
        OrderShipped { shipped_on: DAY }
    }

    fn cancelled() -> OrderCancelled {
        OrderCancelled {
            cancelled_on: DAY,
            reason: "changed my mind".into(),
        }
    }

    fn cancel() -> CancelOrder {
        CancelOrder {
            cancelled_on: DAY,
            reason: "changed my mind".into(),
        }
    }

    fn paid_order() -> Scenario<Order> {
        given(events![placed(), paid()])
    }

    #[test]
    fn an_order_is_placed_paid_and_shipped() {
        let pay = PayOrder {
            paid_on: DAY,
            amount: Cents(2973),
        };
        given_nothing::<Order>()
            .when(place())
            .then(placed())
            .when(pay)
            .then(paid())
            .when(ShipOrder { shipped_on: DAY })
            .then(shipped());
    }

    #[test]
    fn an_order_is_placed_once_with_cds_and_no_negative_total() {
        given::<Order>(placed())
            .when(place())
            .then_rejected(OrderError::AlreadyPlaced);
        let empty = PlaceOrder { cds: 0, ..place() };
        given_nothing::<Order>()
            .when(empty)
            .then_rejected(OrderError::NoCds);
        let negative = PlaceOrder {
            total: Cents(-1),
            ..place()
        };
        given_nothing::<Order>()
            .when(negative)
            .then_rejected(OrderError::NegativeTotal);
    }

    #[test]
    fn only_the_exact_amount_pays_an_order_and_only_once() {
        let pay = |cents| PayOrder {
            paid_on: DAY,
            amount: Cents(cents),
        };
        given::<Order>(placed())
            .when(pay(2972))
            .then_rejected(OrderError::WrongAmount {
                due: Cents(2973),
                paid: Cents(2972),
            });
        paid_order()
            .when(pay(2973))
            .then_rejected(OrderError::AlreadyPaid);
        given_nothing::<Order>()
            .when(pay(2973))
            .then_rejected(OrderError::NotPlaced);
    }

    #[test]
    fn an_unpaid_order_is_not_shipped() {
        let ship = ShipOrder { shipped_on: DAY };
        given::<Order>(placed())
            .when(ship.clone())
            .then_rejected(OrderError::NotPaid);
        given_nothing::<Order>()
            .when(ship.clone())
            .then_rejected(OrderError::NotPlaced);
        paid_order()
            .and(shipped())
            .when(ship)
            .then_rejected(OrderError::Shipped);
    }

    #[test]
    fn cancelling_a_paid_order_refunds_it() {
        given::<Order>(placed()).when(cancel()).then(cancelled());
        paid_order().when(cancel()).then(events![
            cancelled(),
            OrderRefunded {
                refunded_on: DAY,
                amount_cents: Cents(2973),
            },
        ]);
        paid_order()
            .and(shipped())
            .when(cancel())
            .then_rejected(OrderError::Shipped);
        given::<Order>(events![placed(), cancelled()])
            .when(cancel())
            .then_nothing();
        paid_order()
            .and(cancelled())
            .when(ShipOrder { shipped_on: DAY })
            .then_rejected(OrderError::Cancelled);
    }

    #[test]
    fn dollars_of_the_first_releases_become_exact_cents() {
        for cents in [0, 1, 29, 57, 1999, 2933, 2973, 113_713, 24_409_194] {
            let dollars: f64 = format!("{}.{:02}", cents / 100, cents % 100)
                .parse()
                .unwrap();
            assert_eq!(cents_from_dollars(dollars), Cents(cents));
        }
    }
}
