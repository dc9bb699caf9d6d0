//! The verbs that repair: whether this program can, the question before it is done, and what was done.
//!
//! What is done is the library's own operation ([`operate`](crate::operate)). Some need functions of the application. Only the program of
//! an application has those; `es` says so.

use super::{
    Outside,
    operation::{DiscardParked, Operation},
};
use crate::{
    application::Application,
    consent,
    error::Error,
    operate::{self, Done, Operators},
    output::Notes,
    store::{Location, Place, Store, is_busy},
};
use es_tables::{parked::first_of_key, position};
use rusqlite::{Connection, OpenFlags};
use std::{collections::BTreeSet, time::Duration};

/// Asks, does it, and prints what was done.
pub(crate) fn run(
    operation: &Operation<'_>,
    application: Option<&dyn Application>,
    outside: Outside<'_>,
) -> Result<(), Error> {
    let Outside {
        place,
        mut printer,
        notes,
        is_person,
        ..
    } = outside;
    let none = Operators::default();
    let operators = application.map_or(&none, |application| application.operators());
    operators.can(operation, application.is_some())?;
    let place = place?;
    // It is a store, and one of this release.
    let mut store = Store::open(&place, None)?;
    operators.is_there(operation, &mut store)?;
    let meant = meant(operation, &mut store)?;
    let operation = &meant
        .as_ref()
        .map_or_else(|| operation.clone(), Operation::DiscardParked);
    drop(store);
    if let Some(reason) = operation.reason() {
        reason.by()?;
    }
    let is_confirmed = operation.is_confirmed();
    consent::ask(is_confirmed, &operation.what(), &notes, is_person)?;
    wait_for_writers(&place, &notes)?;
    let Done { values, refused } = operate::run(operators, operation, &place)?;
    if !values.is_empty() {
        printer.record(&values)?;
    }
    refused.map_or(Ok(()), |why| Err(Error::Refused(why)))
}

/// How long a locked file is waited for without a word. Then a note says why.
const IN_SILENCE: Duration = Duration::from_secs(2);
/// How long it is waited for after the note. Then the operation is refused.
const AFTER_THAT: Duration = Duration::from_secs(3);

/// Waits until no other program writes to the files, as long as the library's own default.
fn wait_for_writers(place: &Place, notes: &Notes<'_>) -> Result<(), Error> {
    let places = [Some(place.location()), place.read_location()];
    for location in places.into_iter().flatten() {
        let Location::Sqlite(path) = location else {
            continue;
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(path, flags)?;
        let is_free = |patience| match file
            .busy_timeout(patience)
            .and_then(|()| file.execute_batch("BEGIN IMMEDIATE; ROLLBACK"))
        {
            Ok(()) => Ok(true),
            Err(error) if is_busy(&error) => Ok(false),
            Err(error) => Err(Error::from(error)),
        };
        if is_free(IN_SILENCE)? {
            continue;
        }
        notes.say(&format!(
            "es: another program writes to {path}; this waits for it, {} s more at most",
            AFTER_THAT.as_secs()
        ))?;
        if !is_free(AFTER_THAT)? {
            return Err(Error::Refused(format!(
                "sqlite:{path}: another program writes to it, for {} s by now, so nothing was done; try it again, or stop that program",
                (IN_SILENCE + AFTER_THAT).as_secs()
            )));
        }
    }
    Ok(())
}

/// The event that a discard is about, so that the question names it, and nothing else is given up if others are faster.
fn meant(operation: &Operation<'_>, store: &mut Store<'_>) -> Result<Option<DiscardParked>, Error> {
    let Operation::DiscardParked(args) = operation else {
        return Ok(None);
    };
    if args.position.is_some() {
        return Ok(None);
    }
    let first = first_of_key(store, &args.reader, &args.key)?;
    let positions: BTreeSet<i64> = first.iter().map(|parked| parked.position).collect();
    let mut positions = positions.into_iter();
    match (positions.next(), positions.next()) {
        (Some(position), None) => Ok(Some(DiscardParked {
            position: Some(position::text(position)),
            ..(*args).clone()
        })),
        (Some(one), Some(other)) => Err(Error::Refused(format!(
            "the builds of {} have different first parked events of this key, as at the positions {} and {}, so nothing was \
             done; name one with --position",
            args.reader,
            position::text(one),
            position::text(other)
        ))),
        // The operation says that there is none.
        (None, _) => Ok(None),
    }
}
