//! The hotel on HTTP: one file for each resource, and what all requests have in common.

mod bookings;
mod errors;
mod guests;
mod page;
mod rooms;

use crate::hotel::Hotel;
use axum::{
    Router,
    extract::Request,
    http::header::AUTHORIZATION,
    middleware::{Next, from_fn, map_response},
    response::Response,
};
use es_axum::{problem::Cause, problem_details, request_id};
use es_runtime::Metadata;

/// Everything that the hotel answers.
pub fn router(hotel: Hotel) -> Router {
    Router::new()
        .merge(page::routes())
        .merge(rooms::routes())
        .merge(guests::routes())
        .merge(bookings::routes())
        .with_state(hotel)
        .layer(map_response(problem_details))
        .layer(map_response(log))
        .layer(from_fn(sign_in))
        .layer(from_fn(request_id))
}

/// Who asks, as `Authorization: Bearer NAME` says. A real hotel checks a token here; what follows is the same. Each event
/// has the name in its metadata.
async fn sign_in(mut request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.and_then(|header| header.to_str().ok());
    let user = header.and_then(|header| header.strip_prefix("Bearer "));
    if let Some(user) = user.map(|user| Metadata::new().with_user(user)) {
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}

/// The reason for an answer that does not quote it is for the operator.
async fn log(response: Response) -> Response {
    if let Some(cause) = response.extensions().get::<Cause>() {
        eprintln!("{}: {cause}", response.status());
    }
    response
}
