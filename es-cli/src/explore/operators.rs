//! The verbs of the explorer: they are those of the command line, with the same checks before them.

use crate::{
    error::Error,
    operate::{self, Operators},
    output::Cell,
    store::Store,
    verb::operation::{
        self as verb, Confirm, DiscardParked, Input, Instance, Reason, Rebuild, RebuildRows,
        RetryParked, RetrySagas,
    },
};
use es_explorer::{Done, Operation, Place, Refusal, Repair, Verbs};

pub(crate) fn run(
    operators: &Operators,
    is_typed: bool,
    place: &Place,
    operation: &Operation,
) -> Result<Done, Refusal> {
    let confirm = Confirm::GIVEN;
    let reason = |reason: &es_explorer::Reason| Reason::given(&reason.by, &reason.why);
    let do_it = |operation: &verb::Operation<'_>| {
        operators.can(operation, is_typed)?;
        let mut store = Store::open(place, None)?;
        operators.is_there(operation, &mut store)?;
        drop(store);
        operate::run(operators, operation, place)
    };
    let done = match operation {
        Operation::RetryParked { reader, key } => {
            do_it(&verb::Operation::RetryParked(&RetryParked {
                reader: reader.clone(),
                keys: vec![key.clone()],
                all: false,
                confirm,
            }))
        }
        Operation::DiscardParked {
            reader,
            key,
            position,
            why,
        } => do_it(&verb::Operation::DiscardParked(&DiscardParked {
            reader: reader.clone(),
            key: key.clone(),
            position: position.clone(),
            why: why.clone(),
            confirm,
        })),
        Operation::Rebuild { projection } => do_it(&verb::Operation::Rebuild(&Rebuild {
            name: projection.clone(),
            now: false,
            confirm,
        })),
        Operation::RetrySagas { saga, reason: why } => {
            do_it(&verb::Operation::RetrySagas(&RetrySagas {
                name: saga.clone(),
                ids: Vec::new(),
                all: true,
                reason: reason(why),
            }))
        }
        Operation::Repair {
            saga,
            id,
            repair: Repair::Retry,
            reason: why,
        } => do_it(&verb::Operation::RetrySagas(&RetrySagas {
            name: saga.clone(),
            ids: vec![id.clone()],
            all: false,
            reason: reason(why),
        })),
        Operation::Repair {
            saga,
            id,
            repair,
            reason: why,
        } => {
            let instance = Instance {
                name: saga.clone(),
                id: id.clone(),
                reason: reason(why),
            };
            let repair = verb_of(repair)?;
            do_it(&verb::Operation::RepairSaga(&instance, repair))
        }
        Operation::RetryInput {
            saga,
            position,
            reason: why,
        } => do_it(&verb::Operation::RetryInput(&input(
            saga,
            position,
            reason(why),
        ))),
        Operation::SkipInput {
            saga,
            position,
            reason: why,
        } => do_it(&verb::Operation::SkipInput(&input(
            saga,
            position,
            reason(why),
        ))),
        Operation::RebuildRows => do_it(&verb::Operation::RebuildRows(&RebuildRows { confirm })),
        other => return Err(unknown(other)),
    };
    let done = done.map_err(|error| refusal(&error))?;
    let values = done
        .values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), text(value)));
    Ok(Done::new(values.collect(), done.refused))
}

fn verb_of(repair: &Repair) -> Result<verb::Repair<'_>, Refusal> {
    Ok(match repair {
        Repair::Skip { step } => verb::Repair::Skip(step),
        Repair::Complete { step, output } => verb::Repair::Complete(step, output),
        Repair::Unwind => verb::Repair::Unwind,
        Repair::Abandon => verb::Repair::Abandon,
        Repair::TakeOver => verb::Repair::TakeOver,
        other => return Err(unknown(other)),
    })
}

fn input(saga: &str, position: &str, reason: Reason) -> Input {
    Input {
        name: saga.to_owned(),
        position: position.to_owned(),
        reason,
    }
}

fn unknown(what: &dyn std::fmt::Debug) -> Refusal {
    Refusal::Wrong(format!("this version of es-cli does not know {what:?}"))
}

fn text(value: Cell) -> String {
    match value {
        Cell::None => String::new(),
        Cell::Bool(value) => value.to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Text(text) | Cell::Json(text) => text,
    }
}

fn refusal(error: &Error) -> Refusal {
    let what = error.to_string();
    match error {
        Error::Usage(_) => Refusal::Wrong(what),
        Error::Missing(_) => Refusal::Missing(what),
        Error::Refused(_) => Refusal::NotNow(what),
        _ => Refusal::Failed(what),
    }
}

/// Which verbs there are. Some need no function of the application.
pub(crate) fn verbs(operators: &Operators) -> Verbs {
    Verbs::basic()
        .projections(operators.projections.is_some())
        .sagas(operators.sagas.is_some())
}
