//! The verbs that repair: each is one call of the operators of es-projections and es-sagas.
//!
//! Where such a call needs no function of the application, `es` has the verb too, by the same call: what is discarded, abandoned, taken over
//! or skipped is not looked at. All else stays with the program of the application: handlers fill the tables of projections,
//! definitions say which step of a saga comes next, and the state of a process manager is one of its own type.

use crate::{
    error::Error,
    known,
    output::Cell,
    store::{Location, Place, Store, postgres_options},
    verb::operation::{DiscardParked, Instance, Operation, Repair, RetryParked, RetrySagas},
};
use es_projections::{AnyReadDatabase, ProjectionError, Projections};
use es_runtime::{AnyStore, EventStore, Position, StorageError};
use es_sagas::{SagaError, Sagas, log::Verb};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use std::{collections::BTreeSet, sync::Arc};

type MakeProjections = Arc<dyn Fn(AnyStore, AnyReadDatabase) -> Projections + Send + Sync>;
type MakeSagas = Arc<dyn Fn(AnyStore) -> Sagas + Send + Sync>;

/// What the program of an application has registered.
#[derive(Clone, Default)]
pub(crate) struct Operators {
    pub(crate) projections: Option<MakeProjections>,
    pub(crate) sagas: Option<MakeSagas>,
}

/// What was done.
pub(crate) struct Done {
    pub(crate) values: Vec<(&'static str, Cell)>,
    /// Why a part of it, or all, was not possible.
    pub(crate) refused: Option<String>,
}

/// Whose functions an operation needs.
enum Needs {
    Nobodys,
    Projections(&'static str),
    Sagas(&'static str),
}

impl Needs {
    const fn of(operation: &Operation<'_>) -> Self {
        match operation {
            Operation::DiscardParked(_)
            | Operation::SkipInput(_)
            | Operation::RepairSaga(_, Repair::Abandon | Repair::TakeOver) => Self::Nobodys,
            Operation::RetryParked(_) => Self::Projections("a retry calls the handlers"),
            Operation::Rebuild(_) => Self::Projections(
                "the tables of a projection and the handlers that fill them are in its code. The running application builds them \
                 anew when its version is raised",
            ),
            Operation::RetrySagas(_) | Operation::RepairSaga(..) | Operation::RetryInput(_) => {
                Self::Sagas("what comes next is decided by the definition of the saga")
            }
            Operation::RebuildRows(_) => {
                Self::Sagas("a work item has what the definition of the saga says")
            }
        }
    }
}

impl Operators {
    /// Whether the program has the functions that the operation needs.
    pub(crate) fn can(&self, operation: &Operation<'_>, is_typed: bool) -> Result<(), Error> {
        let (why, what) = match Needs::of(operation) {
            Needs::Projections(why) if self.projections.is_none() => (why, "projections"),
            Needs::Sagas(why) if self.sagas.is_none() => (why, "sagas"),
            _ => return Ok(()),
        };
        Err(Error::Usage(if is_typed {
            format!("{why}, and this program has none: it does not call `es_cli::App::{what}`")
        } else {
            format!(
                "{why}: run the program of the application, which calls `es_cli::App::{what}` (docs/repair.md has one)"
            )
        }))
    }

    /// Whether it is there what an operation without the application's functions is about. The application's own ones say so
    /// themselves, unless they are about all that is parked of a saga.
    pub(crate) fn is_there(
        &self,
        operation: &Operation<'_>,
        store: &mut Store<'_>,
    ) -> Result<(), Error> {
        match operation {
            Operation::DiscardParked(DiscardParked { reader, key, .. })
                if self.projections.is_none() =>
            {
                if es_tables::parked::first_of_key(store, reader, key)?.is_empty() {
                    known::reader(store, reader)?;
                    return Err(nothing_parked(reader));
                }
                Ok(())
            }
            Operation::RepairSaga(Instance { name, id, .. }, _) if self.sagas.is_none() => {
                let Some(instance) = es_tables::sagas::find(store, name, id)? else {
                    known::saga(store, name)?;
                    return Err(Error::Missing(format!(
                        "{name} has no instance {id}; `sagas list {name}` lists them"
                    )));
                };
                if instance.kind == "saga" {
                    return Ok(());
                }
                Err(Error::Usage(format!(
                    "{name} is a {kind}, whose state is of its own type: run the program of the application, which calls \
                     `es_cli::App::sagas`",
                    kind = instance.kind
                )))
            }
            Operation::SkipInput(args) if self.sagas.is_none() => known::saga(store, &args.name),
            Operation::RetrySagas(args) if args.ids.is_empty() => known::saga(store, &args.name),
            _ => Ok(()),
        }
    }
}

pub(crate) fn run(
    operators: &Operators,
    operation: &Operation<'_>,
    place: &Place,
) -> Result<Done, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (store, read) = open(place).await?;
        let done = Box::pin(operate(operators, operation, store.clone(), read)).await;
        store.close().await;
        done
    })
}

/// Opens the store for writing. That it is one, with tables of this release, is known by now.
async fn open(place: &Place) -> Result<(AnyStore, AnyReadDatabase), Error> {
    let failed = |error: StorageError| Error::Operation(error.to_string());
    let postgres = |url: &str| {
        let options = postgres_options(place, url);
        options
            .map(|options| options.migrate(false))
            .map_err(Error::Operation)
    };
    let (store, own) = match place.location() {
        Location::Sqlite(path) => {
            let store = SqliteStore::open(path).await.map_err(failed)?;
            let read = AnyReadDatabase::new(store.read_database());
            (AnyStore::new(store), Some(read))
        }
        Location::Postgres(url) => {
            let store = postgres(url)?.open().await.map_err(failed)?;
            let read = AnyReadDatabase::new(store.read_database());
            (AnyStore::new(store), Some(read))
        }
        #[cfg(feature = "nats")]
        Location::Nats(location) => {
            let store = es_tables::jetstream::open_store(location).await?;
            (AnyStore::new(store), None)
        }
        #[cfg(not(feature = "nats"))]
        Location::Nats(_) => return Err(no_read_models()),
    };
    let read = match place.read_location() {
        // A place has no read models on JetStream.
        None | Some(Location::Nats(_)) => own.ok_or_else(no_read_models)?,
        Some(Location::Sqlite(path)) => {
            let read = SqliteReadDatabase::open(path).await;
            AnyReadDatabase::new(read.map_err(failed)?)
        }
        Some(Location::Postgres(url)) => {
            let read = postgres(url)?.open_read_database().await;
            AnyReadDatabase::new(read.map_err(failed)?)
        }
    };
    Ok((store, read))
}

/// There are no tables next to the events.
fn no_read_models() -> Error {
    Error::Usage(
        "a store on JetStream has its read models in another database: name it with --read-store"
            .to_owned(),
    )
}

async fn operate(
    operators: &Operators,
    operation: &Operation<'_>,
    store: AnyStore,
    read: AnyReadDatabase,
) -> Result<Done, Error> {
    // Without definitions they do what needs none.
    let sagas = || match &operators.sagas {
        Some(make) => make(store.clone()),
        None => Sagas::new(store.clone()),
    };
    let make = operators.projections.as_ref();
    let projections = || make.map(|make| make(store.clone(), read.clone()));
    match operation {
        Operation::RetryParked(args) => retry_parked(&projections().ok_or_else(none)?, args).await,
        Operation::DiscardParked(args) => discard_parked(projections(), &read, args).await,
        Operation::Rebuild(args) => {
            let projections = projections().ok_or_else(none)?;
            let build = if args.now {
                projections.rebuild_now(&args.name).await
            } else {
                projections.rebuild(&args.name).await
            };
            let build = build.map_err(of_projections)?;
            let mut values = vec![
                ("build", Cell::from(i64::from(build.number))),
                ("version", i64::from(build.version).into()),
            ];
            if !args.now {
                let who = "the running application builds it; `es readers` shows how far it is";
                values.push(("next", who.into()));
                return Ok(done_all(values));
            }
            let status = projections.status().await.map_err(of_projections)?;
            let waits = status
                .iter()
                .any(|of| of.projection == args.name && of.build == build.number && !of.live);
            Ok(Done {
                values,
                refused: waits.then(|| {
                    format!(
                        "build {} is not live: more of its events are parked than of the live one. Retry or discard them, \
                         then rebuild again; `es parked list {}` lists them",
                        build.number, args.name
                    )
                }),
            })
        }
        Operation::RetrySagas(args) => retry_sagas(&sagas(), args).await,
        Operation::RepairSaga(instance, repair) => {
            let verb = verb_of(repair)?;
            let name = verb.name();
            let Instance {
                name: saga,
                id,
                reason,
            } = instance;
            let (sagas, by) = (sagas(), reason.by()?);
            let done = sagas.repair(saga, id, verb, &by, &reason.why).await;
            done.map_err(of_sagas)?;
            Ok(done_all(vec![(
                "repaired",
                format!("{saga}/{id}: {name}").into(),
            )]))
        }
        Operation::RetryInput(args) => {
            let (by, why) = (args.reason.by()?, &args.reason.why);
            let at = position(&args.position)?;
            let done = sagas().retry_event(&args.name, at, &by, why).await;
            done.map_err(of_sagas)?;
            Ok(done_all(vec![("taken", args.position.as_str().into())]))
        }
        Operation::SkipInput(args) => {
            let (by, why) = (args.reason.by()?, &args.reason.why);
            let at = position(&args.position)?;
            let done = sagas().skip_event(&args.name, at, &by, why).await;
            done.map_err(|error| match error {
                SagaError::NotRegistered { .. } if operators.sagas.is_none() => Error::Usage(format!(
                    "no event of {name} is parked at position {at}. One that blocks its input because it cannot be read is skipped by the \
                     program of the application, which knows what {name} reads; `sagas list {name}` lists what is parked",
                    name = args.name
                )),
                error => of_sagas(error),
            })?;
            Ok(done_all(vec![("skipped", args.position.as_str().into())]))
        }
        Operation::RebuildRows(_) => {
            let rebuilt = sagas().rebuild_rows().await.map_err(of_sagas)?;
            let unreadable = rebuilt.unreadable.iter().map(ToString::to_string);
            let unreadable: Vec<String> = unreadable.collect();
            Ok(Done {
                values: vec![
                    ("streams", rebuilt.streams.into()),
                    ("added", rebuilt.added.into()),
                    ("corrected", rebuilt.corrected.into()),
                ],
                refused: (!unreadable.is_empty())
                    .then(|| format!("cannot be read: {}", unreadable.join(", "))),
            })
        }
    }
}

/// [`Operators::can`] was asked before.
fn none() -> Error {
    Error::Usage("the program has no projections".to_owned())
}

fn done_all(values: Vec<(&'static str, Cell)>) -> Done {
    Done {
        values,
        refused: None,
    }
}

async fn retry_parked(projections: &Projections, args: &RetryParked) -> Result<Done, Error> {
    let reader = args.reader.as_str();
    let parked = projections.parked(reader).await.map_err(of_projections)?;
    let has: BTreeSet<String> = parked.into_iter().map(|event| event.key).collect();
    let keys: Vec<&String> = match args.keys.as_slice() {
        [] => has.iter().collect(),
        keys => keys.iter().collect(),
    };
    if let Some(none) = keys.iter().find(|key| !has.contains(**key)) {
        return Err(Error::Missing(format!(
            "{reader} has no parked event of the key {none}; `parked list {reader}` lists them"
        )));
    }
    if keys.is_empty() {
        return Err(nothing_parked(reader));
    }
    let (mut handled, mut failed) = (0_u64, Vec::new());
    for key in keys {
        let outcome = projections.retry(reader, key).await;
        let outcome = outcome.map_err(of_projections)?;
        handled = handled.saturating_add(outcome.handled);
        if let Some(event) = outcome.failed {
            failed.push(format!(
                "{key}: the event at position {} failed again: {}",
                event.event.position, event.event.reason
            ));
        }
    }
    Ok(Done {
        values: vec![("handled", handled.into())],
        refused: (!failed.is_empty()).then(|| failed.join("; ")),
    })
}

async fn discard_parked(
    projections: Option<Projections>,
    read: &AnyReadDatabase,
    args: &DiscardParked,
) -> Result<Done, Error> {
    let DiscardParked {
        reader, key, why, ..
    } = args;
    let at = args.position.as_deref().map(position).transpose()?;
    let done = match (projections, at) {
        (Some(projections), Some(at)) => projections.discard_at(reader, key, at, why).await,
        (Some(projections), None) => projections.discard(reader, key, why).await,
        (None, at) => es_projections::discard_parked(read, reader, key, at, why).await,
    };
    match (done.map_err(of_projections)?, at) {
        (Some(event), _) => Ok(done_all(vec![
            ("discarded", event.event.name.to_string().into()),
            ("stream", event.event.stream.to_string().into()),
            ("position", event.event.position.to_string().into()),
        ])),
        (None, None) => Err(nothing_parked(reader)),
        (None, Some(at)) => Err(Error::Refused(format!(
            "the event at position {at} is not the first parked one of {key} of {reader}, so nothing was done; `parked list {reader}` lists \
             them"
        ))),
    }
}

fn nothing_parked(reader: &str) -> Error {
    Error::Missing(format!(
        "{reader} has no such parked event; `parked list {reader}` lists them"
    ))
}

async fn retry_sagas(sagas: &Sagas, args: &RetrySagas) -> Result<Done, Error> {
    let (by, why) = (args.reason.by()?, args.reason.why.as_str());
    if args.ids.is_empty() {
        let retried = sagas.retry_all(&args.name, &by, why, |_| true).await;
        let retried = retried.map_err(of_sagas)?;
        return Ok(done_all(vec![("retried", retried.into())]));
    }
    let (mut retried, mut refused) = (0_i64, Vec::new());
    for id in &args.ids {
        match sagas.repair(&args.name, id, Verb::Retry {}, &by, why).await {
            Ok(()) => retried += 1,
            Err(error @ SagaError::NotNow { .. }) => refused.push(error.to_string()),
            Err(error) => return Err(of_sagas(error)),
        }
    }
    Ok(Done {
        values: vec![("retried", retried.into())],
        refused: (!refused.is_empty()).then(|| refused.join("; ")),
    })
}

fn verb_of(repair: &Repair<'_>) -> Result<Verb, Error> {
    Ok(match repair {
        Repair::Skip(step) => Verb::Skip {
            step: (*step).to_owned(),
        },
        Repair::Complete(step, output) => Verb::CompleteWith {
            step: (*step).to_owned(),
            output: serde_json::from_str(output)
                .map_err(|error| Error::Usage(format!("--value is no JSON: {error}")))?,
        },
        Repair::Unwind => Verb::Unwind {},
        Repair::Abandon => Verb::Abandon {},
        Repair::TakeOver => Verb::TakeOver {},
    })
}

fn position(text: &str) -> Result<Position, Error> {
    let position = text.parse();
    position.map_err(|error| Error::Usage(format!("`{text}` is no position: {error}")))
}

fn of_projections(error: ProjectionError) -> Error {
    match error {
        ProjectionError::Unknown { .. } => Error::Missing(error.to_string()),
        ProjectionError::Storage { .. } => Error::Operation(error.to_string()),
        error => Error::Refused(error.to_string()),
    }
}

fn of_sagas(error: SagaError) -> Error {
    match error {
        SagaError::NotRegistered { .. } | SagaError::Id(_) => Error::Missing(error.to_string()),
        SagaError::NotNow { .. } | SagaError::Contended { .. } | SagaError::Load(_) => {
            Error::Refused(error.to_string())
        }
        error => Error::Operation(error.to_string()),
    }
}
