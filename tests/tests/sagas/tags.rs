//! What sagas write has its tags: events of a process manager, and of the commands that it sends.

use es_postgres::PostgresStore;
use es_runtime::{
    Aggregate, AnyStore, Apply, Codec, CodecError, DecodeError, Decoded, Envelope, Event, EventSet,
    EventStore, EventTag, EventType, Events, Handle, MemoryStore, Position, ReadLimit, Repository,
    StoredPayload, Tag, TagQuery, command::AggregateCommand,
};
use es_sagas::{ProcessManager, ReactTo, Reactions, Sagas};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, convert::Infallible};

struct CourseId(String);

impl Tag for CourseId {
    const KIND: &'static str = "course";

    fn value(&self) -> Cow<'_, str> {
        self.0.as_str().into()
    }
}

/// An event of one name with one tag.
macro_rules! tagged {
    ($event:ident, $name:literal) => {
        #[derive(Clone, Debug, PartialEq)]
        struct $event {
            course: String,
        }

        impl EventSet for $event {
            const TYPES: &'static [EventType] = &[EventType {
                name: $name,
                version: 1,
            }];
            const TAG_KINDS: &'static [(&'static str, &'static [&'static str])] =
                &[($name, &["course"])];

            fn event_type(&self) -> EventType {
                Self::TYPES[0]
            }

            fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
                codec.encode(&self.course)
            }

            fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
                if name != $name {
                    return Err(DecodeError::unknown_event(name, stored));
                }
                let course = Codec::Json.decode(stored.bytes);
                let unreadable = |source| DecodeError::Payload {
                    name: $name,
                    version: 1,
                    source,
                };
                let course = course.map_err(unreadable)?;
                Ok(Decoded::One(Self { course }))
            }

            fn tags(&self) -> Vec<EventTag> {
                vec![EventTag::of(&CourseId(self.course.clone()))]
            }
        }
    };
}

tagged!(Reserved, "seat.reserved");
tagged!(Asked, "enrolment.asked");

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("student.applied")]
struct Applied {
    course: String,
}

#[derive(Clone)]
struct Say<E>(E);

#[derive(Aggregate, Clone, Default)]
#[aggregate("student", id = u64, error = Infallible, events(Applied))]
struct Student;

impl Apply<Applied> for Student {
    fn apply(&mut self, _: &Applied) {}
}

impl Handle<Say<Applied>> for Student {
    fn handle(&self, Say(event): Say<Applied>) -> Result<Events<Self>, Infallible> {
        Ok(event.into())
    }
}

#[derive(Aggregate, Default)]
#[aggregate("seat", id = String, error = Infallible, events = Reserved)]
struct Seat;

impl Apply<Reserved> for Seat {
    fn apply(&mut self, _: &Reserved) {}
}

impl Handle<Say<Reserved>> for Seat {
    fn handle(&self, Say(event): Say<Reserved>) -> Result<Events<Self>, Infallible> {
        Ok(event.into())
    }
}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("enrolment", id = String, error = Infallible, events = Asked)]
#[process_manager(reacts(Applied))]
struct Enrolment;

impl Apply<Asked> for Enrolment {
    fn apply(&mut self, _: &Asked) {}
}

impl ReactTo<Applied> for Enrolment {
    fn correlate(event: &Envelope<Applied>) -> Option<String> {
        Some(event.stream.id().to_owned())
    }

    fn react(&self, event: &Envelope<Applied>) -> Reactions<Self> {
        let course = event.event.course.clone();
        let seat = Say(Reserved {
            course: course.clone(),
        });
        Reactions::none()
            .event(Asked {
                course: course.clone(),
            })
            .command::<Seat, _>(&course, seat)
    }
}

async fn found(store: &AnyStore, course: &str) -> Vec<String> {
    let names = ["seat.reserved", "enrolment.asked"];
    let query = TagQuery::of(&CourseId(course.to_owned()), names).expect("names");
    let page = store.read_tagged(&query, Position::START, ReadLimit::default());
    let page = page.await.expect("read");
    let names = page.events.iter().map(|event| event.name.to_string());
    names.collect()
}

async fn what_a_process_manager_writes_has_its_tags(store: AnyStore) {
    let students = Repository::<Student>::new(store.clone()).cached(10);
    for (id, course) in [(1, "c1"), (2, "c2"), (3, "c1")] {
        let course = course.to_owned();
        let applied = students.execute(id, Say(Applied { course })).await;
        applied.expect("stored");
    }
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Enrolment>();
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(
        found(&store, "c2").await,
        ["enrolment.asked", "seat.reserved"]
    );
    assert_eq!(found(&store, "c1").await.len(), 4);
    // A command that is decided without a repository has them, too.
    let reserve = Say(Reserved {
        course: "c3".to_owned(),
    });
    let command = AggregateCommand::new::<Seat, _>("c3", reserve);
    let append = command.decide(&store).await.expect("decided");
    assert_eq!(append.events[0].tags, [EventTag::new("course").with("c3")]);
}

#[tokio::test]
async fn in_memory() {
    what_a_process_manager_writes_has_its_tags(AnyStore::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn in_a_file() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db")).await;
    what_a_process_manager_writes_has_its_tags(AnyStore::new(store.expect("opens"))).await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn on_a_server() {
    let database = es_tests::server::database();
    let store = PostgresStore::open(&database.url()).await;
    what_a_process_manager_writes_has_its_tags(AnyStore::new(store.expect("opens"))).await;
}
