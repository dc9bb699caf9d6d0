//! One projection inside appends: its tables, and its handler.

use crate::{
    api::{
        BrokenConstraint, Dialect, HandlerError, Names, Partition, ProjectionError, ReadDatabase,
        SqlTransaction, schema,
    },
    engine::{
        batch::{key_of, key_or_stream},
        builds::prepare,
        erased::{AnyProjection, Definition},
        handler::run_handler,
    },
    state::{
        builds::{self, Build, Plan},
        checkpoints,
        parked::{self, ParkedEvent},
    },
};
use es_runtime::{EventId, Position, RecordedEvent, StorageError, StorageErrorKind};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One projection that runs inside appends.
pub(crate) struct Inline<Db> {
    projection: AnyProjection<Db>,
    /// The stored events whose handlers ended the transaction. They are parked without another try.
    ended: Mutex<HashSet<EventId>>,
}

/// The tables of an inline projection.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The position up to which they were built when they were opened.
    pub(crate) position: Position,
    partition: Partition,
    names: Names,
    /// Whether PostgreSQL may check a constraint only at the commit.
    checks: bool,
    /// The real names of the tables with foreign keys that SQLite may check only at the commit.
    keyed: Vec<String>,
    /// How many events are parked.
    parked: u64,
    /// Whether a rebuild is to take their place.
    pub(crate) hand_over: bool,
    /// What the projection state says about an event of a newer program, if there is one next.
    waits: Option<String>,
}

/// An event that an inline projection could not handle.
#[derive(Debug, thiserror::Error)]
#[error("projection `{projection}` failed at event `{event}`: {error}")]
#[non_exhaustive]
pub struct InlineFailure {
    /// The projection.
    pub projection: &'static str,
    /// The event's stored name.
    pub event: String,
    /// The error of the handler.
    pub error: HandlerError,
}

/// An earlier event of the key is parked.
#[derive(Debug, thiserror::Error)]
#[error(
    "an earlier event of its key is parked: that of stream {} at version {}, position {} ({}); handle it \
     with `Projections::retry` or skip it with `Projections::discard` first",
    .0.event.stream, .0.event.version, .0.event.position, .0.event.reason
)]
struct KeyIsParked(ParkedEvent);

/// What became of a stored event.
enum Took {
    Yes,
    /// It was not handled, for this reason.
    Failed(HandlerError),
    /// A newer program wrote it.
    Newer(HandlerError),
}

impl<Db: ReadDatabase> Inline<Db> {
    pub(crate) fn new(projection: AnyProjection<Db>) -> Self {
        Self {
            projection,
            ended: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.definition.name
    }

    fn accepts(&self, event: &RecordedEvent) -> bool {
        self.projection
            .definition
            .filter
            .accepts(event.stream.aggregate(), &event.name)
    }

    /// The stored events whose handlers ended the transaction. Nothing that can panic runs under the
    /// lock.
    pub(crate) fn ended(&self) -> MutexGuard<'_, HashSet<EventId>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates the tables if they are missing or have another version, and makes them live.
    /// `take_new` does the same with a rebuild that is not live yet. The caller brings them up to date
    /// in the same transaction.
    pub(crate) async fn open(
        &self,
        tx: &mut Db::Transaction,
        store: Option<String>,
        take_new: bool,
    ) -> Result<Tables, ProjectionError> {
        let Definition { name, version, .. } = *self.projection.definition;
        let storage = |error: StorageError| ProjectionError::storage(name, error);
        let dialect = tx.dialect();
        let plan = Plan {
            name,
            version,
            partitions: 1,
            schema: self.projection.handlers.tables(dialect).into_owned(),
            events: builds::listed(&self.projection.definition.filter),
            starts_live: false,
            from: Position::START,
            store,
        };
        let found = prepare::<Db>(tx, &plan, false).await?;
        let mine = |g: &&Build| g.version == version;
        // An unfinished build of this version is as good as the live one once it is up to date.
        let live = found.iter().find(|g| g.live);
        let Some(new) = found.iter().filter(mine).max_by_key(|g| g.live != take_new) else {
            return Err(storage(StorageError::new(
                StorageErrorKind::Corrupt,
                "the projection state has no build of this version",
            )));
        };
        if !new.live {
            builds::make_live(tx, name, live, new)
                .await
                .map_err(storage)?;
        }
        let partition = Partition {
            name,
            build: new.number,
            partition: 0,
        };
        let at = checkpoints::lock_checkpoint::<Db>(tx, &partition)
            .await
            .map_err(storage)?;
        let Some(at) = at else {
            return Err(storage(StorageError::new(
                StorageErrorKind::Corrupt,
                "the projection state has no checkpoint of the live build",
            )));
        };
        let epoch = at.epoch.saturating_add(1);
        checkpoints::acquire::<Db>(tx, &partition, epoch, checkpoints::INLINE, 0)
            .await
            .map_err(storage)?;
        let defers = schema::defers_constraints(dialect, &plan.schema);
        let keyed = match dialect {
            Dialect::Sqlite if defers => new.tables(dialect),
            _ => Vec::new(),
        };
        Ok(Tables {
            position: at.position,
            names: partition.names(&schema::declared(dialect, &plan.schema)),
            checks: defers && dialect == Dialect::Postgres,
            keyed,
            partition,
            parked: at.parked,
            hand_over: false,
            waits: None,
        })
    }

    /// Hands one new event to its handler if the projection lists it. If this fails, the caller must
    /// undo what was written.
    pub(crate) async fn handle(
        &self,
        tx: &mut Db::Transaction,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> Result<(), super::InlineError> {
        if !self.accepts(event) {
            return Ok(());
        }
        let failure = |error| InlineFailure {
            projection: self.name(),
            event: event.name.to_string(),
            error,
        };
        let key = key_of(self.projection.definition.key, event).map_err(failure)?;
        if tables.parked > 0 {
            let first = parked::first_parked(tx, &tables.partition, &key).await?;
            if let Some(first) = first {
                return Err(failure(HandlerError::from(KeyIsParked(first))).into());
            }
        }
        match self.dispatch(tx, tables, event).await {
            Ok(()) => Ok(()),
            Err(error) if self.projection.definition.skips(&error) => Ok(()),
            Err(error) => Err(failure(error).into()),
        }
    }

    async fn dispatch(
        &self,
        tx: &mut Db::Transaction,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> Result<(), HandlerError> {
        tx.set_names(tables.names.clone());
        let limit = tx.handler_limit();
        run_handler(limit, self.projection.handlers.handle(event, tx)).await?;
        // In PostgreSQL the commit of this event would otherwise fail together with others.
        if tables.checks && tx.is_open().await {
            tx.script(CHECK_CONSTRAINTS).await?;
        }
        Ok(())
    }

    /// Handles stored events that other processes appended. One that fails is parked, with the later
    /// ones of its key, and costs no other. `false` if one is left to a newer program.
    pub(crate) async fn take_stored(
        &self,
        tx: &mut Db::Transaction,
        tables: &mut Tables,
        to: Position,
        events: &[RecordedEvent],
    ) -> Result<bool, StorageError> {
        if tables.parked == 0 && self.take_all(tx, tables, events).await? {
            tables.moved::<Db>(tx, to, events, 0).await?;
            return Ok(true);
        }
        let mut parked = 0_u64;
        for (index, event) in events.iter().enumerate() {
            let reason = match self.take_one(tx, tables, event).await? {
                Took::Yes => continue,
                Took::Failed(error) => error.message(),
                Took::Newer(error) => {
                    let before = events.get(..index).unwrap_or_default();
                    if let Some(last) = before.last() {
                        tables
                            .moved::<Db>(tx, last.position, before, parked)
                            .await?;
                    }
                    tables.wait::<Db>(tx, &error.message()).await?;
                    return Ok(false);
                }
            };
            let key = key_or_stream(self.projection.definition.key, event);
            parked::park::<Db>(tx, &tables.partition, &key, event, &reason, 1).await?;
            parked = parked.saturating_add(1);
            tables.parked = tables.parked.saturating_add(1);
        }
        tables.moved::<Db>(tx, to, events, parked).await?;
        Ok(true)
    }

    /// Handles all of them, or none if one fails.
    async fn take_all(
        &self,
        tx: &mut Db::Transaction,
        tables: &mut Tables,
        events: &[RecordedEvent],
    ) -> Result<bool, StorageError> {
        if events
            .iter()
            .any(|event| self.ended().contains(&event.event_id))
        {
            return Ok(false);
        }
        tx.savepoint().await?;
        for event in events {
            if !self.accepts(event) {
                continue;
            }
            if !matches!(self.attempt(tx, tables, event).await?, Took::Yes) {
                self.undo(tx, event).await?;
                return Ok(false);
            }
        }
        if tables.break_keys(tx).await? {
            tx.back_to_savepoint().await?;
            return Ok(false);
        }
        tx.release_savepoint().await?;
        Ok(true)
    }

    async fn take_one(
        &self,
        tx: &mut Db::Transaction,
        tables: &mut Tables,
        event: &RecordedEvent,
    ) -> Result<Took, StorageError> {
        if !self.accepts(event) {
            return Ok(Took::Yes);
        }
        let key = key_or_stream(self.projection.definition.key, event);
        if tables.parked > 0 && parked::is_parked(tx, &tables.partition, &key).await? {
            let why = "an earlier event of its key is parked";
            return Ok(Took::Failed(HandlerError::new(why)));
        }
        if self.ended().contains(&event.event_id) {
            return Ok(Took::Failed(HandlerError::new(
                "its handler ended the transaction",
            )));
        }
        tx.savepoint().await?;
        let mut took = self.attempt(tx, tables, event).await?;
        if matches!(took, Took::Yes) && tables.break_keys(tx).await? {
            took = Took::Failed(HandlerError::from(BrokenConstraint));
        }
        match took {
            Took::Yes => tx.release_savepoint().await?,
            Took::Failed(_) | Took::Newer(_) => self.undo(tx, event).await?,
        }
        Ok(took)
    }

    /// Undoes what was written for a stored event. If its handler ended the transaction, everything is
    /// undone, and the event is not tried again.
    async fn undo(
        &self,
        tx: &mut Db::Transaction,
        event: &RecordedEvent,
    ) -> Result<(), StorageError> {
        match tx.back_to_savepoint().await {
            Ok(()) => Ok(()),
            Err(error) if error.kind.is_transient() => Err(error),
            Err(_) => {
                self.ended().insert(event.event_id);
                Err(StorageError::new(
                    StorageErrorKind::Other,
                    format!(
                        "the handler of the inline projection `{}` ended the transaction at the event \
                         of stream {} at version {}, position {}",
                        self.name(),
                        event.stream,
                        event.version,
                        event.position
                    ),
                ))
            }
        }
    }

    async fn attempt(
        &self,
        tx: &mut Db::Transaction,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> Result<Took, StorageError> {
        let done = match key_of(self.projection.definition.key, event) {
            Ok(_) => self.dispatch(tx, tables, event).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) if tx.is_open().await => Ok(Took::Yes),
            Ok(()) => Ok(Took::Failed(HandlerError::new(
                "the handler continued after one of its statements had failed",
            ))),
            Err(error) => match tx.database_error(&error) {
                Some(error) => Err(error),
                None if self.projection.definition.skips(&error) => Ok(Took::Yes),
                None if error.is_newer() => Ok(Took::Newer(error)),
                None => Ok(Took::Failed(error)),
            },
        }
    }
}

impl Tables {
    /// Reads their checkpoint, which another process may have moved. `None` if another process
    /// replaced them.
    pub(crate) async fn position<Db: ReadDatabase>(
        &mut self,
        tx: &mut Db::Transaction,
    ) -> Result<Option<Position>, StorageError> {
        let found = checkpoints::lock_checkpoint::<Db>(tx, &self.partition).await?;
        let Some(at) = found else {
            return Ok(None);
        };
        self.parked = at.parked;
        self.hand_over = at.owner == checkpoints::HANDS_OVER;
        self.waits = at.stall;
        Ok(Some(at.position))
    }

    /// Moves their checkpoint to this position, after these events were handled or parked.
    pub(crate) async fn moved<Db: ReadDatabase>(
        &self,
        tx: &mut Db::Transaction,
        to: Position,
        events: &[RecordedEvent],
        parked: u64,
    ) -> Result<(), StorageError> {
        checkpoints::move_inline::<Db>(tx, &self.partition, to, events, parked).await
    }

    /// Records that the next event is left to a newer program.
    async fn wait<Db: ReadDatabase>(
        &mut self,
        tx: &mut Db::Transaction,
        what: &str,
    ) -> Result<(), StorageError> {
        let why = format!("for a newer program: {what}");
        if self.waits.as_ref() != Some(&why) {
            checkpoints::note_wait::<Db>(tx, &self.partition, &why).await?;
            self.waits = Some(why);
        }
        Ok(())
    }

    /// Whether a foreign key is broken that SQLite checks at the commit.
    async fn break_keys<T: SqlTransaction + ?Sized>(
        &self,
        tx: &mut T,
    ) -> Result<bool, StorageError> {
        for table in &self.keyed {
            let check = "SELECT 1 FROM pragma_foreign_key_check($1) LIMIT 1";
            if !tx.rows(check, &[table.as_str().into()]).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Checks deferred constraints now. They stay deferred.
const CHECK_CONSTRAINTS: &str = "SAVEPOINT es_check; SET CONSTRAINTS ALL IMMEDIATE; \
                                 ROLLBACK TO SAVEPOINT es_check; RELEASE SAVEPOINT es_check";
