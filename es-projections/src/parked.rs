//! Parked events: seeing them, trying them again, giving them up with a reason.

use super::{
    Deliver, Delivery, Dispatch, HandlerError, Job, Partition, Poison, ProjectionError,
    Projections, ReadDatabase, RolledBack, SqlTransaction, SqlValue,
    batch::handled,
    delivery::deliver_first,
    runner::Core,
    tables::{self, BUILDS, Columns},
};
use es_runtime::{EventId, EventStore, ReadLimit, RecordedEvent, StorageError, StreamRange};
use std::{marker::PhantomData, sync::Arc};

/// An event that waits because it failed, or because an earlier one of its key did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parked {
    /// The build whose tables lack it.
    pub build: u32,
    /// Its key. Of one that is longer than 1,000 bytes or holds a NUL, its beginning and a digest; either
    /// form names it to [`retry`](Projections::retry) and [`discard`](Projections::discard).
    pub key: String,
    /// Which event, why, and how often it was tried; no attempts where it waits for another one.
    pub event: Poison,
    /// When it was parked, in milliseconds since 1970.
    pub parked_at: i64,
    partition: u32,
    number: i64,
}

/// What [`Projections::retry`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retried {
    /// How many events were handled.
    pub handled: u64,
    /// The event that failed again, with those behind it still parked; `None` when the key is free.
    pub failed: Option<Parked>,
}

/// What became of a parked event that was tried again.
#[derive(Debug)]
pub(super) enum AgainEnd {
    Handled,
    Failed(HandlerError),
    /// Somebody else dealt with it.
    Gone,
    Storage(StorageError),
}

/// A parked event to try again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    which: Which,
    event: RecordedEvent,
}

/// One parked event, and no other that got its number when it was gone.
#[derive(Clone, Debug)]
struct Which {
    partition: Partition,
    number: i64,
    event_id: EventId,
}

impl Which {
    fn of(name: &'static str, parked: &Parked) -> Self {
        Self {
            partition: Partition {
                name,
                build: parked.build,
                partition: parked.partition,
            },
            number: parked.number,
            event_id: parked.event.event_id,
        }
    }

    /// Its row, by parameters from this number on.
    fn row(first: u32) -> String {
        const COLUMNS: [&str; 5] = ["name", "build", "partition", "number", "event_id"];
        let columns = (first..).zip(COLUMNS);
        let columns = columns.map(|(number, column)| format!("{column} = ${number} AND "));
        let columns: String = columns.collect();
        format!("WHERE {columns}discarded_at IS NULL")
    }

    fn values(&self) -> [SqlValue; 5] {
        [
            self.partition.name.into(),
            self.partition.build.into(),
            self.partition.partition.into(),
            self.number.into(),
            self.event_id.to_string().into(),
        ]
    }
}

const PARKED: &str = "SELECT partition, number, key, position, aggregate, aggregate_id, version, \
                      event_id, event, reason, attempts, parked_at FROM es_parked \
                      WHERE name = $1 AND build = $2 AND discarded_at IS NULL";

fn parked(name: &str, build: u32, row: Vec<SqlValue>) -> Result<Parked, StorageError> {
    let mut columns = Columns::new(name, row);
    Ok(Parked {
        build,
        partition: columns.number()?,
        number: columns.integer()?,
        key: columns.text()?,
        event: Poison {
            position: columns.parsed()?,
            stream: columns.stream()?,
            version: columns.number()?,
            event_id: columns.parsed()?,
            name: columns.text()?.into(),
            reason: columns.text()?,
            attempts: columns.number()?,
        },
        parked_at: columns.integer()?,
    })
}

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// The parked events of a projection, in the order in which they would be handled.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`] for a name that this runner does not have,
    /// [`ProjectionError::Storage`] when the read database cannot be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn parked(&self, name: &str) -> Result<Vec<Parked>, ProjectionError> {
        let name = self.find(name)?.name;
        let storage = |error| ProjectionError::storage(name, error);
        let mut all = Vec::new();
        for build in self.generations_of(name).await? {
            let sql = format!("{PARKED} ORDER BY partition, number");
            let which = [name.into(), build.number.into()];
            let rows = self.core.db.query(&sql, &which).await.map_err(storage)?;
            for row in rows {
                all.push(parked(name, build.number, row).map_err(storage)?);
            }
        }
        Ok(all)
    }

    /// Tries the parked events of a key again, in order, each in a transaction of its own, until
    /// none is left or one fails. When none is left, later events of the key are handled as usual.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`], and [`ProjectionError::Storage`] when a database fails; what
    /// was handled before stays handled.
    ///
    /// # Cancel safety
    /// Each event was handled or is still parked.
    pub async fn retry(&self, name: &str, key: &str) -> Result<Retried, ProjectionError> {
        let registered = self.find(name)?;
        let name = registered.name;
        let storage = |error| ProjectionError::storage(name, error);
        let mut retried = Retried {
            handled: 0,
            failed: None,
        };
        for build in self.generations_of(name).await? {
            while let Some(first) = self.first(name, build.number, key).await? {
                let event = self.stored(&first).await.map_err(storage)?;
                let which = Which::of(name, &first);
                let todo = Again {
                    which: which.clone(),
                    event,
                };
                match (registered.again)(Arc::clone(&self.core), todo).await {
                    AgainEnd::Handled => retried.handled += 1,
                    AgainEnd::Gone => {}
                    AgainEnd::Storage(error) => return Err(storage(error)),
                    AgainEnd::Failed(error) => {
                        let reason = error.to_string();
                        let note = Note {
                            which,
                            reason: reason.clone(),
                        };
                        let noted = self.core.db.transact(note).await;
                        noted.map_err(|error| storage(error.error))?;
                        let mut failed = first;
                        failed.event.attempts = failed.event.attempts.saturating_add(1);
                        failed.event.reason = reason;
                        retried.failed = Some(failed);
                        break;
                    }
                }
            }
        }
        Ok(retried)
    }

    /// Gives up the first parked event of a key: it will not be in this read model. Who looks into
    /// `es_parked` later finds it with the reason. The events behind it stay parked;
    /// [`retry`](Projections::retry) handles them.
    ///
    /// Gives what was discarded, `None` when nothing of this key is parked.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`], and [`ProjectionError::Storage`] when the database fails.
    ///
    /// # Cancel safety
    /// It was discarded or not.
    pub async fn discard(
        &self,
        name: &str,
        key: &str,
        why: &str,
    ) -> Result<Option<Parked>, ProjectionError> {
        let name = self.find(name)?.name;
        let mut discarded = None;
        for build in self.generations_of(name).await? {
            let Some(first) = self.first(name, build.number, key).await? else {
                continue;
            };
            let job = Discard {
                which: Which::of(name, &first),
                why: why.to_owned(),
            };
            let done = self.core.db.transact(job).await;
            if done.map_err(|error| ProjectionError::storage(name, error))? {
                discarded = Some(first);
            }
        }
        Ok(discarded)
    }

    async fn generations_of(
        &self,
        name: &'static str,
    ) -> Result<Vec<super::Build>, ProjectionError> {
        let storage = |error| ProjectionError::storage(name, error);
        let rows = self.core.db.query(BUILDS, &[name.into()]).await;
        let rows = rows.map_err(storage)?.into_iter();
        rows.map(|row| tables::build(name, row).map_err(storage))
            .collect()
    }

    async fn first(
        &self,
        name: &'static str,
        build: u32,
        key: &str,
    ) -> Result<Option<Parked>, ProjectionError> {
        let storage = |error| ProjectionError::storage(name, error);
        let sql = format!("{PARKED} AND key = $3 ORDER BY number LIMIT 1");
        let key = tables::key_in_books(key);
        let which = [name.into(), build.into(), key.as_ref().into()];
        let rows = self.core.db.query(&sql, &which).await.map_err(storage)?;
        let row = rows.into_iter().next();
        row.map(|row| parked(name, build, row).map_err(storage))
            .transpose()
    }

    /// The event itself, out of the store.
    async fn stored(&self, parked: &Parked) -> Result<RecordedEvent, StorageError> {
        let range = StreamRange::forward(parked.event.version.saturating_sub(1));
        let stream = &parked.event.stream;
        let limit = ReadLimit::events(1);
        let found = self.core.store.read_stream(stream, range, limit).await?;
        found
            .into_iter()
            .find(|event| event.event_id == parked.event.event_id)
            .ok_or_else(|| {
                StorageError::new(
                    es_runtime::StorageErrorKind::Corrupt,
                    format!(
                        "the parked event {} is not in the store; was it restored from a copy?",
                        parked.event.event_id
                    ),
                )
            })
    }
}

/// Takes a parked event away; `false` when it is gone.
async fn unpark<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    which: &Which,
) -> Result<bool, StorageError> {
    // The runner parks behind parked events under the same lock, so none of a key is passed by.
    let partition = &which.partition;
    if tables::lock_checkpoint::<Db>(tx, partition)
        .await?
        .is_none()
    {
        return Ok(false);
    }
    let delete = format!("DELETE FROM es_parked {}", Which::row(1));
    let gone = tx.statement(&delete, &which.values()).await?;
    if gone == 1 {
        less_parked(tx, partition).await?;
    }
    Ok(gone == 1)
}

async fn less_parked<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    partition: &Partition,
) -> Result<(), StorageError> {
    let which = [
        partition.name.into(),
        partition.build.into(),
        partition.partition.into(),
    ];
    tx.statement(
        "UPDATE es_checkpoints SET parked = parked - 1 WHERE name = $1 AND build = $2 AND \
         partition = $3",
        &which,
    )
    .await
    .map(|_| ())
}

struct ProjectAgain<P, Db> {
    projection: Arc<P>,
    todo: Again,
    database: PhantomData<fn(Db)>,
}

impl<P: Dispatch<Db>, Db: ReadDatabase> Job<Db> for ProjectAgain<P, Db> {
    type Output = AgainEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<AgainEnd, RolledBack<AgainEnd>> {
        let Again { which, event } = self.todo;
        if !unpark::<Db>(tx, &which).await? {
            return Err(RolledBack::With(AgainEnd::Gone));
        }
        tx.set_names(which.partition.names());
        match handled::<P, Db>(&self.projection, &event, tx).await? {
            Ok(()) => Ok(AgainEnd::Handled),
            Err(error) => Err(RolledBack::With(AgainEnd::Failed(error))),
        }
    }
}

pub(super) async fn project_again<S: EventStore, Db: ReadDatabase, P: Dispatch<Db>>(
    core: Arc<Core<S, Db>>,
    projection: Arc<P>,
    todo: Again,
) -> AgainEnd {
    let job = ProjectAgain {
        projection,
        todo,
        database: PhantomData,
    };
    core.db
        .transact(job)
        .await
        .unwrap_or_else(|error| AgainEnd::Storage(error.error))
}

struct Unpark(Which);

impl<Db: ReadDatabase> Job<Db> for Unpark {
    type Output = bool;

    async fn run(self, tx: &mut Db::Transaction) -> Result<bool, RolledBack<bool>> {
        Ok(unpark::<Db>(tx, &self.0).await?)
    }
}

pub(super) async fn deliver_again<S: EventStore, Db: ReadDatabase, D: Deliver>(
    core: Arc<Core<S, Db>>,
    subscription: Arc<D>,
    todo: Again,
) -> AgainEnd {
    let delivery = Delivery::new(D::NAME, todo.event.event_id, 1);
    if let Err(error) = deliver_first(&*subscription, &todo.event, &delivery).await {
        return AgainEnd::Failed(error);
    }
    match core.db.transact(Unpark(todo.which)).await {
        Ok(true) => AgainEnd::Handled,
        Ok(false) => AgainEnd::Gone,
        Err(error) => AgainEnd::Storage(error.error),
    }
}

/// Keeps why the last attempt failed.
struct Note {
    which: Which,
    reason: String,
}

impl<Db: ReadDatabase> Job<Db> for Note {
    type Output = ();

    async fn run(self, tx: &mut Db::Transaction) -> Result<(), RolledBack<()>> {
        let update = format!(
            "UPDATE es_parked SET reason = $1, attempts = attempts + 1 {}",
            Which::row(2)
        );
        let mut values = vec![tables::told(&self.reason)];
        values.extend(self.which.values());
        tx.statement(&update, &values).await?;
        Ok(())
    }
}

struct Discard {
    which: Which,
    why: String,
}

impl<Db: ReadDatabase> Job<Db> for Discard {
    type Output = bool;

    async fn run(self, tx: &mut Db::Transaction) -> Result<bool, RolledBack<bool>> {
        let partition = &self.which.partition;
        if tables::lock_checkpoint::<Db>(tx, partition)
            .await?
            .is_none()
        {
            return Ok(false);
        }
        let update = format!(
            "UPDATE es_parked SET discarded_at = {}, discarded_why = $1 {}",
            tx.dialect().now(),
            Which::row(2)
        );
        let mut values = vec![tables::told(&self.why)];
        values.extend(self.which.values());
        let done = tx.statement(&update, &values).await? == 1;
        if done {
            less_parked(tx, partition).await?;
        }
        Ok(done)
    }
}
