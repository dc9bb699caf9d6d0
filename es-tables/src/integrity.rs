//! What SQLite itself says about its files.

use crate::{Dialect, Error, Query, Store, Tables};
use std::collections::BTreeMap;

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// The pages of the files.
    pub pages: u64,
    /// The places, and the problems with what to do.
    pub problems: Vec<(String, String)>,
}

/// SQLite gives up after so many lines. Pages that nothing uses come first, and an index may have had many.
const LINES: usize = 100_000;

/// Whether tables of the store or of its read models are in a file of SQLite.
pub fn has_files(store: &mut Store<'_>) -> bool {
    is_file(store, Tables::Store) || is_file(store, Tables::ReadModels)
}

/// Checks the files of SQLite that the store and its read models are in, by `integrity_check`. It reads all of them, and
/// compares each index with its table.
///
/// # Errors
///
/// SQLite cannot read a file.
pub fn of_files(store: &mut Store<'_>) -> Result<Checked, Error> {
    let mut checked = Checked::default();
    for (tables, file) in [
        (Tables::Store, "the file"),
        (Tables::ReadModels, "the file of the read models"),
    ] {
        if !is_file(store, tables) {
            continue;
        }
        let pages = Query::new("PRAGMA page_count");
        let pages = store.page_of(tables, &pages, 1)?;
        let pages = pages.rows.first().map_or(Ok(0), |row| row.integer(0))?;
        checked.pages += u64::try_from(pages).unwrap_or(0);
        let sql = format!("PRAGMA integrity_check({LINES})");
        let page = store.page_of(tables, &Query::new(&sql), LINES)?;
        let mut found = Found::default();
        for row in &page.rows {
            row.text(0)?.lines().for_each(|line| found.line(line));
        }
        checked.problems.extend(found.problems(file));
    }
    Ok(checked)
}

fn is_file(store: &mut Store<'_>, tables: Tables) -> bool {
    let is_other = match tables {
        Tables::Store => store.is_on_jetstream(),
        Tables::ReadModels => store.has_own_read_models(),
    };
    !is_other && store.names(tables).dialect == Dialect::Sqlite
}

#[derive(Default)]
struct Found {
    /// The first line about each index, and how many there are.
    indexes: BTreeMap<String, (String, usize)>,
    unused: usize,
    others: Vec<String>,
}

impl Found {
    fn line(&mut self, line: &str) {
        if line == "ok" || line.starts_with("*** in database") {
            return;
        }
        // Such as `row 3 missing from index NAME`.
        if let Some((_, index)) = line.rsplit_once(" index ") {
            let first = || (line.to_owned(), 0);
            self.indexes.entry(index.to_owned()).or_insert_with(first).1 += 1;
        } else if line.ends_with(" is never used") || line.contains(": never used") {
            self.unused += 1;
        } else {
            self.others.push(line.to_owned());
        }
    }

    fn problems(self, file: &str) -> Vec<(String, String)> {
        let index = |(name, (first, lines)): (String, (String, usize))| {
            let more = match lines - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let what = format!(
                "{first}{more}; `REINDEX \"{name}\"` makes it anew from its table. Where that fails, restore a backup"
            );
            (format!("index {name}"), what)
        };
        let other = |line| (file.to_owned(), format!("{line}; restore a backup"));
        let unused = (self.unused > 0).then(|| {
            let what = format!(
                "{} pages are used by nothing; once nothing else is wrong, `VACUUM` frees them",
                self.unused
            );
            (file.to_owned(), what)
        });
        let others = self.others.into_iter().map(other);
        let indexes = self.indexes.into_iter().map(index);
        others.chain(indexes).chain(unused).collect()
    }
}
