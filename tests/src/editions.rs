//! One saga in the editions of several releases of a program, and sagas with narrow bounds.

use crate::orders::{OrderPlaced, Outside};
use es_sagas::{Cx, Definition, Effect, Saga, Start, StepRetry};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Version 1, as the old release has it.
pub const OLD: u8 = 1;
/// Version 1 while its successor runs: it finishes what it began.
pub const FROZEN: u8 = 2;
/// Version 2: one step more.
pub const NEW: u8 = 3;
/// It calls itself version 1 and is not: the hash says so.
pub const CHANGED: u8 = 4;

/// What one edition is about.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Edition<const EDITION: u8> {
    pub order: String,
}

/// A step and its undo at a service.
fn step<T: Saga<Deps = Arc<dyn Outside>>>(
    saga: &mut Definition<T>,
    name: &'static str,
    service: &'static str,
    order: fn(&T) -> &str,
) {
    saga.step(name, move |cx: Cx<T>| async move {
        let call = cx.deps().act(service, order(cx.saga()), cx.key(), 0);
        call.await
    })
    .undo(move |cx, did: Effect<String>| async move {
        let undo = cx
            .deps()
            .undo(service, order(cx.saga()), cx.key(), did.key());
        undo.await
    });
}

impl<const EDITION: u8> Saga for Edition<EDITION> {
    const NAME: &'static str = "order";
    const VERSION: u32 = if EDITION == NEW { 2 } else { 1 };
    type Deps = Arc<dyn Outside>;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        if EDITION == FROZEN {
            saga.frozen();
        }
        saga.starts_on::<OrderPlaced>(|placed| {
            let order = placed.stream.id().to_owned();
            Some(Start::new(placed.stream.id(), Self { order }))
        });
        saga.cancels_on::<crate::orders::OrderCancelled>(|cancelled| {
            Some(cancelled.stream.id().to_owned())
        });
        step(&mut saga, "charge", "payment", |saga| &saga.order);
        step(&mut saga, "reserve", "inventory", |saga| &saga.order);
        if EDITION == NEW || EDITION == CHANGED {
            step(&mut saga, "schedule", "shipping", |saga| &saga.order);
        }
        saga
    }
}

/// Sagas of two steps that begin with an order and differ in their bounds.
macro_rules! bounded {
    ($($(#[$doc:meta])* $name:ident = |$saga:ident| $bounds:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
        pub struct $name {
            pub order: String,
        }

        impl Saga for $name {
            const NAME: &'static str = "order";
            type Deps = Arc<dyn Outside>;

            fn definition() -> Definition<Self> {
                let mut $saga = Definition::new();
                $saga.starts_on::<OrderPlaced>(|placed| {
                    let order = placed.stream.id().to_owned();
                    Some(Start::new(placed.stream.id(), Self { order }))
                });
                $bounds;
                step(&mut $saga, "charge", "payment", |saga| &saga.order);
                step(&mut $saga, "reserve", "inventory", |saga| &saga.order);
                $saga
            }
        }
    )*};
}

const HOUR: Duration = Duration::from_secs(3600);

bounded! {
    /// Its whole time is five seconds; a failed step is not tried again within it.
    Hasty = |saga| saga
        .retry(StepRetry::times(2).first(HOUR).longest(HOUR))
        .deadline(Duration::from_secs(5));
    /// It waits a fifth of a second for an answer, once.
    Impatient = |saga| saga
        .retry(StepRetry::times(1))
        .timeout(Duration::from_millis(200));
    /// Three deaths of a process in one call are too much for it.
    Fragile = |saga| saga
        .retry(StepRetry::times(3).first(Duration::from_millis(20)).interruptions(3))
        .undo_retry(StepRetry::times(3).first(Duration::from_millis(20)).interruptions(3));
}
