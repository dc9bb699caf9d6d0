//! What the application says of itself: its catalogue, and the definitions of its sagas.

use super::Answer;
use crate::{Application, answer::Failure, ask::Ask};
use es_tables::Store;
use serde_json::{Value, json};

pub(super) fn catalogue(_: &mut Store<'_>, ask: &Ask) -> Answer {
    let application = ask.application();
    let catalogue = application.and_then(Application::catalogue);
    let catalogue: Option<Value> =
        catalogue
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| {
                Failure::Failed(format!("the application's catalogue is no JSON: {error}"))
            })?;
    let sagas = application.map(Application::sagas).unwrap_or_default();
    let sagas = sagas.iter().map(|saga| {
        let steps = saga.steps.iter().map(|step| {
            json!({
                "name": step.name,
                "needs": step.needs,
                "has_undo": step.has_undo,
                "is_pivot": step.is_pivot,
                "is_command": step.is_command,
            })
        });
        json!({
            "saga": saga.saga,
            "definition": saga.definition,
            "steps": steps.collect::<Vec<_>>(),
        })
    });
    Ok(json!({
        "catalogue": catalogue,
        "sagas": sagas.collect::<Vec<_>>(),
        "has_application": application.is_some_and(Application::has_types),
    }))
}
