//! What users write: a saga, its steps, and how each is undone and tried again.

mod builder;
mod cx;
mod erased;
mod fail;
mod functions;
mod info;
mod invalid;
mod mermaid;
mod proven;
mod retry;

pub use builder::{Definition, NewStep};
pub use cx::{Cx, Start, StepCx, StepOutput};
pub(crate) use erased::{BoundSaga, ErasedSaga, Perform, Prepared};
pub use fail::{Effect, Fail};
pub(crate) use functions::{Boxed, Routed, Unrouted};
pub(crate) use info::{Info, StepInfo};
pub use invalid::InvalidDefinition;
pub(crate) use mermaid::diagram;
pub(crate) use proven::proven;
pub use retry::StepRetry;

use serde::{Serialize, de::DeserializeOwned};

/// The definition of a saga: its data, its dependencies and its steps.
///
/// Usually [`#[saga]`](macro@crate::saga) implements this trait from an `impl` block. Implement it by hand to
/// build the steps with functions.
///
/// The type that implements it holds the data of one saga, such as an order and its amount. The runtime
/// stores it when the saga starts. [`Deps`](Saga::Deps) are clients and settings. They are injected and never
/// stored.
///
/// ```
/// use es_runtime::{Event, MemoryStore, Repository};
/// use es_sagas::{Cx, Definition, Effect, Fail, Saga, Sagas, Start};
/// # use es_runtime::{Aggregate, Apply, Events, Handle};
/// use serde::{Deserialize, Serialize};
/// # #[derive(Clone)]
/// # struct Place;
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("trip", id = u32, error = std::convert::Infallible, events(TripPlanned))]
/// # struct Trip {}
/// # impl Apply<TripPlanned> for Trip { fn apply(&mut self, _: &TripPlanned) {} }
/// # impl Handle<Place> for Trip {
/// #     fn handle(&self, _: Place) -> Result<Events<Self>, std::convert::Infallible> {
/// #         Ok(TripPlanned { to: "Rome".into() }.into())
/// #     }
/// # }
///
/// /// A trip was planned.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("trip.planned")]
/// struct TripPlanned {
///     to: String,
/// }
///
/// /// Books a flight and a hotel, or neither.
/// #[derive(Serialize, Deserialize)]
/// struct BookTrip {
///     to: String,
/// }
///
/// struct Agencies; // clients of the airline and the hotels
///
/// impl Saga for BookTrip {
///     const NAME: &'static str = "book-trip";
///     type Deps = Agencies;
///
///     fn definition() -> Definition<Self> {
///         let mut saga = Definition::new();
///         saga.starts_on::<TripPlanned>(|planned| {
///             let to = planned.event.to.clone();
///             Some(Start::new(planned.stream.id(), BookTrip { to }))
///         });
///         let flight = saga
///             .step("flight", |cx: Cx<Self>| async move {
///                 Ok(format!("seat to {} under {}", cx.saga().to, cx.key()))
///             })
///             .undo(|_, seat: Effect<String>| async move {
///                 println!("give back {:?}", seat.known());
///                 Ok(())
///             });
///         saga.step("hotel", move |cx: Cx<Self>| async move {
///             let seat = cx.output(flight)?;
///             Err::<(), _>(Fail::fatal(format!("no room for the guest with {seat}")))
///         })
///         .needs(flight)
///         .no_undo();
///         saga
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let store = MemoryStore::new();
/// let sagas = Sagas::new(store.clone()).from_the_beginning(true).with::<BookTrip>(Agencies);
/// # Repository::<Trip, _>::new(store).execute(&7, Place).await?;
/// sagas.run_until_idle().await?;
///
/// let trip = sagas.show("book-trip", "7").await?;
/// assert_eq!(trip.state.phase_text(), "compensated");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub trait Saga: SagaData {
    /// The stored name. It must never change.
    const NAME: &'static str;
    /// The version of the definition. Raise it when you change the steps, their order or the stored types.
    /// Keep the old definition, [frozen](Definition::frozen), while instances of it run.
    const VERSION: u32 = 1;
    /// What the steps need, such as clients and settings. It is never stored.
    type Deps: Send + Sync + 'static;

    /// The steps in their order, the events that start and cancel the saga, and its time limits.
    fn definition() -> Definition<Self>;
}

/// What the data of a saga must be: serde's `Serialize` and `Deserialize`, owned, and shared between threads.
/// Every such type implements it.
#[diagnostic::on_unimplemented(
    message = "the data `{Self}` of a saga cannot be stored",
    label = "`{Self}` lacks `serde::Serialize`, `serde::Deserialize`, `Send` or `Sync`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`"
)]
pub trait SagaData: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> SagaData for T {}
