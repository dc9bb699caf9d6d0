//! The kit for tests of process managers: what it says of right ones, and that it says no.

use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Timestamp, events};
use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions};
use es_testkit::saga::ProcessTest;
use es_tests::fulfilment::{
    Begun, Cashier, CashierDone, Clerk, Fulfilment, Order, OrderClosed, OrderHeld, OrderPlaced,
    OrderReminded, OrderShipped, Paid, Payment, PaymentBooked, PaymentReceived,
};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    future::Future,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);

fn placed() -> OrderPlaced {
    OrderPlaced {
        remind_after: HOUR * 2,
        close_after: HOUR,
    }
}

const fn begun() -> Begun {
    Begun {
        order: 7,
        close_after: HOUR,
    }
}

/// Order 7 was placed.
fn open() -> ProcessTest<Fulfilment> {
    ProcessTest::new().given::<Order>(&7, placed())
}

const RECEIVED: PaymentReceived = PaymentReceived { order: 7 };

#[tokio::test]
async fn what_follows_from_each_input() {
    let opened = ProcessTest::<Fulfilment>::new().when::<Order>(&7, placed());
    opened
        .run()
        .await
        .then(begun())
        .then_timer("remind", HOUR * 2)
        .then_nothing_else();

    let paid = open().when::<Payment>(&1, RECEIVED);
    paid.run()
        .await
        .then(Paid { payment: 1 })
        .then_command::<Order>(&7, OrderShipped {})
        .then_command::<Payment>(&1, PaymentBooked {})
        .then_ended()
        .then_nothing_else();

    let early = open().when_time(HOUR * 2 - Duration::from_micros(1));
    early.run().await.then_nothing_else();
    let reminded = open().when_time(HOUR * 2);
    reminded
        .run()
        .await
        .then_command::<Order>(&7, OrderReminded {})
        .then_timer("close", HOUR)
        .then_nothing_else();
    let closed = open().given_time(HOUR * 2).when_time(HOUR);
    closed
        .run()
        .await
        .then_command::<Order>(&7, OrderClosed {})
        .then_ended()
        .then_nothing_else();
    // One timer after the other, each at its own time.
    let both = open().when_time(HOUR * 30);
    both.run()
        .await
        .then_timer("close", HOUR)
        .then_command::<Order>(&7, events![OrderReminded {}, OrderClosed {}])
        .then_ended()
        .then_nothing_else();
    // What is given is not asked about.
    open().given_time(HOUR * 30).run().await.then_nothing_else();
}

#[tokio::test]
async fn rejections_and_what_cannot_be() {
    let held = OrderHeld { held: true };
    let parked = open()
        .given::<Order>(&7, held.clone())
        .when::<Payment>(&1, RECEIVED);
    parked
        .run()
        .await
        .then_parked("order/7 rejected: the order is on hold")
        .then_nothing_else();

    let rejected = ProcessTest::<Cashier>::new()
        .given::<Order>(&7, events![placed(), held])
        .when::<Payment>(&1, RECEIVED);
    rejected
        .run()
        .await
        .then_rejected("on hold")
        .then(CashierDone {
            rejected: Some("the order is on hold".to_owned()),
        })
        .then_nothing_else();

    let panics = ProcessTest::<Clerk>::new().when::<Payment>(&1, PaymentReceived { order: 13 });
    panics
        .run()
        .await
        .then_parked("`react` panicked")
        .then_nothing_else();
}

#[tokio::test]
async fn it_dies_at_every_write_and_comes_to_the_same_end() {
    let tests = [
        open().when::<Payment>(&1, RECEIVED),
        open().when_time(HOUR * 30),
        // No moment is left after the timer.
        open().when_time(HOUR * 2),
        open()
            .given::<Order>(&7, OrderHeld { held: true })
            .when::<Payment>(&1, RECEIVED),
    ];
    for test in tests {
        let matrix = test.crash_matrix().await;
        assert!(matrix.points > 4, "{matrix:?}");
        assert_eq!(matrix.runs, matrix.points * 2);
    }
}

/// Cancels its timer where it ends, or some time before.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("canceller", id = u64, error = Infallible, events(Counted))]
#[process_manager(reacts(PaymentReceived))]
struct Canceller {}

impl Apply<Counted> for Canceller {
    fn apply(&mut self, _: &Counted) {}
}

impl ReactTo<PaymentReceived> for Canceller {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        Some(received.event.order)
    }

    fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
        let cancelled = Reactions::none().cancel_timer("expire");
        match received.event.order {
            7 => cancelled.event(Counted { count: 1 }).end(),
            _ => cancelled,
        }
    }
}

#[tokio::test]
async fn a_timer_that_is_cancelled_by_the_end_need_not_be_asserted() {
    let ends = ProcessTest::<Canceller>::new().when::<Payment>(&1, RECEIVED);
    let ran = || async { ends.run().await.then(Counted { count: 1 }) };
    ran().await.then_ended().then_nothing_else();
    let named = ran().await.then_timer_cancelled("expire");
    named.then_ended().then_nothing_else();

    // Elsewhere it must be, and what is left is said with the assertion for it.
    let goes_on = PaymentReceived { order: 8 };
    let test = ProcessTest::<Canceller>::new().when::<Payment>(&1, goes_on);
    let going_on = test.clone();
    let said = says(async move { going_on.run().await.then_nothing_else() }).await;
    let line = "`then_timer_cancelled(\"expire\")`: it cancelled this timer";
    assert!(said.contains(line), "{said}");
    test.run()
        .await
        .then_timer_cancelled("expire")
        .then_nothing_else();
    let said = says(async move { ends.run().await.then_nothing_else() }).await;
    for line in [
        "`then(..)`: it stored Counted(Counted { count: 1 })",
        "`then_ended()`: it ended",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("expire"), "{said}");
}

#[tokio::test]
async fn what_is_left_is_named_with_its_assertion() {
    let opened = ProcessTest::<Fulfilment>::new().when::<Order>(&7, placed());
    let said = says(async move { opened.run().await.then_nothing_else() }).await;
    let line = "`then_timer(\"remind\", ..)`: it set this timer, to run out after 7200s";
    assert!(said.contains(line), "{said}");
    let paid = open().when::<Payment>(&1, RECEIVED);
    let said = says(async move { paid.run().await.then_ended().then_nothing_else() }).await;
    let line = "`then_command(..)`: it sent commands to order/7, which stored [\"order.shipped\"]";
    assert!(said.contains(line), "{said}");
    assert!(!said.contains("then_ended"), "{said}");
}

static SEEN: AtomicU32 = AtomicU32::new(0);

/// Counts where a replay, and a second attempt, count again.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("counter", id = u64, error = Infallible, events(Counted))]
#[process_manager(reacts(PaymentReceived))]
struct Counter {}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("counter.counted")]
struct Counted {
    count: u32,
}

impl Apply<Counted> for Counter {
    fn apply(&mut self, _: &Counted) {}
}

impl ReactTo<PaymentReceived> for Counter {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        Some(received.event.order)
    }

    fn react(&self, _: &Envelope<PaymentReceived>) -> Reactions<Self> {
        let count = SEEN.fetch_add(1, Ordering::SeqCst);
        Reactions::none().event(Counted { count })
    }
}

/// What a failed assertion says.
pub async fn says<R: Send + 'static>(test: impl Future<Output = R> + Send + 'static) -> String {
    let failed = es_tests::spawn(test).await.err().expect("it says no");
    let said = failed.into_panic();
    let said = said.downcast_ref::<String>().cloned();
    said.expect("a text")
}

#[tokio::test]
async fn a_reaction_that_is_not_pure_is_found() {
    let test = ProcessTest::<Counter>::new().when::<Payment>(&1, RECEIVED);
    let said = says(async move { test.crash_matrix().await }).await;
    assert!(said.contains("it comes to another end"), "{said}");
    let line = "\n-   counter.counted {\"count\":0}\n";
    assert!(said.contains(line), "{said}");
}

#[tokio::test]
async fn what_is_not_so_is_said() {
    let paid = open().when::<Payment>(&1, RECEIVED);
    let ran = || {
        let paid = paid.clone();
        async move { paid.run().await }
    };
    let (a, b, c, d, e, f, g, h) = (ran(), ran(), ran(), ran(), ran(), ran(), ran(), ran());
    let said = [
        says(async { a.await.then(Paid { payment: 2 }) }).await,
        says(async { b.await.then_command::<Order>(&8, OrderShipped {}) }).await,
        says(async { c.await.then_command::<Order>(&7, Events::none()) }).await,
        says(async { d.await.then_timer("remind", HOUR) }).await,
        says(async { e.await.then_timer_cancelled("remind") }).await,
        says(async { f.await.then_rejected("") }).await,
        says(async { g.await.then_parked("") }).await,
        says(async { h.await.then_ended().then_nothing_else() }).await,
        says(async { open().run().await.then_ended() }).await,
    ];
    for (said, expected) in said.iter().zip([
        "another event than expected",
        "no command was sent to order/8",
        "other events than expected on order/7",
        "timer `remind` was not set to run out after 3600s",
        "timer `remind` was not cancelled",
        "not rejected by",
        "not parked by",
        "more followed",
        "it has not ended",
    ]) {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_timer_that_is_not_set_is_told_apart_from_one_of_before() {
    let opened = || async {
        let opened = ProcessTest::<Fulfilment>::new().when::<Order>(&7, placed());
        opened.run().await.then(begun())
    };
    let said = says(async move { opened().await.then_timer("close", HOUR) }).await;
    let expected = "\
timer `close` was not set to run out after 3600s: no timer of this name was set; \
left to expect, with the assertion for it:
  `then_timer(\"remind\", ..)`: it set this timer, to run out after 7200s, at 2001-09-09T03:46:40.000000Z";
    assert_eq!(said, expected);

    let said = says(async move { opened().await.then_timer("remind", HOUR) }).await;
    let expected = "\
timer `remind` is set otherwise
expected: to run out after 3600s
  actual: to run out after 7200s, at 2001-09-09T03:46:40.000000Z";
    assert_eq!(said, expected);
    let said = says(async move { opened().await.then_timer_cancelled("remind") }).await;
    let expected = "timer `remind` was not cancelled: it is set, to run out after 7200s, at 2001-09-09T03:46:40.000000Z";
    assert_eq!(said, expected);

    let waits = || open().given_time(HOUR).when_time(Duration::from_secs(1));
    let set_before = "this input did not set it; it was set before, to run out after 3600s";
    let said = says(async move { waits().run().await.then_timer("remind", HOUR) }).await;
    assert!(said.contains(set_before), "{said}");
    let at = "2001-09-09T03:46:40Z".parse().expect("a time");
    let said = says(async move { waits().run().await.then_timer_at("remind", at) }).await;
    assert!(said.contains(set_before), "{said}");
    assert!(
        said.contains("timer `remind` was not set to run out at 2001"),
        "{said}"
    );

    let paid = ProcessTest::<Canceller>::new().when::<Payment>(&1, RECEIVED);
    let said = says(async move { paid.run().await.then_timer("expire", HOUR) }).await;
    assert!(said.contains("3600s: it was cancelled"), "{said}");
}

/// Sets a timer for a time that it takes from the clock.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("hasty", id = u64, error = Infallible, events(Counted))]
#[process_manager(reacts(PaymentReceived), timers)]
struct Hasty {}

impl Apply<Counted> for Hasty {
    fn apply(&mut self, _: &Counted) {}
}

impl ReactTo<PaymentReceived> for Hasty {
    fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
        Some(received.event.order)
    }

    fn react(&self, _: &Envelope<PaymentReceived>) -> Reactions<Self> {
        Reactions::none().timer_at("late", Timestamp::now().after(HOUR))
    }
}

impl OnTimer for Hasty {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none()
    }
}

#[tokio::test]
async fn a_time_from_the_clock_is_found() {
    let test = ProcessTest::<Hasty>::new().when::<Payment>(&1, RECEIVED);
    let line = line!() + 1;
    let said = says(async move { test.crash_matrix().await }).await;
    let at = format!("{}:{line}:", file!());
    assert!(said.starts_with(&at), "{said}");
    assert!(
        said.contains("a reaction uses the clock or chance"),
        "{said}"
    );
}
