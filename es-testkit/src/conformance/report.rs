//! The report: all checks on one store, as a table.

use super::{ABSENT, AnyFixture, StoreFixture, checks};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// The result of one check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// The id in the catalogue.
    pub id: &'static str,
    /// The name of the check.
    pub check: &'static str,
    /// The failure, `None` when the check passed.
    pub failure: Option<String>,
    /// The duration of the check.
    pub took: Duration,
}

/// The results of all checks. `Display` prints a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The name of the store.
    pub store: String,
    /// One line for each check, in order.
    pub lines: Vec<Line>,
}

impl Report {
    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.failure.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.store)?;
        for line in &self.lines {
            let result = if line.failure.is_some() {
                "FAILED"
            } else {
                "ok"
            };
            let (id, check, took) = (line.id, line.check, line.took.as_secs_f64());
            writeln!(f, "{id:<4} {check:<52} {result:<6} {took:>7.2} s")?;
            if let Some(why) = &line.failure {
                writeln!(f, "     {}", why.replace('\n', "\n     "))?;
            }
        }
        for (id, why) in ABSENT {
            writeln!(f, "{id:<4} without a check: {why}")?;
        }
        let took: Duration = self.lines.iter().map(|line| line.took).sum();
        write!(
            f,
            "{} checks, {} failed, {:.1} s",
            self.lines.len(),
            self.failures().count(),
            took.as_secs_f64()
        )
    }
}

/// Runs all checks one after the other, each with its own fixture.
///
/// ```no_run
/// use es_testkit::conformance::{self, NoDatabase, StoreFixture};
/// use es_runtime::MemoryStore;
/// # struct Memory;
/// # impl StoreFixture for Memory {
/// #     type Store = MemoryStore;
/// #     type Database = NoDatabase;
/// #     async fn open(&self) -> MemoryStore { MemoryStore::new() }
/// # }
///
/// let report = conformance::report("memory", || Memory);
/// println!("{report}");
/// assert_eq!(report.failures().count(), 0);
/// ```
pub fn report<F: StoreFixture>(store: &str, fixture: impl Fn() -> F) -> Report {
    let lines = checks().into_iter().map(|check| {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| (check.run)(AnyFixture::new(fixture()))));
        Line {
            id: check.id,
            check: check.name,
            failure: ended.err().map(|panic| words(&*panic)),
            took: began.elapsed(),
        }
    });
    Report {
        store: store.to_owned(),
        lines: lines.collect(),
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
