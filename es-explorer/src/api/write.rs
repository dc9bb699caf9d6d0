//! What the page may do besides reading: the verbs that repair, where writes are allowed.

use crate::{
    Operation, Operator, Reason, Repair,
    answer::{Failure, Json},
    ask::Ask,
    origin,
    shared::Shared,
};
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, State},
    http::HeaderMap,
    routing::{get, post},
};
use es_tables::{Store, parked::first_of_key};
use serde_json::json;

/// So many bytes a request may have. The output of a step is the largest part.
const BODY: usize = 1 << 20;
/// So many bytes a name of a person.
const NAME: usize = 200;

pub(super) fn router() -> Router<Shared> {
    let operate = post(operate).layer(DefaultBodyLimit::max(BODY));
    Router::new()
        .route("/api/about", get(about))
        .route("/api/operate", operate)
}

/// What the explorer can do, for its own page. No other page can read the token: no answer allows it.
async fn about(State(shared): State<Shared>, operator: Option<Extension<Operator>>) -> Json {
    let verbs = shared.writes.as_ref().zip(shared.application());
    let verbs = verbs.map(|(_, application)| application.verbs());
    Json(json!({
        "writes": shared.writes.is_some(),
        "token": shared.writes.as_ref().map(|allowed| &*allowed.token),
        "operator": name_of(operator, &shared),
        "verbs": {
            "basic": verbs.is_some_and(|verbs| verbs.basic),
            "projections": verbs.is_some_and(|verbs| verbs.projections),
            "sagas": verbs.is_some_and(|verbs| verbs.sagas),
        },
    }))
}

fn name_of(operator: Option<Extension<Operator>>, shared: &Shared) -> Option<String> {
    let logged_in = operator.map(|Extension(Operator(name))| name);
    logged_in.or_else(|| shared.options.operator.clone())
}

async fn operate(
    State(shared): State<Shared>,
    operator: Option<Extension<Operator>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json, Failure> {
    let Some(allowed) = &shared.writes else {
        let why = "this explorer only reads. `es explore --write` allows more, and so does `Writes::Allowed` for a mounted one";
        return Err(Failure::Forbidden(why.to_owned()));
    };
    origin::check(&headers, &allowed.token).map_err(|why| Failure::Forbidden(why.to_owned()))?;
    let values = serde_json::from_str(&body).map_err(|error| {
        Failure::Wrong(format!("the request is not an object of texts: {error}"))
    })?;
    let ask = Ask::new(values, shared.application());
    let operation = operation(&ask, name_of(operator, &shared).as_deref())?;
    if let Operation::DiscardParked { reader, key, .. } = &operation {
        if let Some(position) = ask.position("position")? {
            let (reader, key) = (reader.clone(), key.clone());
            let is_meant = move |store: &mut Store<'_>| is_first(store, &reader, &key, position);
            shared.readers.read(is_meant).await?;
        }
    }
    let done = allowed.writer.operate(operation).await?;
    Ok(Json(
        json!({ "done": done.values, "refused": done.refused }),
    ))
}

/// The library gives up the first parked event of a key, in each build. This says why another one is not given up; the
/// operation itself looks again.
fn is_first(store: &mut Store<'_>, reader: &str, key: &str, position: i64) -> Result<(), Failure> {
    let first = first_of_key(store, reader, key)?;
    if let Some(other) = first.iter().find(|parked| parked.position != position) {
        return Err(Failure::NotNow(format!(
            "the first parked event of the key {key} is the one at position {}, so that one would be given up, and nothing was done. \
             Retry or discard that one first",
            es_tables::position::text(other.position)
        )));
    }
    Ok(())
}

fn operation(ask: &Ask, operator: Option<&str>) -> Result<Operation, Failure> {
    let text = |name: &str| ask.required(name).map(str::to_owned);
    let said = |name: &str, what: &str| {
        let text = ask.text(name).map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(Failure::Wrong(format!("say {what}: it is stored")));
        }
        Ok(text.to_owned())
    };
    let why = || said("why", "why");
    let reason = || {
        let by = match operator {
            Some(by) => by.to_owned(),
            None => said("by", "who you are")?,
        };
        if by.len() > NAME {
            return Err(Failure::Wrong(format!("a name has {NAME} bytes at most")));
        }
        Ok(Reason::new(by, why()?))
    };
    let repair = |repair| {
        Ok(Operation::Repair {
            saga: text("saga")?,
            id: text("id")?,
            repair,
            reason: reason()?,
        })
    };
    match ask.required("verb")? {
        "retry-parked" => Ok(Operation::RetryParked {
            reader: text("reader")?,
            key: text("key")?,
        }),
        "discard-parked" => Ok(Operation::DiscardParked {
            reader: text("reader")?,
            key: text("key")?,
            position: ask.text("position").map(str::to_owned),
            why: why()?,
        }),
        "rebuild" => Ok(Operation::Rebuild {
            projection: text("projection")?,
        }),
        "retry-sagas" => Ok(Operation::RetrySagas {
            saga: text("saga")?,
            reason: reason()?,
        }),
        "retry" => repair(Repair::Retry),
        "skip" => repair(Repair::Skip {
            step: text("step")?,
        }),
        "complete" => repair(Repair::Complete {
            step: text("step")?,
            output: text("output")?,
        }),
        "unwind" => repair(Repair::Unwind),
        "abandon" => repair(Repair::Abandon),
        "take-over" => repair(Repair::TakeOver),
        "retry-input" => Ok(Operation::RetryInput {
            saga: text("saga")?,
            position: text("position")?,
            reason: reason()?,
        }),
        "skip-input" => Ok(Operation::SkipInput {
            saga: text("saga")?,
            position: text("position")?,
            reason: reason()?,
        }),
        "rebuild-rows" => Ok(Operation::RebuildRows),
        other => Err(Failure::Wrong(format!("`{other}` is no verb"))),
    }
}
