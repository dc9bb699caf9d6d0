//! The sums of the events of two stores, taken while the events are copied: they never change, so that only the last
//! ones have to be read when the application waits.

use super::{
    rows::{Rows as _, StoreRows},
    sums::Sum,
    table::EVENTS,
};
use crate::{error::Error, store::Store};

/// The sums of the events up to a position.
#[derive(Debug, Default)]
pub(crate) struct EventSums {
    position: i64,
    pub(crate) source: Sum,
    pub(crate) target: Sum,
}

impl EventSums {
    /// Reads the events of both stores after the last ones, up to a position that both have.
    pub(crate) fn advance(
        &mut self,
        source: &mut Store<'_>,
        target: &mut Store<'_>,
        to: i64,
    ) -> Result<(), Error> {
        read(source, self.position, to, &mut self.source)?;
        read(target, self.position, to, &mut self.target)?;
        self.position = to;
        Ok(())
    }
}

fn read(store: &mut Store<'_>, after: i64, to: i64, sum: &mut Sum) -> Result<(), Error> {
    let mut rows = StoreRows::new(store, &EVENTS, true).after(after);
    let mut read = after;
    while read < to {
        let Some(row) = rows.next()? else {
            break;
        };
        read = row.position();
        if read <= to {
            sum.add_row(&row, &EVENTS)?;
        }
    }
    Ok(())
}
