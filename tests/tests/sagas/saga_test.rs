//! The kit for tests of sagas: what it says of right ones, and that it says no.

use crate::process_test::says;
use es_runtime::Events;
use es_sagas::{Cx, Definition, Effect, Fail, Saga, Start};
use es_testkit::saga::{SagaTest, Scripted};
use es_tests::orders::{
    Calm, Order, OrderCancelled, OrderPlaced, OrderSaga, Outside, confirmed, rejected,
};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

fn calm() -> Arc<dyn Outside> {
    Arc::new(Calm)
}

const PLACED: OrderPlaced = OrderPlaced { cents: 100 };

/// Order 7 is placed.
fn placed() -> SagaTest<OrderSaga> {
    SagaTest::new(calm).when::<Order>("7", PLACED)
}

/// There is no driver, so what was done is undone.
fn undone() -> SagaTest<OrderSaga> {
    placed().step("schedule", [Scripted::Fatal("no driver")])
}

#[tokio::test]
async fn an_event_begins_it_and_its_commands_are_compared() {
    placed()
        .run()
        .await
        .then_completed()
        .then::<Order>("7", confirmed("7"))
        .then::<Order>("8", Events::none())
        .then_nothing_else();
    undone()
        .run()
        .await
        .then_compensated()
        .then_undone(["reserve", "charge"])
        .then::<Order>("7", rejected("no driver"))
        .then_nothing_else();
    assert!(placed().crash_matrix().await.runs > 20);
    assert!(undone().crash_matrix().await.runs > 20);
}

#[tokio::test]
async fn what_is_given_begins_nothing_and_is_not_asked_about() {
    let given = SagaTest::<OrderSaga>::new(calm).given::<Order>("6", PLACED);
    given
        .when::<Order>("7", PLACED)
        .run()
        .await
        .then_completed()
        .then::<Order>("7", confirmed("7"))
        .then_nothing_else();
}

#[tokio::test]
async fn events_that_happen_together_are_stored_before_the_first_step() {
    let cancelled = "event `order.cancelled` cancelled it";
    placed()
        .when::<Order>("7", OrderCancelled {})
        .run()
        .await
        .then_compensated()
        .then_undone(["charge"])
        .then::<Order>("7", rejected(cancelled))
        .then_nothing_else();
}

#[tokio::test]
async fn what_is_left_is_named_with_its_assertion() {
    let said = says(async { undone().run().await.then_nothing_else() }).await;
    let all = "\
more followed; left to expect, with the assertion for it:
  `then_compensated()`: it was compensated, because of schedule: no driver
  `then_undone([\"reserve\", \"charge\"])`: it undid these steps
  `then::<..>(..)`: its commands made order/7 store [\"order.rejected\"]";
    assert_eq!(said, all);
    let said = says(async { placed().run().await.then_nothing_else() }).await;
    assert!(said.contains("`then_completed()`: it completed"), "{said}");
    let stuck = undone().undo("reserve", [Scripted::Lost("no answer"); 4]);
    let said = says(async move { stuck.run().await.then_nothing_else() }).await;
    let line = "`then_parked(..)`: it is parked: the undo of `reserve` used up its attempts";
    assert!(said.contains(line), "{said}");
}

#[tokio::test]
async fn what_is_not_so_is_said() {
    let ran = || async { undone().run().await };
    let said = [
        says(async move { ran().await.then_completed() }).await,
        says(async { placed().run().await.then_compensated() }).await,
        says(async move { ran().await.then_parked("") }).await,
        says(async move { ran().await.then_undone(["charge", "reserve"]) }).await,
        says(async move { ran().await.then::<Order>("7", confirmed("7")) }).await,
        says(async move { ran().await.then::<Order>("7", Events::none()) }).await,
        says(async move { ran().await.then::<Order>("8", confirmed("7")) }).await,
    ];
    for (said, expected) in said.iter().zip([
        "\
it did not complete; left to expect, with the assertion for it:
  `then_compensated()`: it was compensated, because of schedule: no driver
",
        "\
it was not compensated; left to expect, with the assertion for it:
  `then_completed()`: it completed
",
        "\
it is not parked by ``; left to expect, with the assertion for it:
  `then_compensated()`: it was compensated, because of schedule: no driver
",
        "\
it undid other steps than expected
- expected, + actual
  [
+     \"reserve\",
      \"charge\",
-     \"reserve\",
  ]
",
        "\
other events than expected on order/7
- expected, + actual
  [
-     OrderConfirmed(
-         OrderConfirmed {
-             shipment: \"shipping-7 from inventory-7\",
+     OrderRejected(
+         OrderRejected {
+             reason: \"no driver\",
          },
      ),
  ]
",
        "other events than expected on order/7",
        "other events than expected on order/8",
    ]) {
        assert!(said.starts_with(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_test_is_about_one_saga() {
    let none = SagaTest::<OrderSaga>::new(calm).given::<Order>("7", PLACED);
    let said = says(async move { drop(none.run().await) }).await;
    let expected = "one saga is expected to begin, by `when` or `when_begun`; those that began: []";
    assert_eq!(said, expected);
    let two = placed().when_begun(OrderSaga::start("8"));
    let said = says(async move { drop(two.run().await) }).await;
    assert!(said.ends_with("those that began: [\"7\", \"8\"]"), "{said}");
    let untaken = SagaTest::<Numbered>::new(|| ()).when::<Order>("7", PLACED);
    let said = says(async move { drop(untaken.run().await) }).await;
    let line = "\n`order.placed` cannot be taken: the function that handles it panicked";
    assert!(said.ends_with(line), "{said}");
}

static SEEN: AtomicU32 = AtomicU32::new(0);

/// Charges another number in each run.
#[derive(Serialize, Deserialize)]
struct Numbered {}

impl Saga for Numbered {
    const NAME: &'static str = "numbered";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<OrderPlaced>(|_| panic!("no such number"));
        let number = saga
            .step("number", |_: Cx<Self>| async {
                Ok::<u32, Fail>(SEEN.fetch_add(1, Ordering::SeqCst))
            })
            .undo(|_, _: Effect<u32>| async { Ok(()) });
        saga.on_completed(move |cx| {
            let shipment = cx.output(number)?.to_string();
            let confirm = es_tests::orders::Confirm { shipment };
            Ok(es_sagas::AggregateCommand::new::<Order, _>("7", confirm))
        });
        saga
    }
}

#[tokio::test]
async fn events_that_differ_after_a_crash_are_found() {
    let test = SagaTest::<Numbered>::new(|| ())
        .given::<Order>("7", PLACED)
        .when_begun(Start::new("1", Numbered {}));
    let said = says(async move { test.crash_matrix().await }).await;
    let expected = "\
with a crash before 1 (commit [saga.started, saga.step_scheduled]) it comes to another end
- without a crash, + with it
  order/7
-   order.confirmed {\"shipment\":\"0\"}
+   order.confirmed {\"shipment\":\"1\"}
";
    assert_eq!(said, expected);
}
