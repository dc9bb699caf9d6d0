//! Counts and hashes of tables, to compare two stores or a store and a dump.

use super::{
    row::Canonical,
    rows::{Rows, StoreRows},
    table::{TABLES, Table},
};
use crate::{
    error::Error,
    output::{Column, Printer, column, detail, wide},
    store::{Store, hex},
};
use sha2::{Digest, Sha256};

/// The rows of a table, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    hash: Sha256,
}

impl Sum {
    pub(crate) fn add(&mut self, line: &str) {
        self.rows += 1;
        self.hash.update(line);
        self.hash.update("\n");
    }

    pub(crate) fn add_row(&mut self, row: &Canonical, table: &Table) -> Result<(), Error> {
        self.add(&row.line(table)?);
        Ok(())
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// A mark of all rows up to here.
    pub(crate) fn mark(&self) -> String {
        self.hex().chars().take(8).collect()
    }
}

/// The rows of each table, in the order of [`TABLES`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums(pub(crate) Vec<(&'static Table, u64, String)>);

impl Sums {
    pub(crate) fn put(&mut self, table: &'static Table, sum: &Sum) {
        self.0.push((table, sum.rows, sum.hex()));
    }

    fn of(&self, table: &Table) -> Option<(u64, &str)> {
        let found = self.0.iter().find(|(known, ..)| known.name == table.name);
        found.map(|(_, rows, hash)| (*rows, hash.as_str()))
    }
}

/// Reads a table of a store to its end.
pub(crate) fn sum_of(
    store: &mut Store<'_>,
    table: &'static Table,
    with_projections: bool,
) -> Result<Sum, Error> {
    sum_of_rows(&mut StoreRows::new(store, table, with_projections), table)
}

/// Reads the rows of a table to their end.
pub(crate) fn sum_of_rows(rows: &mut dyn Rows, table: &Table) -> Result<Sum, Error> {
    let mut sum = Sum::default();
    while let Some(row) = rows.next()? {
        sum.add_row(&row, table)?;
    }
    Ok(sum)
}

/// Reads all tables of a store to their ends.
pub(crate) fn sums_of(
    store: &mut Store<'_>,
    with_read_models: bool,
    with_projections: bool,
) -> Result<Sums, Error> {
    let mut sums = Sums::default();
    for table in Table::all(with_read_models) {
        let sum = sum_of(store, table, with_projections)?;
        sums.put(table, &sum);
    }
    Ok(sums)
}

const COLUMNS: &[Column] = &[
    column("table"),
    column("rows"),
    column("written"),
    column("same"),
    wide("sha256"),
    detail("target_rows"),
    detail("target_sha256"),
];

/// Prints both sums of each table, and refuses if some are not the same. `written` counts the rows that were new
/// or changed.
pub(crate) fn compare(
    source: &Sums,
    target: &Sums,
    written: &[(&'static str, u64)],
    printer: &mut Printer<'_>,
) -> Result<(), Error> {
    let mut rows = printer.rows(COLUMNS);
    let mut different = Vec::new();
    for table in TABLES {
        let (Some(mine), Some(theirs)) = (source.of(table), target.of(table)) else {
            continue;
        };
        if mine != theirs {
            different.push(table.name);
        }
        let of_table = written.iter().filter(|(name, _)| *name == table.name);
        let written: u64 = of_table.map(|(_, count)| count).sum();
        rows.row(&[
            table.name.into(),
            mine.0.into(),
            written.into(),
            (mine == theirs).into(),
            mine.1.into(),
            theirs.0.into(),
            theirs.1.into(),
        ])?;
    }
    rows.end()?;
    if different.is_empty() {
        return Ok(());
    }
    Err(Error::Found(format!(
        "the target is not the same as the source: {} differ. Somebody has written to the target, or its disk is \
         damaged: begin again with an empty one",
        different.join(", ")
    )))
}
