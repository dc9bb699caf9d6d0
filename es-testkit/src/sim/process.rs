//! A process of the simulation: what its tasks use, as its code would make it.

use super::{
    service::Service,
    store::{SimStore, Simulated},
    world::World,
};
use crate::Layered;
use es_runtime::{Aggregate, Repository, RetryPolicy};
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// A process. What it makes belongs to it, and its tasks end when it dies.
#[derive(Clone)]
pub struct Process {
    world: Arc<World>,
    number: usize,
}

impl Process {
    pub(super) const fn new(world: Arc<World>, number: usize) -> Self {
        Self { world, number }
    }

    #[cfg(feature = "sqlite")]
    pub(super) const fn world(&self) -> &Arc<World> {
        &self.world
    }

    #[cfg(feature = "sqlite")]
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Its store.
    pub fn store(&self) -> SimStore {
        Layered(Simulated::new(self.world.clone(), self.number))
    }

    /// A repository without pauses between attempts.
    pub fn repository<A: Aggregate>(&self) -> Repository<A, SimStore> {
        Repository::new(self.store()).with_retry(without_pause())
    }

    /// Decisions without pauses between attempts.
    pub fn decisions(&self) -> es_decisions::Decisions {
        es_decisions::Decisions::new(es_runtime::AnyStore::new(self.store()))
            .with_retry(without_pause())
    }

    /// Numbers of its own, which the seed gives.
    pub fn random(&self) -> fastrand::Rng {
        self.world.random()
    }

    /// Runs a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.world.spawn(self.number, None, Box::pin(task));
    }

    /// Runs a task that ends when nothing is left to do.
    pub(super) fn serve<F>(&self, task: impl FnOnce(Service) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let service = self.world.new_service();
        let number = Some(service.number());
        let task = Box::pin(task(service));
        self.world.spawn(self.number, number, task);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Process").field(&self.number).finish()
    }
}

/// As usual, without waiting for real time.
fn without_pause() -> RetryPolicy {
    RetryPolicy::default().with_first(Duration::ZERO)
}

mod subscriptions {
    use super::{super::world::step_aside, Process};
    use es_projections::{Deliver, Delivery, HandlerError};
    use es_runtime::{EventStore, ReadLimit, RecordedEvent};

    impl Process {
        /// Delivers events to a subscription until all other tasks have ended and it has caught up. Its checkpoint is stored
        /// after each page, so after a crash the events of a page are delivered again. A delivery that fails is tried again.
        pub fn subscribe<D: Deliver>(&self, subscription: D) {
            let (process, store) = (self.clone(), self.store());
            let mut random = self.random();
            self.serve(|service| async move {
                let filter = D::filter();
                loop {
                    let after = process.world.checkpoint(D::NAME);
                    let was_last = service.is_last();
                    let limit = ReadLimit::events(random.usize(1..5));
                    let page = store.read_feed(after, &filter, limit).await;
                    if let Ok(page) = page {
                        let mut delivered = true;
                        for event in &page.events {
                            delivered &= process.deliver(&subscription, event).await.is_ok();
                            if !delivered {
                                break;
                            }
                        }
                        // A write of its own, at which the process may die.
                        if delivered
                            && store.store_checkpoint(D::NAME, page.next).await
                            && page.at_end
                            && was_last
                            && service.may_end()
                        {
                            return;
                        }
                    }
                    step_aside().await;
                }
            });
        }

        async fn deliver<D: Deliver>(
            &self,
            subscription: &D,
            event: &RecordedEvent,
        ) -> Result<(), HandlerError> {
            const KINDS: [&str; 2] = ["fails, and nothing is done", "is done, and fails"];
            let what = format!("`{}` to subscription `{}`", event.name, D::NAME);
            if self.world.was_delivered(D::NAME, event.position) {
                self.world
                    .note(format!("process {}, {what}: delivered again", self.number));
            }
            let delivery = Delivery::new(D::NAME, event.event_id, 1);
            let part = self.world.faults.handler;
            match self.world.trouble_of(part, (self.number, &what), &KINDS) {
                None => subscription.deliver(event, &delivery).await,
                Some(0) => Err(HandlerError::new(KINDS[0])),
                Some(_) => {
                    subscription.deliver(event, &delivery).await?;
                    Err(HandlerError::new(KINDS[1]))
                }
            }
        }
    }
}

mod sagas {
    use super::{
        super::world::{World, step_aside},
        Process,
    };
    use es_sagas::{Fail, Interceptor, Sagas, StepCall, StepCx};
    use std::sync::Arc;

    /// What goes wrong with the steps of a process.
    struct Trouble {
        world: Arc<World>,
        process: usize,
    }

    impl Interceptor for Trouble {
        fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
            Box::pin(async move {
                const KINDS: [&str; 4] = [
                    "fails, and nothing is done",
                    "is done, and its answer is lost",
                    "panics",
                    "is done late",
                ];
                let what = format!("{} {} of {}", cx.direction().as_str(), cx.step(), cx.id());
                let part = self.world.faults.step;
                match self.world.trouble_of(part, (self.process, &what), &KINDS) {
                    Some(0) => Err(Fail::transient(KINDS[0])),
                    Some(1) => {
                        let _ = call.await;
                        Err(Fail::transient(KINDS[1]))
                    }
                    // Perhaps another worker has taken it over by then.
                    Some(3) => {
                        self.world.delay(self.process, &what).await;
                        call.await
                    }
                    // Without the message of a panic, which would be one of many.
                    Some(_) => std::panic::resume_unwind(Box::new("simulated")),
                    None => call.await,
                }
            })
        }
    }

    impl Process {
        /// A runner of sagas and process managers whose steps go wrong as the seed says. Register with
        /// [`with`](Sagas::with), and pass it to [`run_sagas`](Process::run_sagas).
        pub fn sagas(&self) -> Sagas {
            let trouble = Trouble {
                world: self.world.clone(),
                process: self.number,
            };
            // Keys, and so the pauses between attempts, would be those of a store that is new each time.
            let sagas = Sagas::new(self.store()).key_space("simulation");
            sagas.intercept(trouble)
        }

        /// Runs the sagas until all other tasks have ended and nothing is due any more. The clock moves on to what is due.
        pub fn run_sagas(&self, sagas: Sagas) {
            let world = self.world.clone();
            self.serve(|service| async move {
                loop {
                    let was_last = service.is_last();
                    if let Ok(idle) = sagas.run_until_idle().await {
                        match idle.next_due {
                            Some(due) if was_last => world.clock.reach(due),
                            None if was_last && service.may_end() => return,
                            _ => {}
                        }
                    }
                    step_aside().await;
                }
            });
        }
    }
}
