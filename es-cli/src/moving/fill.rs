//! Making a table of the target the same as that of the source, by merging both in the order of the key.
//!
//! A row that is there is not written again. So a verb that was killed goes on where it was, and one that is run again
//! writes what has changed since.

use super::{
    row::Canonical,
    rows::{Cursor, Rows},
    sums::Sum,
    table::Table,
    target::Target,
};
use crate::{
    error::Error,
    store::{PAGE, PAGE_BYTES},
};
use std::cmp::Ordering;

/// What was done with a table.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// The rows of the source.
    pub(crate) sum: Sum,
    /// The rows that were written or deleted.
    pub(crate) written: u64,
}

/// Rows that wait to be written together.
#[derive(Default)]
struct Waiting {
    old: Vec<Canonical>,
    new: Vec<Canonical>,
    bytes: usize,
}

/// Makes sure that a table whose rows never change has no row that the source has not, before anything is written.
pub(crate) fn check_beginning(
    source: &mut dyn Rows,
    target: &mut Target,
    table: &'static Table,
    mut ours: Cursor,
) -> Result<(), Error> {
    let mut theirs = source.next()?;
    while let Some(mine) = ours.next(&mut target.store)? {
        while theirs
            .as_ref()
            .is_some_and(|theirs| theirs.compare(&mine, table).is_lt())
        {
            theirs = source.next()?;
        }
        if theirs.as_ref() != Some(&mine) {
            return Err(target.is_other(&mine.place(table)));
        }
    }
    Ok(())
}

/// Reads both tables from here on to their ends, and writes what is missing or different.
pub(crate) fn fill(
    source: &mut dyn Rows,
    target: &mut Target,
    table: &'static Table,
    mut ours: Cursor,
    each: &mut dyn FnMut(&Canonical),
) -> Result<Filled, Error> {
    let mut filled = Filled::default();
    let mut waiting = Waiting::default();
    let mut mine = ours.next(&mut target.store)?;
    let mut theirs = source.next()?;
    loop {
        let order = match (&theirs, &mine) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(theirs), Some(mine)) => theirs.compare(mine, table),
        };
        let is_same = order.is_eq() && theirs == mine;
        if let (Some(old), false, true) = (&mine, is_same, order.is_ge()) {
            if table.is_fixed {
                return Err(target.is_other(&old.place(table)));
            }
            waiting.bytes += old.size();
            waiting.old.push(old.clone());
        }
        if let (Some(new), true) = (&theirs, order.is_le()) {
            filled.sum.add_row(new, table)?;
            each(new);
            if !is_same {
                waiting.bytes += new.size();
                waiting.new.push(new.clone());
            }
        }
        if order.is_le() {
            theirs = source.next()?;
        }
        if order.is_ge() {
            mine = ours.next(&mut target.store)?;
        }
        if waiting.old.len() + waiting.new.len() >= PAGE || waiting.bytes >= PAGE_BYTES {
            filled.written += waiting.write(target, table)?;
        }
    }
    filled.written += waiting.write(target, table)?;
    target.end(table)?;
    Ok(filled)
}

impl Waiting {
    fn write(&mut self, target: &mut Target, table: &Table) -> Result<u64, Error> {
        let Self { old, new, .. } = std::mem::take(self);
        if old.is_empty() && new.is_empty() {
            return Ok(0);
        }
        // A row that changed is both.
        let rows = old.len().max(new.len());
        target.write(table, &old, &new)?;
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }
}
