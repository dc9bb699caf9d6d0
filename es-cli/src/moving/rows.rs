//! The rows of a table in the order of its key, from a store or from a dump.

use super::{row::Canonical, table::Table};
use crate::{
    error::Error,
    store::{PAGE, Query, Row, Store, Value},
};
use std::collections::VecDeque;

/// Rows of one table, in the order of its key.
pub(crate) trait Rows {
    fn next(&mut self) -> Result<Option<Canonical>, Error>;
}

/// The rows of a table of a store, a page at a time.
pub(crate) struct Cursor {
    table: &'static Table,
    with_projections: bool,
    /// The key of the last row of the page, as the database gave it.
    after: Option<Vec<Value>>,
    page: VecDeque<Canonical>,
    has_more: bool,
}

impl Cursor {
    pub(crate) fn new(table: &'static Table, with_projections: bool) -> Self {
        Self {
            table,
            with_projections,
            after: None,
            page: VecDeque::new(),
            has_more: true,
        }
    }

    /// Only the rows after this key.
    pub(crate) fn after(mut self, key: Vec<Value>) -> Self {
        self.after = Some(key);
        self
    }

    pub(crate) fn next(&mut self, store: &mut Store<'_>) -> Result<Option<Canonical>, Error> {
        if self.page.is_empty() && self.has_more {
            self.read(store)?;
        }
        Ok(self.page.pop_front())
    }

    fn read(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let table = self.table;
        self.has_more = false;
        if !store.has(table.of, table.name)? {
            return Ok(());
        }
        let dialect = store.dialect();
        let query = Query::new(&table.select(dialect, self.with_projections));
        let order = table.order(dialect);
        let page = store.page_after(table.of, &query, &[&order], self.after.take(), PAGE)?;
        self.has_more = page.is_cut;
        if let Some(Row(values)) = page.rows.last() {
            self.after = Some(values.iter().take(table.key).cloned().collect());
        }
        for row in page.rows {
            self.page.push_back(Canonical::of(table, row)?);
        }
        Ok(())
    }
}

/// The rows of a store that has to be there for nothing else meanwhile.
pub(crate) struct StoreRows<'s, 'a> {
    pub(crate) store: &'s mut Store<'a>,
    pub(crate) cursor: Cursor,
}

impl<'s, 'a> StoreRows<'s, 'a> {
    pub(crate) fn new(
        store: &'s mut Store<'a>,
        table: &'static Table,
        with_projections: bool,
    ) -> Self {
        Self {
            store,
            cursor: Cursor::new(table, with_projections),
        }
    }

    /// Only the events after this position.
    pub(crate) fn after(mut self, position: i64) -> Self {
        self.cursor = self.cursor.after(vec![position.into()]);
        self
    }
}

impl Rows for StoreRows<'_, '_> {
    fn next(&mut self) -> Result<Option<Canonical>, Error> {
        self.cursor.next(self.store)
    }
}
