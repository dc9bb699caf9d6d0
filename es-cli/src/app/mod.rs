//! The program of an application: the verbs of `es` that need its types.

mod changes;
#[cfg(feature = "explore")]
mod explore;
mod process;
mod show;
mod types;
mod unique;
mod verify;

use crate::{
    application::Application,
    error::Error,
    events::saga_streams_of,
    operate::Operators,
    output::Printer,
    run_as,
    store::Store,
    verb::{at::At, report::Report},
};
use es_runtime::{Aggregate, EventSet};
use es_sagas::ProcessManager;
use process::ProcessTypes;
use std::path::PathBuf;
use std::{collections::BTreeMap, ffi::OsString, fmt, io::Write, process::ExitCode, sync::Arc};
use types::{AggregateTypes, EventTypes, Streams};

/// The command `es` with the types of an application.
///
/// Write a small program in the application that calls it. It has all verbs of `es`, and some of them do more:
///
/// - `show` prints with each stored event what an upcaster changed, and the state after the last one, at any
///   version.
/// - `verify` decodes every event, and compares snapshots, unique values and tags with what follows from the events.
/// - `explore` shows both forms of an event and the state after it, and the catalogue. With `--write` it has the verbs that repair.
///
/// [`projections`](App::projections) and [`sagas`](App::sagas) add the verbs that repair and need the application's functions. They
/// ask before they do something, or want `-y`.
///
/// A type that is not registered is shown as it is stored. `verify` names those that it left out.
///
/// ```no_run
/// # mod shop {
/// #     use es_runtime::{Aggregate, Apply, Event};
/// #     use serde::{Deserialize, Serialize};
/// #     #[derive(Event, Serialize, Deserialize)]
/// #     #[event("order.placed")]
/// #     pub struct Placed {}
/// #     #[derive(Aggregate, Default, Debug)]
/// #     #[aggregate("order", id = String, error = std::convert::Infallible, events(ignore(Placed)))]
/// #     pub struct Order {}
/// # }
/// fn main() -> std::process::ExitCode {
///     es_cli::App::new().aggregate::<shop::Order>().run()
/// }
/// ```
#[derive(Default)]
pub struct App {
    types: BTreeMap<String, Arc<dyn Streams>>,
    locks: Vec<(PathBuf, Seal)>,
    #[cfg(feature = "explore")]
    catalogue: Option<es_schema_lock::Catalogue>,
    operators: Operators,
}

type Seal = Box<dyn Fn() -> Result<es_schema_lock::LockReport, es_schema_lock::LockError>>;

impl App {
    /// Without types it is `es`.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the streams of this aggregate. `Debug` shows its state.
    #[must_use]
    pub fn aggregate<A: Aggregate + fmt::Debug>(self) -> Self {
        self.with(A::NAME, AggregateTypes::<A>::default())
    }

    /// With the streams of this process manager, `saga:<name>/<id>`. `Debug` shows its state.
    ///
    /// ```no_run
    /// # fn app<Dunning: es_sagas::ProcessManager + std::fmt::Debug>() {
    /// let app = es_cli::App::new().process_manager::<Dunning>();
    /// # }
    /// ```
    #[must_use]
    pub fn process_manager<P: ProcessManager + fmt::Debug>(self) -> Self {
        match saga_streams_of(P::NAME) {
            Some(aggregate) => self.with(&aggregate, ProcessTypes::<P>::default()),
            // With such a name it has no streams.
            None => self,
        }
    }

    /// With streams that have these events and no aggregate, such as those to which a decision writes. `aggregate` is the
    /// first half of their names.
    #[must_use]
    pub fn events<S: EventSet>(self, aggregate: &str) -> Self {
        self.with(aggregate, EventTypes::<S>::default())
    }

    /// With the schema lock of an aggregate, for `lock seal`. It seals the lines of what this program derives, and records
    /// their samples first, as `ES_LOCK=seal cargo test` does. A relative path is one from the folder of the process.
    ///
    /// ```no_run
    /// # use es_runtime::{Aggregate, schema::SetShapes};
    /// # fn app<Order: Aggregate<Event: SetShapes>>() {
    /// let app = es_cli::App::new().lock::<Order>("schema/order.lock");
    /// # }
    /// ```
    #[must_use]
    pub fn lock<A>(mut self, file: impl Into<PathBuf>) -> Self
    where
        A: Aggregate,
        A::Event: es_runtime::schema::SetShapes,
    {
        let file = file.into();
        let sealed = file.clone();
        let mode = es_schema_lock::LockMode::Seal;
        let seal = move || es_schema_lock::check_lock_in::<A>(&sealed, mode);
        self.locks.push((file, Box::new(seal)));
        self
    }

    /// With its catalogue, which the explorer shows.
    ///
    /// ```no_run
    /// use es_schema_lock::Catalogue;
    ///
    /// let app = es_cli::App::new().catalogue(Catalogue::new("shop"));
    /// ```
    #[cfg(feature = "explore")]
    #[must_use]
    pub fn catalogue(mut self, catalogue: es_schema_lock::Catalogue) -> Self {
        self.catalogue = Some(catalogue);
        self
    }

    /// What the explorer needs of this application, for a router that an application mounts.
    ///
    /// ```no_run
    /// use es_explorer::{Options, Place, Writes, router_with};
    ///
    /// // With the types, projections and sagas of the application.
    /// let app = es_cli::App::new();
    /// let options = Options::new().application(app.explorer()).writes(Writes::Allowed);
    /// let router = router_with(&Place::new("sqlite:shop.db")?, options)?;
    /// # Ok::<(), es_explorer::Error>(())
    /// ```
    #[cfg(feature = "explore")]
    pub fn explorer(&self) -> Arc<dyn es_explorer::Application> {
        Arc::new(explore::Explored::of(self))
    }

    /// With its projections and subscriptions, for `parked retry`, `parked discard` and `rebuild`. The function gets the
    /// store and the read database that the command line names. Their handlers are portable: without a database type.
    ///
    /// ```no_run
    /// use es_projections::Projections;
    ///
    /// let app = es_cli::App::new().projections(|store, read| Projections::new(store, read));
    /// ```
    #[must_use]
    pub fn projections(
        mut self,
        make: impl Fn(
            es_runtime::AnyStore,
            es_projections::AnyReadDatabase,
        ) -> es_projections::Projections
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.operators.projections = Some(Arc::new(make));
        self
    }

    /// With its sagas and process managers, for the verbs of `sagas` that repair. Repairs call no step: the running
    /// application does, once an instance is repaired.
    ///
    /// ```no_run
    /// use es_sagas::Sagas;
    ///
    /// let app = es_cli::App::new().sagas(|store| Sagas::new(store));
    /// ```
    #[must_use]
    pub fn sagas(
        mut self,
        make: impl Fn(es_runtime::AnyStore) -> es_sagas::Sagas + Send + Sync + 'static,
    ) -> Self {
        self.operators.sagas = Some(Arc::new(make));
        self
    }

    fn with(mut self, aggregate: &str, types: impl Streams + 'static) -> Self {
        self.types.insert(aggregate.to_owned(), Arc::new(types));
        self
    }

    /// Runs the program with the arguments and streams of this process.
    pub fn run(self) -> ExitCode {
        crate::main_of(Some(&self))
    }

    /// Runs it with these arguments, as [`run`](crate::run) does. Returns the exit code.
    ///
    /// ```
    /// let (mut out, mut err) = (Vec::new(), Vec::new());
    /// let code = es_cli::App::new().run_with(["es", "--version"], &mut out, &mut err);
    /// assert_eq!(code, 0);
    /// ```
    pub fn run_with<A: Into<OsString>>(
        &self,
        args: impl IntoIterator<Item = A>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> u8 {
        let args = args.into_iter().map(Into::into).collect();
        run_as(args, Some(self), out, err, false)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").field(&self.types.keys()).finish()
    }
}

impl Application for App {
    fn show(
        &self,
        (aggregate, id): (&str, &str),
        at: Option<At>,
        store: &mut Store<'_>,
        printer: &mut Printer<'_>,
    ) -> Result<Option<u64>, Error> {
        let Some(types) = self.types.get(aggregate) else {
            return Ok(None);
        };
        show::run(&**types, (aggregate, id), at, store, printer).map(Some)
    }

    fn verify(&self, store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
        verify::run(&self.types, store, report)
    }

    fn operators(&self) -> &Operators {
        &self.operators
    }

    fn seal(&self, files: &[PathBuf]) -> Result<Vec<(PathBuf, Vec<String>)>, Error> {
        if let Some(unknown) = files
            .iter()
            .find(|file| !self.locks.iter().any(|(own, _)| own == *file))
        {
            let file = unknown.display();
            let what = format!(
                "{file} is no lock of the application: it does not call `es_cli::App::lock` with it"
            );
            return Err(Error::Missing(what));
        }
        let mut sealed = Vec::new();
        for (file, seal) in &self.locks {
            if files.is_empty() || files.contains(file) {
                let report = seal().map_err(|error| Error::Refused(error.to_string()))?;
                let changes = report.changes.iter().map(ToString::to_string);
                sealed.push((file.clone(), changes.collect()));
            }
        }
        Ok(sealed)
    }

    fn aggregates(&self) -> Vec<&str> {
        self.types.keys().map(String::as_str).collect()
    }

    #[cfg(feature = "explore")]
    fn explorer(&self) -> Arc<dyn es_explorer::Application> {
        Self::explorer(self)
    }
}
