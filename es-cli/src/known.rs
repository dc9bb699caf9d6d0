//! Names that somebody has mistyped: nothing is found for them, which must not look as if all were well.

use crate::{error::Error, store::Store};
use es_tables::{readers, sagas};
use std::collections::BTreeSet;

/// That a projection or subscription of this name has run.
pub(crate) fn reader(store: &mut Store<'_>, name: &str) -> Result<(), Error> {
    is_one_of(name, "projection or subscription", &readers::names(store)?)
}

/// That a saga or process manager of this name has run.
pub(crate) fn saga(store: &mut Store<'_>, name: &str) -> Result<(), Error> {
    is_one_of(name, "saga or process manager", &sagas::names(store)?)
}

/// That one of any kind has run.
pub(crate) fn any(store: &mut Store<'_>, name: &str) -> Result<(), Error> {
    let mut names = readers::names(store)?;
    names.append(&mut sagas::names(store)?);
    is_one_of(name, "reader", &names)
}

fn is_one_of(name: &str, kind: &str, known: &BTreeSet<String>) -> Result<(), Error> {
    if known.contains(name) {
        return Ok(());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let known = match known.as_slice() {
        [] => "nor has any other".to_owned(),
        known => format!("these have: {}", known.join(", ")),
    };
    Err(Error::Missing(format!(
        "no {kind} {name} has run on this store; {known}"
    )))
}
