#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod application;
mod ask;
mod assets;
mod hosts;
mod operation;
mod options;
mod origin;
mod readers;
mod server;
mod shared;
mod writer;

pub use application::{Application, ReadAs, Reading, SagaDefinition, SagaStep, State, TypedEvent};
pub use es_tables::{Error, Place, events::StoredEvent};
pub use operation::{Done, Operation, Reason, Refusal, Repair, Verbs};
pub use options::{Operator, Options, Writes};
pub use server::{Server, ServerError};

use axum::Router;
use shared::Shared;

/// The explorer of a store, to be mounted in an application of axum by `nest_service`, at any path.
///
/// It has no login: put it after that of the application. It answers `GET` only, and it writes nothing. It has
/// connections of its own, which are opened here and when they are needed again, and which end with the router.
///
/// ```no_run
/// # fn app() -> Result<axum::Router, es_explorer::Error> {
/// let place = es_explorer::Place::new("postgres://reader@db/shop")?.schema("shop")?;
/// let app = axum::Router::new().nest_service("/events", es_explorer::router(&place)?);
/// # Ok(app)
/// # }
/// ```
///
/// # Errors
///
/// There is no store at this place, or none that this version reads. It blocks until the store has answered.
pub fn router(place: &Place) -> Result<Router, Error> {
    router_with(place, Options::new())
}

/// The same with what the application knows: events as they are read, states, its sagas, its catalogue. Where
/// [writes are allowed](Writes::Allowed), it has the verbs that repair, too: put it after a login that only operators pass.
///
/// What writes is answered for `POST` from its own page only. The application's own verbs do it, on a thread of their own.
///
/// ```no_run
/// use es_explorer::{Application, Options, Place, Writes, router_with};
/// use std::sync::Arc;
///
/// /// `es_cli::App::explorer` makes the application.
/// fn admin(place: &Place, shop: Arc<dyn Application>) -> Result<axum::Router, es_explorer::Error> {
///     let options = Options::new().application(shop).writes(Writes::Allowed);
///     Ok(axum::Router::new().nest_service("/events", router_with(place, options)?))
/// }
/// ```
///
/// # Errors
///
/// Those of [`router`], or the system gives no random bytes.
pub fn router_with(place: &Place, options: Options) -> Result<Router, Error> {
    let shared = Shared::open(place, options)?;
    Ok(assets::router()
        .merge(api::router(shared))
        .layer(axum::middleware::map_response(answer::with_headers)))
}
