//! What the program of an application adds to a verb: it knows the types of its streams.
//!
//! The program `es` has none. So it compiles neither this library's types nor those of an application.

use crate::{
    error::Error,
    operate::Operators,
    output::Printer,
    store::Store,
    verb::{at::At, report::Report},
};
use std::path::PathBuf;

pub(crate) trait Application {
    /// Shows a stream with what its events are read as, and the state then. Returns how many events there were, `None`
    /// where the application has no type for the aggregate.
    fn show(
        &self,
        stream: (&str, &str),
        at: Option<At>,
        store: &mut Store<'_>,
        printer: &mut Printer<'_>,
    ) -> Result<Option<u64>, Error>;

    /// Checks all streams of its aggregates: events are decoded, and snapshots, unique values and tags are compared with
    /// what follows from the events.
    fn verify(&self, store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error>;

    /// What it has for the verbs that repair.
    fn operators(&self) -> &Operators;

    /// Seals the open lines of its locks, of these files or of all. Returns what changed in each file.
    fn seal(&self, files: &[PathBuf]) -> Result<Vec<(PathBuf, Vec<String>)>, Error>;

    /// The aggregates that it has a type for.
    fn aggregates(&self) -> Vec<&str>;

    /// What the explorer needs of it.
    #[cfg(feature = "explore")]
    fn explorer(&self) -> std::sync::Arc<dyn es_explorer::Application>;
}
