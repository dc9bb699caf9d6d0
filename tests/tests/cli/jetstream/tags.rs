//! Tags move with their events: queries, guards and decisions by them answer on a copy as on the source, and kinds that are being
//! turned on keep what was done.

use super::{block_on, copy, done, es, export, location, node, open, reported, stream};
use es_decisions::{DecisionError, Decisions, turn_on_tags};
use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, Commit, CommitError, CommitStore, Event, EventFilter, EventStore, EventTag,
    ExpectedVersion, NewEvent, Position, ReadError, ReadLimit, StorageErrorKind, StreamId,
    Tag as _, TagQuery, TagWalk,
};
use es_sqlite::SqliteStore;
use es_tests::courses::{Change, CourseId, Define, StudentId, Subscribe, course, student};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

const COURSES: u64 = 4;
const STUDENTS: u64 = 7;
const DECISIONS: u64 = 80;

/// Decides some things about courses, the same ones in each store, and returns what came of each.
async fn decide(store: &AnyStore, seed: u64) -> Vec<String> {
    let decisions = Decisions::new(store.clone());
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut answers = Vec::new();
    for _ in 0..DECISIONS {
        let course = course(dice.u64(..COURSES).to_string());
        let student = student(dice.u64(..STUDENTS).to_string());
        let capacity = dice.u32(2..6);
        let done = match dice.u8(..6) {
            0 => decisions
                .execute(Define { course, capacity })
                .await
                .map(drop),
            1 => decisions
                .execute(Change { course, capacity })
                .await
                .map(drop),
            _ => decisions
                .execute(Subscribe { student, course })
                .await
                .map(drop),
        };
        answers.push(match done {
            Ok(_) => "done".to_owned(),
            Err(DecisionError::Rejected(why)) => why.to_string(),
            Err(wrong) => panic!("{wrong}"),
        });
    }
    answers
}

fn queries() -> Vec<TagQuery> {
    let names = [
        "course.defined",
        "course.capacity_changed",
        "student.subscribed",
    ];
    let of_course = |id: u64| TagQuery::of(&course(id.to_string()), names).expect("names");
    let of_student = |id: u64| TagQuery::of(&student(id.to_string()), [names[2]]).expect("a name");
    let both = (0..COURSES).map(|id| of_student(id).and(&course(id.to_string())));
    let all = (0..COURSES)
        .map(of_course)
        .chain((0..STUDENTS).map(of_student));
    all.chain(both).collect()
}

/// The positions of all events, so that an event has the same number in every store.
async fn positions(store: &AnyStore) -> Vec<Position> {
    let limit = ReadLimit::events(10_000);
    let page = store
        .read_feed(Position::START, &EventFilter::all(), limit)
        .await;
    page.expect("read")
        .events
        .iter()
        .map(|event| event.position)
        .collect()
}

/// What queries and guards answer, in numbers of events.
async fn answers(store: &AnyStore) -> Vec<String> {
    let all = positions(store).await;
    let number = |position: Position| {
        all.iter()
            .position(|at| *at == position)
            .map_or(0, |n| n + 1)
    };
    let mut answers = Vec::new();
    for (query, index) in queries().iter().zip(0..) {
        let mut found = Vec::new();
        let mut after = Position::START;
        // In pages, each of which begins after an event.
        loop {
            let page = store
                .read_tagged(query, after, ReadLimit::events(2))
                .await
                .expect("read");
            found.extend(page.events.iter().map(|event| event.position));
            if page.at_end {
                break;
            }
            after = page.events.last().expect("more").position;
        }
        for from in [Position::START].iter().chain(&found) {
            let limit = ReadLimit::events(3);
            let newest = store
                .read_tagged_backward(query, *from, Bound::Unbounded, limit)
                .await;
            let newest = newest.expect("read");
            let numbers: Vec<usize> = newest
                .events
                .iter()
                .map(|event| number(event.position))
                .collect();
            answers.push(format!("{index} back to {}: {numbers:?}", number(*from)));
        }
        for (after, next) in [Position::START].iter().chain(&found).zip(&found) {
            let own = StreamId::new("probe", "1").expect("a stream");
            let probe = Append::new(own, ExpectedVersion::Any).with_event(NewEvent::json(
                "probe.sent",
                1,
                "{}",
            ));
            let commit = Commit::new().append(probe).guard(query.clone(), *after);
            match store.commit(commit).await {
                Err(CommitError::Guarded { by, .. }) => assert_eq!(by, *next),
                other => panic!("an event came after {after}: {other:?}"),
            }
        }
        let numbers: Vec<usize> = found.iter().map(|position| number(*position)).collect();
        answers.push(format!("{index}: {numbers:?}"));
    }
    answers
}

async fn sqlite(address: &str) -> AnyStore {
    let file = address.strip_prefix("sqlite:").expect("a file");
    AnyStore::new(SqliteStore::open(file).await.expect("opens"))
}

fn file(folder: &tempfile::TempDir, name: &str) -> String {
    format!("sqlite:{}", folder.path().join(name).display())
}

#[test]
#[cfg_attr(
    not(all(postgres, nats)),
    ignore = "needs PostgreSQL and nats-server: run .ci/nats-server"
)]
fn decisions_answer_on_a_copy_as_on_the_source() {
    let folder = es_tests::tiers::folder();
    let (first, back) = (file(&folder, "first.db"), file(&folder, "back.db"));
    let database = es_tests::server::database();
    let (there, again) = (stream(), stream());
    block_on(async {
        let store = sqlite(&first).await;
        decide(&store, 1).await;
        store.close().await;
    });
    let way = [
        first.clone(),
        database.url(),
        location(&there),
        location(&again),
        back.clone(),
    ];
    for step in way.windows(2) {
        copy(&step[0], &step[1]);
    }
    let rows = |table: &str| -> usize {
        let dump = export(&location(&there));
        dump.lines()
            .filter(|line| line.starts_with(&format!("{{\"table\":\"{table}\"")))
            .count()
    };
    assert!(rows("tags") > 20, "{}", rows("tags"));
    done(es(&["--store", &location(&there), "verify", "tags"]));
    block_on(async {
        let source = sqlite(&first).await;
        let (before, decided) = (answers(&source).await, decide(&source, 2).await);
        assert!(decided.iter().any(|answer| answer != "done"), "{decided:?}");
        assert!(decided.iter().any(|answer| answer == "done"), "{decided:?}");
        let after = answers(&source).await;
        let copies = [
            AnyStore::new(PostgresStore::open(&database.url()).await.expect("opens")),
            AnyStore::new(open(&there).await),
            AnyStore::new(open(&again).await),
            sqlite(&back).await,
        ];
        for (copied, number) in copies.iter().zip(1..) {
            assert_eq!(answers(copied).await, before, "copy {number}");
            assert_eq!(decide(copied, 2).await, decided, "copy {number}");
            assert_eq!(answers(copied).await, after, "copy {number}");
            copied.close().await;
        }
        source.close().await;
    });
    // What was decided there comes along with the next copy.
    let later = file(&folder, "later.db");
    copy(&location(&again), &later);
    block_on(async {
        let store = sqlite(&later).await;
        assert_eq!(
            answers(&store).await,
            answers(&AnyStore::new(open(&again).await)).await
        );
        store.close().await;
    });
}

/// An event of a first release, and of one that also tags the student.
#[derive(Event, Serialize, Deserialize)]
#[event("seat.taken")]
struct Taken {
    #[tag]
    course: CourseId,
    #[tag]
    student: StudentId,
}

const SEATS: u64 = 12;
const NAME: &str = "seat.taken";

/// Seats of courses, stored by a release that tags the courses only.
async fn seats(store: &AnyStore) {
    for number in 0..SEATS {
        let (course, student) = (format!("c{}", number % 3), format!("s{}", number % 2));
        let event = NewEvent::json(
            NAME,
            1,
            format!(r#"{{"course":"{course}","student":"{student}"}}"#),
        );
        let event = event.with_tags(vec![EventTag::new(CourseId::KIND).with(course)]);
        let own = StreamId::new("seat", &number.to_string()).expect("a stream");
        let append = Append::new(own, ExpectedVersion::NoStream).with_event(event);
        store.append(append).await.expect("appended");
    }
}

fn kinds() -> Vec<(String, String)> {
    vec![(NAME.to_owned(), StudentId::KIND.to_owned())]
}

/// Records the students of the first five seats, as a program does that is stopped then.
async fn walk_a_part(store: &AnyStore) {
    let page = store
        .read_feed(Position::START, &EventFilter::all(), ReadLimit::events(5))
        .await;
    let page = page.expect("read");
    let mut step = TagWalk::new(kinds());
    step.to = page.next;
    for (event, number) in page.events.iter().zip(0..) {
        let tags = vec![EventTag::new(StudentId::KIND).with(format!("s{}", number % 2))];
        step.tags.push((event.position, NAME.to_owned(), tags));
    }
    let walked = store.walk_tags(step).await.expect("walked");
    assert_eq!(walked.at, page.next);
}

fn of_student(id: &str) -> TagQuery {
    TagQuery::of(&student(id), [NAME]).expect("a name")
}

async fn count(store: &AnyStore, query: &TagQuery) -> Result<usize, ReadError> {
    let page = store
        .read_tagged(query, Position::START, ReadLimit::default())
        .await?;
    Ok(page.events.len())
}

/// A kind that is being turned on stays where it is, and goes on after a copy back.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_kind_that_is_being_turned_on_keeps_its_progress() {
    let folder = es_tests::tiers::folder();
    let (first, back) = (file(&folder, "first.db"), file(&folder, "back.db"));
    let (there, again) = (stream(), stream());
    block_on(async {
        let store = sqlite(&first).await;
        seats(&store).await;
        walk_a_part(&store).await;
        store.close().await;
    });
    let ran = done(es(&["copy", &first, &location(&there), "-y"]));
    assert!(
        ran.err.contains("being turned on for seat.taken"),
        "{}",
        ran.err
    );
    let report = copy(&first, &location(&there));
    assert!(
        report
            .iter()
            .any(|line| line.starts_with("\"tag_walks\" 1 ")),
        "{report:?}"
    );
    assert_eq!(copy(&location(&there), &location(&again)), report);
    block_on(async {
        let store = AnyStore::new(open(&again).await);
        // What is on is answered, and what is not is not.
        let by_course = TagQuery::of(&course("c0"), [NAME]).expect("a name");
        assert_eq!(count(&store, &by_course).await.expect("read"), 4);
        let part = count(&store, &of_student("s0")).await;
        assert!(
            matches!(part, Err(ReadError::TagsNotReady { .. })),
            "{part:?}"
        );
        let refused = store
            .walk_tags(TagWalk::new(kinds()))
            .await
            .expect_err("not there");
        assert_eq!(refused.kind, StorageErrorKind::Unsupported);
        store.close().await;
    });
    assert_eq!(copy(&location(&again), &back), report);
    block_on(async {
        let store = sqlite(&back).await;
        let walked = store.walk_tags(TagWalk::new(kinds())).await.expect("read");
        assert_eq!(walked.at, Position::from_parts([0, 0, 5]));
        let done = turn_on_tags::<Taken>(&store).await.expect("turned on");
        assert_eq!(done.events, SEATS - 5, "it goes on");
        assert_eq!(count(&store, &of_student("s0")).await.expect("read"), 6);
        store.close().await;
    });
}

/// Where a kind is turned on between two copies, events that were copied before get tags, too.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_kind_that_is_turned_on_between_two_copies_is_on() {
    let folder = es_tests::tiers::folder();
    let (first, there) = (file(&folder, "first.db"), stream());
    block_on(async {
        let store = sqlite(&first).await;
        seats(&store).await;
        walk_a_part(&store).await;
        store.close().await;
    });
    copy(&first, &location(&there));
    block_on(async {
        let store = sqlite(&first).await;
        turn_on_tags::<Taken>(&store).await.expect("turned on");
        store.close().await;
    });
    let written = reported(
        &done(es(&["copy", &first, &location(&there), "-y", "-o", "json"])),
        "written",
    );
    let of = |name: &str| {
        written
            .iter()
            .find(|(table, _)| table == name)
            .map(|(_, rows)| rows.clone())
    };
    assert_eq!(
        (of("events"), of("tags")),
        (Some(0.into()), Some((SEATS - 5).into())),
        "{written:?}"
    );
    done(es(&["--store", &location(&there), "verify"]));
    let found = |store: AnyStore| async move {
        let mut found = Vec::new();
        for course_of in ["c0", "c1", "c2"] {
            let both = of_student("s1").and(&course(course_of));
            let by_course = TagQuery::of(&course(course_of), [NAME]).expect("a name");
            for query in [both, by_course, of_student("s1")] {
                let limit = ReadLimit::events(2);
                let first = store
                    .read_tagged(&query, Position::START, limit)
                    .await
                    .expect("read");
                let limit = ReadLimit::events(100);
                let newest = store
                    .read_tagged_backward(&query, Position::START, Bound::Unbounded, limit)
                    .await;
                let newest = newest.expect("read");
                for events in [first.events, newest.events] {
                    found.push(
                        events
                            .iter()
                            .map(|event| event.event_id)
                            .collect::<Vec<_>>(),
                    );
                }
            }
        }
        // A decision that saw none of them is refused, and one that saw all is not.
        let append = || {
            let own = StreamId::new("probe", "1").expect("a stream");
            Append::new(own, ExpectedVersion::Any).with_event(NewEvent::json("probe.sent", 1, "{}"))
        };
        let late = Commit::new()
            .append(append())
            .guard(of_student("s1").and(&course("c1")), Position::START);
        let late = store.commit(late).await;
        assert!(matches!(late, Err(CommitError::Guarded { .. })), "{late:?}");
        let head = store.head().await.expect("a head");
        let now = Commit::new().append(append()).guard(of_student("s1"), head);
        store.commit(now).await.expect("nothing came since");
        store.close().await;
        found
    };
    block_on(async {
        let there = AnyStore::new(open(&there).await);
        let answered = found(there).await;
        assert!(
            answered.iter().all(|events| !events.is_empty()),
            "{answered:?}"
        );
        assert_eq!(answered, found(sqlite(&first).await).await);
    });
}

/// The message of a tag stays where its event is erased. The tag does not come along, as the event does not.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn tags_of_an_erased_event_stay_behind() {
    let folder = es_tests::tiers::folder();
    let (there, back) = (stream(), file(&folder, "back.db"));
    let erased = block_on(async {
        let store = AnyStore::new(open(&there).await);
        seats(&store).await;
        store.close().await;
        let jetstream = es_tests::jetstream(&node().url()).await;
        let stream = jetstream.get_stream(&there).await.expect("a stream");
        let subject = format!("{there}.e.seat.3");
        let message = stream.get_last_raw_message_by_subject(&subject).await;
        let purged = stream.purge().filter(&subject).await.expect("purged");
        assert_eq!(purged.purged, 1);
        message.expect("a message").sequence
    });
    let from = format!("{}&erased={erased}", location(&there));
    done(es(&["--store", &from, "verify"]));
    copy(&from, &back);
    block_on(async {
        let store = sqlite(&back).await;
        let by_course = |id: &str| TagQuery::of(&course(id), [NAME]).expect("a name");
        assert_eq!(count(&store, &by_course("c0")).await.expect("read"), 3);
        assert_eq!(count(&store, &by_course("c1")).await.expect("read"), 4);
        store.close().await;
    });
    done(es(&["--store", &back, "verify"]));
}
