//! What must hold of a saga at rest, whatever happened: it ended with everything done, with everything
//! undone in reverse order, or it is parked with a reason; and no effect was there twice.

use es_runtime::WorkStatus;
use es_sagas::{Phase, Sagas, StepStatus};
use es_tests::ledger::{Effects, FileLedger};
use std::collections::BTreeMap;

/// How a saga rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Completed,
    Compensated,
    Parked,
}

/// The services in the order of the steps, by the names of these.
const STEPS: [(&str, &str); 3] = [
    ("charge", "payment"),
    ("reserve", "inventory"),
    ("schedule", "shipping"),
];

/// How each of these orders' sagas rests.
///
/// # Errors
/// What does not hold of one.
pub async fn audit(
    sagas: &Sagas,
    ledger: &FileLedger,
    ids: impl IntoIterator<Item = String>,
) -> Result<Vec<Rest>, String> {
    let effects = ledger.effects();
    let mut rests = Vec::new();
    for id in ids {
        rests.push(of_one(sagas, &effects, &id).await?);
    }
    Ok(rests)
}

async fn of_one(
    sagas: &Sagas,
    effects: &BTreeMap<String, Effects>,
    id: &str,
) -> Result<Rest, String> {
    let view = sagas.show("order", id).await;
    let view = view.map_err(|error| format!("{id}: {error}"))?;
    let outside = effects.get(id).cloned().unwrap_or_default();
    let state = &view.state;
    let row = view.row.as_ref().ok_or_else(|| format!("{id}: no row"))?;
    let wrong = |what: &str| {
        let history: Vec<_> = view.history.iter().map(|(_, event)| event).collect();
        Err(format!("{id}: {what}: {outside:?}, {row:?}, {history:#?}"))
    };
    if outside.most > 1 {
        return wrong("a key was applied more than once");
    }
    let reverse = STEPS.iter().rev().map(|(_, service)| *service);
    let undone: Vec<_> = reverse
        .filter(|s| outside.undone.iter().any(|u| u == s))
        .collect();
    if outside.undone != undone {
        return wrong("it was not undone in reverse order");
    }
    for (step, service) in STEPS {
        let live = outside.live.iter().any(|live| live == service);
        let fits = match state.step(step).map(|step| step.status) {
            Some(StepStatus::Done) => live,
            Some(StepStatus::DidNotHappen | StepStatus::Undone) | None => !live,
            _ => true,
        };
        if !fits {
            return wrong("what the saga says and what is outside differ");
        }
    }
    let done = |known: &[StepStatus]| {
        let mut steps = STEPS.iter().filter_map(|(step, _)| state.step(step));
        steps.all(|step| known.contains(&step.status))
    };
    match (row.status, state.phase, &state.parked) {
        (WorkStatus::Done, Phase::Completed, None) if done(&[StepStatus::Done]) => {
            Ok(Rest::Completed)
        }
        (WorkStatus::Done, Phase::Compensated, None) if outside.live.is_empty() => {
            Ok(Rest::Compensated)
        }
        (WorkStatus::Parked, _, Some((_, why))) if !why.is_empty() && row.reason.is_some() => {
            Ok(Rest::Parked)
        }
        _ => wrong("it does not rest"),
    }
}
