//! The saga of a booking that is paid by card: charge, then confirm. A payment that is declined, or does not come in
//! time, gives the nights back, and the money too if it was taken after all.

use crate::{
    domain::{
        BookingId, Cents,
        booking::{Booking, BookingHeld, BookingReleased, Confirm, Release},
    },
    payments::Payments,
};
use es_runtime::Envelope;
use es_sagas::{AggregateCommand, Effect, Fail, Failure, Start, StepCx, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Checkout {
    booking: BookingId,
    total: Cents,
    card: String,
}

#[saga("checkout", version = 1, deps = Payments, deadline = "15m", timeout = "10s",
       retry(attempts = 4, first = "100ms", max = "2s"),
       undo_retry(attempts = 100, first = "100ms", max = "1m"))]
impl Checkout {
    #[start(aggregate = Booking)]
    fn held(held: &Envelope<BookingHeld>) -> Option<Start<Self>> {
        // Who has no card pays at the desk.
        let card = held.event.card.clone()?;
        let booking = held.id::<Booking>().ok()?;
        let total = held.event.total_cents;
        Some(Start::new(
            held.stream.id(),
            Self {
                booking,
                total,
                card,
            },
        ))
    }

    /// The guest cancelled.
    #[cancel(aggregate = Booking)]
    fn released(released: &Envelope<BookingReleased>) -> Option<String> {
        Some(released.stream.id().to_owned())
    }

    #[step(undo = refund)]
    async fn charge(&self, payments: &Payments, cx: &StepCx) -> Result<String, Fail> {
        payments.charge(cx.key(), &self.card, self.total).await
    }

    #[undo]
    async fn refund(&self, payments: &Payments, did: Effect<&String>) -> Result<(), Fail> {
        payments.refund(did.key()).await
    }

    /// From here on the room is the guest's. A booking that was released meanwhile says no, and the money goes back.
    #[command(pivot)]
    fn confirm(&self, charge: &str) -> AggregateCommand {
        let payment = charge.to_owned();
        AggregateCommand::new::<Booking, _>(&self.booking, Confirm { payment })
    }

    #[compensated]
    fn release(&self, why: &Failure) -> AggregateCommand {
        let reason = why.message.clone();
        AggregateCommand::new::<Booking, _>(&self.booking, Release { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        GuestId, RoomId,
        booking::{BookingConfirmed, Cancel, Hold, Stage},
    };
    use es_runtime::{AnyStore, Events, Repository, events};
    use es_sagas::{Interceptor, Phase, Saga, Sagas, StepCall};
    use es_testkit::{
        VirtualClock,
        saga::{SagaTest, Scripted},
    };
    use std::sync::{Arc, Mutex};

    fn id() -> BookingId {
        BookingId("b1".to_owned())
    }

    fn held(card: &str) -> BookingHeld {
        BookingHeld {
            guest: GuestId("ada".to_owned()),
            room: RoomId("101".to_owned()),
            nights: Vec::new(),
            total_cents: Cents(9_900),
            card: Some(card.to_owned()),
        }
    }

    fn released(reason: &str) -> BookingReleased {
        BookingReleased {
            nights: Vec::new(),
            reason: reason.to_owned(),
        }
    }

    fn pays_with(card: &str) -> SagaTest<Checkout> {
        SagaTest::new(Payments::default).when::<Booking>(id(), held(card))
    }

    #[tokio::test]
    async fn what_is_paid_is_confirmed_wherever_the_process_dies() {
        let paid = pays_with("tok_visa");
        let ended = paid.run().await.then_completed();
        let payment = format!("pay-{}", ended.ledger.calls()[0].key);
        ended
            .then::<Booking>(id(), BookingConfirmed { payment })
            .then_nothing_else();
        paid.crash_matrix().await;
    }

    #[tokio::test]
    async fn the_nights_of_a_declined_card_are_free_again() {
        pays_with("tok_declined")
            .run()
            .await
            .then_compensated()
            .then::<Booking>(id(), released("the card was declined"))
            .then_nothing_else();
    }

    #[tokio::test]
    async fn nobody_pays_for_nothing_wherever_the_process_dies() {
        // The guest cancelled before the payment began.
        let cancelled = || {
            let saga = Checkout {
                booking: id(),
                total: Cents(9_900),
                card: "tok_visa".to_owned(),
            };
            let events = events![held("tok_visa"), released("cancelled by the guest")];
            SagaTest::new(Payments::default)
                .given::<Booking>(id(), events)
                .when_begun(Start::new("b1", saga))
        };
        let paid = || pays_with("tok_visa");
        let silent = [Scripted::Lost("timeout"); 4];
        // It was charged, and nobody knows.
        let lost = [Scripted::AnswerLost("timeout"); 4];
        for (test, expected) in [
            (cancelled(), None),
            (paid().step("charge", silent), Some("timeout")),
            (paid().step("charge", lost), Some("timeout")),
            (
                cancelled()
                    .step("charge", lost)
                    .undo("charge", [Scripted::Lost("timeout")]),
                None,
            ),
            (paid().unwound_during_call(1), Some("test")),
            (
                paid().step("charge", lost).unwound_during_call(3),
                Some("test"),
            ),
        ] {
            test.run()
                .await
                .then_compensated()
                .then_undone(["charge"])
                .then::<Booking>(id(), Events::from_iter(expected.map(released)))
                .then_nothing_else();
            test.crash_matrix().await;
        }
    }

    /// The guest cancels around a call of the saga.
    struct Cancels {
        bookings: Repository<Booking>,
        step: &'static str,
        is_before: bool,
        calls: Arc<Mutex<Vec<String>>>,
    }

    impl Cancels {
        async fn cancel(&self) {
            let cancelled = self.bookings.execute(id(), Cancel {}).await;
            cancelled.expect("nothing is paid yet");
        }
    }

    impl Interceptor for Cancels {
        fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
            Box::pin(async move {
                let called = format!("{:?} {}", cx.direction(), cx.step());
                self.calls.lock().expect("no panic").push(called);
                if cx.step() == self.step && self.is_before {
                    self.cancel().await;
                }
                let answer = call.await;
                if cx.step() == self.step && !self.is_before {
                    self.cancel().await;
                }
                answer
            })
        }
    }

    #[tokio::test]
    async fn who_cancels_at_any_moment_of_the_payment_is_refunded() {
        for (step, is_before) in [("charge", true), ("charge", false), ("confirm", true)] {
            let (store, clock) = VirtualClock::with_store();
            let store = AnyStore::new(store);
            let calls = Arc::default();
            let cancels = Cancels {
                bookings: Repository::new(store.clone()),
                step,
                is_before,
                calls: Arc::clone(&calls),
            };
            let sagas = Sagas::new(store.clone())
                .from_the_beginning(true)
                .intercept(cancels)
                .with::<Checkout>(Payments::default());
            let bookings = Repository::<Booking>::new(store);
            let booking = held("tok_visa");
            let hold = Hold {
                guest: booking.guest,
                room: booking.room,
                nights: booking.nights,
                total: booking.total_cents,
                card: booking.card,
            };
            bookings.execute(id(), hold).await.expect("held");
            while let Some(due) = sagas.run_until_idle().await.expect("ran").next_due {
                clock.reach(due);
            }
            let calls = calls.lock().expect("no panic").clone();
            assert!(
                calls.starts_with(&["Do charge".to_owned()])
                    && calls.contains(&"Undo charge".to_owned()),
                "{step} {is_before}: {calls:?}"
            );
            let booking = bookings.load(id()).await;
            let stage = booking.expect("loads").state.stage().clone();
            let by_guest = Stage::Released("cancelled by the guest".to_owned());
            assert_eq!(stage, by_guest, "{step} {is_before}");
            let ended = sagas.show(Checkout::NAME, "b1").await.expect("shown");
            assert_eq!(ended.state.phase, Phase::Compensated, "{step} {is_before}");
        }
    }

    #[test]
    fn running_checkouts_depend_on_this_definition() {
        let definition = Checkout::definition();
        assert_eq!(definition.check(), Ok(()));
        assert_eq!(definition.fingerprint(), "1:0ebfe76713195633");
    }
}
