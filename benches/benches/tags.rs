//! What tags and guards cost: appends with and without tags, commits with and without a guard, and decisions over
//! tags next to commands to an aggregate with as many events. SQLite and PostgreSQL, each figure next to its baseline in
//! the same round.
//!
//! `cargo bench -p es-benches --bench tags [-- ROUNDS]`. It starts a PostgreSQL server of its own.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{EVENTS_EACH, commands},
    table::{Table, WINDOW},
};
use es_decisions::{Decide, Decision, Decisions, Emitted, Fold};
use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, Apply, Commit, CommitStore, Event, EventStore, EventTag, ExpectedVersion,
    NewEvent, Position, RetryPolicy, SnapshotStore, StreamId, Tag, TagQuery, WorkQueue,
};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Server;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{runtime::Runtime, task::JoinSet};

const CALLERS: [usize; 3] = [1, 8, 32];
/// So many courses are spread over the events with tags.
const COURSES: u64 = 1_000;

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("student")]
struct StudentId(String);

#[derive(Event, Serialize, Deserialize)]
#[event("student.subscribed", home = student)]
struct Subscribed {
    #[tag]
    student: StudentId,
    #[tag]
    course: CourseId,
}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(Subscribed))]
struct Seats {
    taken: u64,
}

impl Apply<Subscribed> for Seats {
    fn apply(&mut self, _: &Subscribed) {
        self.taken += 1;
    }
}

#[derive(Decision)]
#[decision("course.subscribe", error = Infallible, reads(seats: Seats(course)), emits(Subscribed))]
struct Subscribe {
    student: StudentId,
    course: CourseId,
}

impl Decide for Subscribe {
    fn decide(&self, _: &SubscribeReads) -> Result<Emitted<Self>, Infallible> {
        let (student, course) = (self.student.clone(), self.course.clone());
        Ok(Emitted::new().event(Subscribed { student, course }))
    }
}

static RUN: AtomicU64 = AtomicU64::new(0);

/// Calls `work` from so many tasks for a while, with the number of the task and of its call; calls a second.
fn rate<F>(
    runtime: &Runtime,
    callers: usize,
    work: impl Fn(u64, u64) -> F + Clone + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let _guard = runtime.enter();
    for caller in 0..callers as u64 {
        let work = work.clone();
        tasks.spawn(async move {
            let mut done = 0_u64;
            while start.elapsed() < WINDOW {
                work(caller, done).await;
                done += 1;
            }
            done
        });
    }
    let done: u64 = runtime.block_on(tasks.join_all()).into_iter().sum();
    done as f64 / start.elapsed().as_secs_f64()
}

/// An event like `Subscribed` with this many tags. Each number has a name of its own, because a store knows by the name
/// which kinds of tags an event has.
fn event(tags: usize, number: u64) -> NewEvent {
    let payload = r#"{"student":"student-000001","course":"course-000001"}"#;
    let course = EventTag::new("course").with(format!("c{}", number % COURSES));
    let student = EventTag::new("student").with(format!("s{number}"));
    let (name, tags) = match tags {
        0 => ("plain", vec![]),
        1 => ("tagged.once", vec![course]),
        _ => ("tagged.twice", vec![course, student]),
    };
    NewEvent::json(name, 1, payload).with_tags(tags)
}

/// Appends of one event, each caller to a stream of its own.
fn appends(runtime: &Runtime, store: &impl EventStore, callers: usize, tags: usize) -> f64 {
    let (run, store) = (RUN.fetch_add(1, Ordering::Relaxed), store.clone());
    rate(runtime, callers, move |caller, done| {
        let store = store.clone();
        async move {
            let stream = StreamId::new("bench", &format!("{run}-{caller}")).unwrap();
            let event = event(tags, run * 1_000_003 + caller * 50_021 + done);
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            store.append(append).await.unwrap();
        }
    })
}

/// What a commit of one event with two tags is guarded by.
#[derive(Clone, Copy)]
enum Guarded {
    Not,
    /// By a tag without events since the head of the store.
    AtHead,
    /// By a tag without events, from the first event on.
    FromStart,
}

fn commits(runtime: &Runtime, store: &impl CommitStore, callers: usize, guarded: Guarded) -> f64 {
    let (run, store) = (RUN.fetch_add(1, Ordering::Relaxed), store.clone());
    let head = runtime.block_on(store.head()).unwrap();
    rate(runtime, callers, move |caller, done| {
        let store = store.clone();
        async move {
            let stream = StreamId::new("bench", &format!("{run}-{caller}")).unwrap();
            let event = event(2, run * 1_000_003 + caller * 50_021 + done);
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            let free = CourseId(format!("free-{run}-{caller}"));
            let query = TagQuery::of(&free, ["tagged.twice"]).unwrap();
            let commit = Commit::new().append(append);
            let commit = match guarded {
                Guarded::Not => commit,
                Guarded::AtHead => commit.guard(query, head),
                Guarded::FromStart => commit.guard(query, Position::START),
            };
            store.commit(commit).await.unwrap();
        }
    })
}

/// Decisions over the events of a course, of which there are 10 on average. All callers take the same course, or each
/// one of its own.
fn decisions(runtime: &Runtime, store: &AnyStore, callers: usize, is_hot: bool) -> f64 {
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    // Callers of one course meet. Each must get through, however often it is decided again.
    let retry = RetryPolicy::default().with_attempts(NonZeroU32::MAX);
    let decisions = Decisions::new(store.clone()).with_retry(retry);
    let all = Arc::new(AtomicU64::new(0));
    rate(runtime, callers, move |caller, done| {
        let (decisions, all) = (decisions.clone(), all.clone());
        async move {
            let course = if is_hot {
                let number = all.fetch_add(1, Ordering::Relaxed);
                format!("hot-{run}-{}", number / EVENTS_EACH)
            } else {
                format!("own-{run}-{caller}-{}", done / EVENTS_EACH)
            };
            let student = StudentId(format!("{run}-{caller}-{done}"));
            let course = CourseId(course);
            decisions
                .execute(Subscribe { student, course })
                .await
                .unwrap();
        }
    })
}

fn round<S: WorkQueue + SnapshotStore>(
    table: &mut Table,
    runtime: &Runtime,
    store: &S,
    database: &str,
) {
    let name = |what: String| -> &'static str {
        Box::leak(format!("{database}: {what}").into_boxed_str())
    };
    let any = AnyStore::new(store.clone());
    for callers in CALLERS {
        let plain = appends(runtime, store, callers, 0);
        for tags in [1, 2] {
            let tagged = appends(runtime, store, callers, tags);
            let what = name(format!("append, {tags} tags, {callers} callers"));
            table.add(what, "1/s", "the event without tags", (tagged, plain));
        }
        let free = commits(runtime, store, callers, Guarded::Not);
        for (guarded, from) in [
            (Guarded::AtHead, "the head"),
            (Guarded::FromStart, "the start"),
        ] {
            let figure = commits(runtime, store, callers, guarded);
            let what = name(format!("guard from {from}, {callers} callers"));
            table.add(what, "1/s", "the commit without a guard", (figure, free));
        }
        let command = commands(runtime, store, callers).rate;
        for (is_hot, of) in [(false, "own courses"), (true, "one course")] {
            let figure = decisions(runtime, &any, callers, is_hot);
            let what = name(format!("decision, {of}, {callers} callers"));
            table.add(what, "1/s", "a command to an aggregate", (figure, command));
        }
    }
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tags.db");
    let sqlite = runtime.block_on(SqliteStore::open(&path)).unwrap();
    let server = Server::start().unwrap();
    let database = server.database().unwrap();
    let postgres = runtime
        .block_on(PostgresStore::open(&database.url()))
        .unwrap();
    let mut table = Table::default();
    for _ in 0..rounds.unwrap_or(3_u32) {
        round(&mut table, &runtime, &sqlite, "SQLite");
        round(&mut table, &runtime, &postgres, "PostgreSQL");
    }
    table.print();
}
