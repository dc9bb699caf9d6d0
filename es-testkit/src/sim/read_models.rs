//! The read models of a history, in SQLite, and how one process sees them.

use super::{
    Sim, SimStore,
    store::silent,
    trouble::{Kind, Trouble},
    world::World,
};
use crate::{
    diff,
    projection::{failure, written},
    ready::ready,
};
use es_projections::{
    Dialect, Projections, ReadDatabase, SqlRow, SqlValue,
    backend::{Job, RolledBack, RowsOfQueries, SqlTransaction, TransactionError},
};
use es_runtime::{Outcome, StorageError};
use es_sqlite::{__private::MemoryReadModels, SqliteReadDatabase, SqliteTransaction};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

/// The read models of a history.
#[derive(Default)]
pub(super) struct ReadModels {
    database: OnceLock<MemoryReadModels>,
    /// What ran, by the names of the projections.
    ran: Mutex<BTreeMap<&'static str, Projections<SimStore, SimReadDatabase>>>,
}

impl ReadModels {
    fn database(&self) -> &MemoryReadModels {
        let open = || MemoryReadModels::open().unwrap_or_else(|error| panic!("{error}"));
        self.database.get_or_init(open)
    }

    pub(super) fn keep(
        &self,
        name: &'static str,
        projections: Projections<SimStore, SimReadDatabase>,
    ) {
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.insert(name, projections);
    }

    /// Forgets what ran. It refers to the history, which would never end.
    pub(super) fn forget(&self) -> BTreeMap<&'static str, Projections<SimStore, SimReadDatabase>> {
        std::mem::take(&mut *self.ran.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The rows of every table, sorted.
    fn rows(&self) -> BTreeMap<String, String> {
        let views = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name";
        let mut all = BTreeMap::new();
        for view in self.select(views, &[]) {
            let view: String = view.get(0).unwrap_or_default();
            let rows = self.select(&format!("SELECT * FROM \"{view}\""), &[]);
            let rows: Vec<_> = rows.into_iter().map(SqlRow::into_values).collect();
            let text = written(&rows);
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            let text = lines.into_iter().flat_map(|line| [line, "\n"]).collect();
            all.insert(view, text);
        }
        all
    }

    #[track_caller]
    fn select(&self, sql: &str, values: &[SqlValue]) -> Vec<SqlRow> {
        match self.database().query(sql, values) {
            Ok(rows) => rows.into_iter().map(SqlRow::new).collect(),
            Err(error) => panic!("{sql}\n{error}"),
        }
    }
}

impl World {
    /// Rebuilds every projection that ran, without failures, and requires the rows that it had.
    pub(super) fn check_read_models(&self) {
        let ran = self.read_models.forget();
        if ran.is_empty() {
            return;
        }
        let live = self.read_models.rows();
        // A handler that asks the clock of the simulation writes other rows on another day.
        let day = Duration::from_secs(86_400);
        self.set_calm(true);
        self.clock.pass(day);
        for (name, projections) in &ran {
            let rebuild = async {
                projections.rebuild_now(name).await?;
                projections.parked(name).await
            };
            match ready(rebuild) {
                Ok(parked) => {
                    if let Some(first) = parked.first() {
                        panic!("{}", failure(name, &first.event));
                    }
                }
                Err(error) => panic!("projection `{name}`: {error}"),
            }
        }
        self.clock.turn_back(day);
        self.set_calm(false);
        let rebuilt = self.read_models.rows();
        for (table, rebuilt) in &rebuilt {
            let live = live.get(table).map_or("", String::as_str);
            assert!(
                live == rebuilt,
                "the table `{table}` has other rows after a rebuild\n{}",
                diff::between(("rebuilt", rebuilt), ("live", live))
            );
        }
    }
}

impl Sim {
    /// The rows of a query of the read models, for what must be true of them. Needs the feature `sqlite` too.
    ///
    /// # Panics
    /// When the query fails. The tables are there after [`run`](Sim::run), where a process ran
    /// [`project`](super::Process::project).
    #[track_caller]
    pub fn select(&self, sql: &str, values: &[SqlValue]) -> Vec<SqlRow> {
        self.world.read_models.select(sql, values)
    }
}

/// The read models as a worker of one process sees them.
#[derive(Clone)]
pub(super) struct SimReadDatabase {
    world: Arc<World>,
    process: usize,
    /// How often the process has died before.
    deaths: u64,
    projection: &'static str,
}

impl SimReadDatabase {
    pub(super) fn new(world: Arc<World>, process: usize, projection: &'static str) -> Self {
        let deaths = world.deaths(process);
        Self {
            world,
            process,
            deaths,
            projection,
        }
    }

    fn run<J: Job<Self>>(&self, job: J, is_kept: bool) -> Result<J::Output, TransactionError> {
        let job = Inside { job, is_kept };
        self.world.read_models.database().transact(job)
    }
}

impl ReadDatabase for SimReadDatabase {
    type Transaction = SqliteTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn owner(&self, name: String) -> String {
        format!("{name} [{} {}]", self.process, self.deaths)
    }

    /// The leases of a process that has died have ended, those of one that sleeps, and now and then another one.
    fn is_gone(&self, owner: &str) -> bool {
        let known = owner.strip_suffix(']').and_then(|owner| {
            let (_, life) = owner.rsplit_once('[')?;
            let (process, deaths) = life.split_once(' ')?;
            Some((process.parse().ok()?, deaths.parse().ok()?))
        });
        known.is_none_or(|(process, deaths): (usize, u64)| {
            self.world.has_lost_leases(process, deaths)
        })
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let what = format!("transaction of projection `{}`", self.projection);
        let failed = |outcome| {
            Err(TransactionError {
                outcome,
                error: silent(),
            })
        };
        let trouble = self.world.point(self.process, &what, Kind::Write).await;
        // The handlers run also where nothing is kept.
        match trouble {
            None => self.run(job, true),
            Some(Trouble::Unavailable) => failed(Outcome::NotApplied),
            Some(Trouble::UnknownNotApplied) => {
                let _ = self.run(job, false);
                failed(Outcome::Unknown)
            }
            Some(Trouble::UnknownApplied) => {
                let _ = self.run(job, true);
                failed(Outcome::Unknown)
            }
            Some(Trouble::DiesBefore) => {
                let _ = self.run(job, false);
                match self.world.die(self.process).await {}
            }
            Some(Trouble::DiesAfter) => {
                let _ = self.run(job, true);
                match self.world.die(self.process).await {}
            }
        }
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let what = format!("query of projection `{}`", self.projection);
        match self.world.point(self.process, &what, Kind::Read).await {
            Some(_) => Err(silent()),
            None => self.world.read_models.database().query(sql, values),
        }
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        let mut all = Vec::new();
        for (sql, values) in queries {
            all.push(self.query(sql, values).await?);
        }
        Ok(all)
    }
}

/// A job on the database itself. Where it is not kept, it is done and then rolled back.
struct Inside<J> {
    job: J,
    is_kept: bool,
}

impl<J: Job<SimReadDatabase>> Job<SqliteReadDatabase> for Inside<J> {
    type Output = J::Output;

    async fn run(self, tx: &mut SqliteTransaction) -> Result<J::Output, RolledBack<J::Output>> {
        let ended = self.job.run(tx).await;
        // The clock of the database is a real one, so the ends of leases would differ from run to run. Before there are
        // checkpoints there are no leases.
        let now = Dialect::Sqlite.now();
        let last = format!(
            "UPDATE es_checkpoints SET lease_until = {LEASE_END} WHERE lease_until > {now}"
        );
        let _ = tx.statement(&last, &[]).await;
        match ended {
            Ok(output) if !self.is_kept => Err(RolledBack::With(output)),
            ended => ended,
        }
    }
}

/// The end of every lease that has not ended, in milliseconds since 1970.
const LEASE_END: i64 = 9_000_000_000_000_000;
