//! What the page asks for, one file for each screen. Each answer reads a bounded number of rows; `next` has what to
//! ask for to go on, `null` at the end.

mod catalogue;
mod event;
mod events;
mod inputs;
mod overview;
mod parked;
mod readers;
mod sagas;
mod steps;
mod streams;
mod trace;
mod typed;
mod write;

use crate::{
    answer::{Failure, Json},
    ask::Ask,
    shared::Shared,
};
use axum::{
    Router,
    extract::{Query, State},
    routing::{MethodRouter, get},
};
use es_tables::{Store, position};
use serde_json::Value;
use std::collections::HashMap;

/// So many rows of an answer.
const ROWS: usize = 50;
/// So many positions one request looks through where a filter has no index.
const POSITIONS: i64 = 100_000;

/// A position as JSON: a number, or a text such as `812.1`, which no number of JavaScript would hold.
fn shown(position: i64) -> Value {
    if position::is_place(position) {
        position::text(position).into()
    } else {
        position.into()
    }
}

type Answer = Result<Value, Failure>;

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/api/overview", answered_by(overview::overview))
        .route("/api/aggregates", answered_by(streams::aggregates))
        .route("/api/streams", answered_by(streams::streams))
        .route("/api/stream", answered_by(events::stream))
        .route("/api/events", answered_by(events::events))
        .route("/api/event", answered_by(events::event))
        .route("/api/trace", answered_by(trace::trace))
        .route("/api/readers", answered_by(readers::readers))
        .route("/api/parked", answered_by(parked::parked))
        .route("/api/waiting", answered_by(parked::waiting))
        .route("/api/sagas", answered_by(sagas::sagas))
        .route("/api/instances", answered_by(sagas::instances))
        .route("/api/instance", answered_by(sagas::instance))
        .route("/api/catalogue", answered_by(catalogue::catalogue))
        .merge(write::router())
        .with_state(shared)
}

fn answered_by(answer: fn(&mut Store<'_>, &Ask) -> Answer) -> MethodRouter<Shared> {
    get(
        async move |State(shared): State<Shared>, Query(values): Query<HashMap<String, String>>| {
            let ask = Ask::new(values, shared.application());
            shared
                .readers
                .read(move |store| answer(store, &ask))
                .await
                .map(Json)
        },
    )
}
