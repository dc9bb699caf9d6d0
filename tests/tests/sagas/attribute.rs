//! `#[saga]` says the same as the builder.

use es_runtime::Envelope;
use es_sagas::{
    AggregateCommand, Effect, Fail, Failure, Key, Phase, Saga, Sagas, Start, StepCx, saga,
};
use es_testkit::saga::{CrashPoint, SagaTest, Scripted};
use es_tests::orders::{
    self, Calm, Charge, Confirm, Order, OrderCancelled, OrderPlaced, OrderSaga, Outside, Reject,
    Reservation, Shipment, confirmed, rejected,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

type Services = Arc<dyn Outside>;

#[derive(Serialize, Deserialize)]
struct Fulfil {
    order: String,
    cents: u64,
}

#[saga("order", version = 1, deps = Services, deadline = "2h")]
#[allow(clippy::unused_async, reason = "steps of a test")]
impl Fulfil {
    #[start]
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        let order = placed.stream.id().to_owned();
        let cents = placed.event.cents;
        Some(Start::new(placed.stream.id(), Self { order, cents }))
    }

    #[cancel]
    fn cancelled(cancelled: &Envelope<OrderCancelled>) -> Option<String> {
        Some(cancelled.stream.id().to_owned())
    }

    /// Any documentation, and a `self` that is used across an await.
    #[step(undo = refund, timeout = "20s", retry(attempts = 3, first = "20ms", interruptions = 2))]
    async fn charge(&self, d: &Services, cx: &StepCx) -> Result<Charge, Fail> {
        let receipt = d.act("payment", &self.order, cx.key(), self.cents).await?;
        Ok(Charge { receipt })
    }

    #[undo(timeout = "10s")]
    async fn refund(&self, d: &Services, cx: &StepCx, did: Effect<&Charge>) -> Result<(), Fail> {
        d.undo("payment", &self.order, cx.key(), did.key()).await
    }

    #[step(undo = release, reconcile = reserved)]
    async fn reserve(&self, d: &Services, cx: &StepCx) -> Result<Reservation, Fail> {
        let shelf = d.act("inventory", &self.order, cx.key(), 0).await?;
        Ok(Reservation { shelf })
    }

    async fn reserved(&self, _: &Services, _: &StepCx) -> Result<Option<Reservation>, Fail> {
        Ok(None)
    }

    #[undo]
    async fn release(
        &self,
        d: &Services,
        cx: &StepCx,
        did: Effect<&Reservation>,
    ) -> Result<(), Fail> {
        d.undo("inventory", &self.order, cx.key(), did.key()).await
    }

    #[step(undo = cancel)]
    async fn schedule(
        &self,
        d: &Services,
        cx: &StepCx,
        reserve: &Reservation,
    ) -> Result<Shipment, Fail> {
        let tracking = d.act("shipping", &self.order, cx.key(), 0).await?;
        let tracking = format!("{tracking} from {}", reserve.shelf);
        Ok(Shipment { tracking })
    }

    #[undo]
    async fn cancel(&self, d: &Services, cx: &StepCx, did: Effect<&Shipment>) -> Result<(), Fail> {
        let key: Key = cx.key();
        d.undo("shipping", &self.order, key, did.key()).await
    }

    #[completed]
    fn done(&self, schedule: &Shipment) -> Result<AggregateCommand, Fail> {
        let shipment = schedule.tracking.clone();
        Ok(AggregateCommand::new::<Order, _>(
            &self.order,
            Confirm { shipment },
        ))
    }

    #[compensated]
    fn rolled_back(&self, why: &Failure) -> Result<AggregateCommand, Fail> {
        let reason = why.message.clone();
        Ok(AggregateCommand::new::<Order, _>(
            &self.order,
            Reject { reason },
        ))
    }
}

#[test]
fn it_defines_the_same_saga() {
    let (by_macro, by_hand) = (Fulfil::definition(), OrderSaga::definition());
    assert_eq!(by_macro.fingerprint(), by_hand.fingerprint());
    assert_eq!(by_macro.mermaid(), by_hand.mermaid());
    // Pinned: running instances depend on it.
    assert_eq!(by_macro.fingerprint(), "1:e679338d067d59a4");
}

fn calm() -> Services {
    Arc::new(Calm)
}

#[tokio::test]
async fn it_runs_and_survives_the_same() {
    let test = SagaTest::<Fulfil>::new(calm).when::<Order>("1", OrderPlaced { cents: 100 });
    test.run()
        .await
        .then_completed()
        .then::<Order>("1", confirmed("1"))
        .then_nothing_else();
    // Its process may die once in the charge, and not twice.
    let mut crashes = Vec::new();
    for (deaths, phase) in [(1, Phase::Completed), (2, Phase::Compensated)] {
        let last = test.dying(&crashes).await.points().last().cloned();
        let last = last.unwrap_or_default();
        let at = last.iter().position(|point| point == "call do charge");
        let at = at.expect("it is called") + 1;
        crashes.push(CrashPoint { at, after: true });
        let ended = test.dying(&crashes).await;
        assert_eq!(ended.state().phase, phase, "{deaths}");
    }
    let full = test.step("schedule", [Scripted::Fatal("no driver")]);
    full.run()
        .await
        .then_compensated()
        .then_undone(["reserve", "charge"])
        .then::<Order>("1", rejected("no driver"))
        .then_nothing_else();
    assert!(full.crash_matrix().await.runs > 20);
}

/// What the builder began, the macro's definition finishes: they have one hash.
#[tokio::test]
async fn one_finishes_what_the_other_began() {
    let store = es_runtime::MemoryStore::new();
    orders::place(&store, "1", 100).await;
    let begun = Sagas::new(store.clone()).with::<OrderSaga>(calm());
    let request = es_runtime::AppendId::new("start").expect("an id");
    begun
        .begin(OrderSaga::start("1"), request, es_runtime::Metadata::new())
        .await
        .expect("begun");
    let sagas = Sagas::new(store).with::<Fulfil>(calm());
    sagas.run_until_idle().await.expect("runs");
    let view = sagas.show("order", "1").await.expect("shown");
    assert_eq!(view.state.phase_text(), "completed");
}
