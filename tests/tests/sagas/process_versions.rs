//! Releases of one process manager that take over from each other while instances run: what the new
//! one cannot do is parked with the reason and goes on under one that can, never lost, never a panic.

use es_runtime::MemoryStore;
use es_sagas::{ProcessManager, ProcessView, Sagas, Verb, log::ProcessOutcome};
use es_testkit::VirtualClock;
use es_tests::fulfilment::{hold, order, pay, place};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The usual one.
mod one {
    use es_runtime::{Aggregate, Apply, Envelope, Event};
    use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions};
    use es_tests::fulfilment::{Order, OrderPlaced, PaymentReceived, Remind, Ship};
    use serde::{Deserialize, Serialize};
    use std::convert::Infallible;

    #[derive(Event, Serialize, Deserialize)]
    #[event("watch.begun")]
    pub struct Begun {
        pub order: u64,
    }

    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("watch", id = u64, error = Infallible, events(Begun))]
    #[process_manager(reacts(OrderPlaced, PaymentReceived), timers)]
    pub struct Watch {
        order: u64,
    }

    impl Apply<Begun> for Watch {
        fn apply(&mut self, event: &Begun) {
            self.order = event.order;
        }
    }

    impl ReactTo<OrderPlaced> for Watch {
        fn correlate(placed: &Envelope<OrderPlaced>) -> Option<u64> {
            placed.stream.id().parse().ok()
        }

        fn react(&self, placed: &Envelope<OrderPlaced>) -> Reactions<Self> {
            let order = placed.stream.id().parse().unwrap_or_default();
            Reactions::none()
                .event(Begun { order })
                .timer("nudge", placed.event.remind_after)
        }
    }

    impl ReactTo<PaymentReceived> for Watch {
        fn correlate(received: &Envelope<PaymentReceived>) -> Option<u64> {
            Some(received.event.order)
        }

        fn react(&self, received: &Envelope<PaymentReceived>) -> Reactions<Self> {
            Reactions::none()
                .command::<Order, _>(&received.event.order, Ship)
                .end()
        }
    }

    impl OnTimer for Watch {
        fn timer(&self, _: &str) -> Reactions<Self> {
            Reactions::none().command::<Order, _>(&self.order, Remind)
        }
    }
}

/// Without timers, without payments.
mod less {
    use super::one::Begun;
    use es_runtime::{Aggregate, Apply, Envelope};
    use es_sagas::{ProcessManager, ReactTo, Reactions};
    use es_tests::fulfilment::OrderPlaced;
    use std::convert::Infallible;

    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("watch", id = u64, error = Infallible, events(Begun))]
    #[process_manager(reacts(OrderPlaced))]
    pub struct Watch {}

    impl Apply<Begun> for Watch {
        fn apply(&mut self, _: &Begun) {}
    }

    impl ReactTo<OrderPlaced> for Watch {
        fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
            None
        }

        fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
            Reactions::none()
        }
    }
}

/// Its timers have other names, and it has other events.
mod other {
    use es_runtime::{Aggregate, Envelope, Event};
    use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions};
    use es_tests::fulfilment::OrderPlaced;
    use serde::{Deserialize, Serialize};
    use std::convert::Infallible;

    #[derive(Event, Serialize, Deserialize)]
    #[event("watch.looked")]
    pub struct Looked {}

    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("watch", id = u64, error = Infallible, events(ignore(Looked)))]
    #[process_manager(reacts(OrderPlaced), timers)]
    pub struct Watch {}

    impl ReactTo<OrderPlaced> for Watch {
        fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
            None
        }

        fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
            Reactions::none()
        }
    }

    impl OnTimer for Watch {
        fn timer(&self, _: &str) -> Reactions<Self> {
            Reactions::none().event(Looked {})
        }
    }
}

/// Its timers have other names.
mod renamed {
    use super::one::Begun;
    use es_runtime::{Aggregate, Apply, Envelope};
    use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions};
    use es_tests::fulfilment::{Order, OrderPlaced, Remind};
    use std::convert::Infallible;

    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("watch", id = u64, error = Infallible, events(Begun))]
    #[process_manager(reacts(OrderPlaced), timers)]
    pub struct Watch {
        order: u64,
    }

    impl Apply<Begun> for Watch {
        fn apply(&mut self, event: &Begun) {
            self.order = event.order;
        }
    }

    impl ReactTo<OrderPlaced> for Watch {
        fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
            None
        }

        fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
            Reactions::none()
        }
    }

    impl OnTimer for Watch {
        fn timer(&self, name: &str) -> Reactions<Self> {
            match name {
                "remind" => Reactions::none().command::<Order, _>(&self.order, Remind),
                _ => Reactions::none(),
            }
        }
    }
}

struct World {
    store: MemoryStore,
    clock: VirtualClock,
}

impl World {
    /// Order 1 was placed under the usual release.
    async fn begun() -> Self {
        let (store, clock) = VirtualClock::with_store();
        let world = Self { store, clock };
        place(&world.store, 1, HOUR, HOUR).await;
        world.run::<one::Watch>().await;
        world
    }

    /// The timer runs out.
    fn pass(&self) {
        self.clock.pass(HOUR);
    }

    async fn run<P: ProcessManager>(&self) -> ProcessView {
        let sagas = Sagas::new(self.store.clone())
            .from_the_beginning(true)
            .with_process_manager::<P>();
        sagas.run_until_idle().await.expect("runs");
        sagas.show_process("watch", "1").await.expect("shown")
    }

    async fn retry<P: ProcessManager>(&self) -> ProcessView {
        let sagas = Sagas::new(self.store.clone()).with_process_manager::<P>();
        let retried = sagas.repair("watch", "1", Verb::Retry {}, "ann", "another release");
        retried.await.expect("it is parked");
        self.run::<P>().await
    }
}

fn is_parked(view: &ProcessView, reason: &str) {
    let why = view.state.parked.as_deref();
    assert!(why.is_some_and(|why| why.contains(reason)), "{why:?}");
}

#[tokio::test]
async fn a_timer_of_a_release_without_timers_waits_for_one_that_has() {
    let world = World::begun().await;
    world.pass();
    let view = world.run::<less::Watch>().await;
    is_parked(&view, "the process manager no longer has timers");
    assert_eq!(order(&world.store, 1).await.reminded, 0);
    let view = world.retry::<less::Watch>().await;
    is_parked(&view, "the process manager no longer has timers");
    let view = world.retry::<one::Watch>().await;
    assert_eq!(view.state.parked, None);
    assert_eq!(order(&world.store, 1).await.reminded, 1);
}

#[tokio::test]
async fn a_timer_whose_name_says_nothing_any_more_is_a_recorded_no_op() {
    let world = World::begun().await;
    world.pass();
    let view = world.run::<renamed::Watch>().await;
    assert_eq!(view.state.parked, None);
    assert!(view.state.timers.is_empty());
    let (_, last) = view.history.last().expect("a record");
    assert_eq!(last.cause.name(), "nudge");
    assert_eq!(last.outcome, ProcessOutcome::Reacted {});
    assert_eq!(order(&world.store, 1).await.reminded, 0);
}

#[tokio::test]
async fn own_events_that_cannot_be_read_park_it_until_they_can() {
    let world = World::begun().await;
    world.pass();
    let view = world.run::<other::Watch>().await;
    is_parked(&view, "event 2 of its own stream");
    is_parked(&view, "`watch.begun`");
    let view = world.retry::<one::Watch>().await;
    assert_eq!(view.state.parked, None);
    assert_eq!(order(&world.store, 1).await.reminded, 1);
}

#[tokio::test]
async fn an_input_that_it_reacts_to_no_more_waits_for_a_release_that_does() {
    let world = World::begun().await;
    hold(&world.store, 1, true).await;
    pay(&world.store, 7, 1).await;
    let view = world.run::<one::Watch>().await;
    is_parked(&view, "on hold");
    hold(&world.store, 1, false).await;
    let view = world.retry::<less::Watch>().await;
    is_parked(
        &view,
        "the process manager no longer reacts to `payment.received`",
    );
    let view = world.retry::<one::Watch>().await;
    assert!(view.state.ended);
    assert_eq!(order(&world.store, 1).await.shipped, 1);
}
