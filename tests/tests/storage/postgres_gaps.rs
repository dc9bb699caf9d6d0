//! What a subscriber of a PostgreSQL log misses while writers take their positions, wait, commit in
//! another order or roll back, and while foreign transactions stay open: nothing with this store.
//! Next to it three readers of a table with a serial column, in the same conditions.
#![cfg(unix)]

use es_postgres::{PostgresStore, tokio_postgres::Client};
use es_runtime::{
    Append, AppendError, AppendId, EventFilter, EventStore, ExpectedVersion, NewEvent, Outcome,
    Position, ReadLimit, StreamId,
};
use es_testkit::postgres::{Database, Server};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

const WRITERS: usize = 12;
const EACH: usize = 60;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    // What is looked at is the order of commits, not what survives.
    SERVER.get_or_init(|| es_tests::server::options().start().expect("a server"))
}

async fn client(database: &Database<'_>) -> Client {
    es_tests::client(&database.url()).await
}

/// Foreign transactions that write to a table of their own and stay open for a while, one after the
/// other, until it is over.
async fn disturb(database: &Database<'_>, over: Arc<AtomicBool>) -> JoinHandle<usize> {
    let client = client(database).await;
    client
        .batch_execute("CREATE TABLE disturbance (id INT)")
        .await
        .expect("made");
    es_tests::spawn(async move {
        let mut transactions = 0;
        while !over.load(Ordering::SeqCst) {
            let foreign = "BEGIN; INSERT INTO disturbance VALUES (1); SELECT pg_sleep(0.3); COMMIT";
            client.batch_execute(foreign).await.expect("committed");
            transactions += 1;
        }
        transactions
    })
}

#[derive(Debug, Default)]
struct Seen {
    committed: usize,
    rolled_back: usize,
    missed: usize,
    twice: usize,
    /// Events that came in another order than their stream's.
    out_of_order: usize,
    foreign: usize,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_subscriber_of_this_store_misses_nothing() {
    let database = server().database().expect("a database");
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(PostgresStore::open(&database.url()).await.expect("opens"));
    }
    // Between the moment in which positions are known and the commit: a pause, or a failure.
    database
        .query(
            "CREATE FUNCTION es.disturb() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM pg_sleep(random() * 0.01);
                 IF random() < 0.1 THEN RAISE 'rolled back on purpose'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER disturb AFTER INSERT ON es.events
             FOR EACH STATEMENT EXECUTE FUNCTION es.disturb()",
        )
        .expect("made");
    let over = Arc::new(AtomicBool::new(false));
    let foreign = disturb(&database, Arc::clone(&over)).await;
    let rolled_back = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = stores[writer % stores.len()].clone();
            let rolled_back = Arc::clone(&rolled_back);
            es_tests::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..EACH {
                    let order = match number % 2 {
                        0 => format!("own-{writer}"),
                        _ => format!("shared-{}", number % 5),
                    };
                    let order = StreamId::new("gaps", &order).expect("usable");
                    let name = AppendId::new(format!("{writer}-{number}")).expect("usable");
                    let append = Append::new(order, ExpectedVersion::Any)
                        .with_events((0..=number % 3).map(|_| NewEvent::json("test.gap", 1, "1")))
                        .with_append_id(name);
                    loop {
                        match store.append(append.clone()).await {
                            Ok(_) => break,
                            Err(AppendError::Storage { outcome, .. }) => {
                                assert_eq!(outcome, Outcome::NotApplied);
                                rolled_back.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                    ids.extend(append.events.iter().map(|event| event.id));
                }
                ids
            })
        })
        .collect();

    let reader = stores[0].clone();
    let ended = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&ended);
    let subscriber = es_tests::spawn(async move {
        let mut seen = Vec::new();
        let mut from = Position::START;
        loop {
            let last = done.load(Ordering::SeqCst);
            let page = reader
                .read_feed(from, &EventFilter::all(), ReadLimit::events(20))
                .await
                .expect("readable");
            from = page.next;
            seen.extend(page.events);
            if page.at_end && last {
                return seen;
            }
        }
    });
    let mut written = Vec::new();
    for writer in writers {
        written.extend(writer.await.expect("it writes"));
    }
    over.store(true, Ordering::SeqCst);
    let foreign = foreign.await.expect("it disturbs");
    ended.store(true, Ordering::SeqCst);
    let events = subscriber.await.expect("it follows");
    let ids: BTreeSet<_> = events.iter().map(|event| event.event_id).collect();
    let mut versions: HashMap<StreamId, u64> = HashMap::new();
    let mut counts = Seen {
        committed: written.len(),
        rolled_back: rolled_back.load(Ordering::SeqCst),
        missed: written.iter().filter(|id| !ids.contains(id)).count(),
        twice: events.len() - ids.len(),
        foreign,
        ..Seen::default()
    };
    for event in &events {
        let last = versions.entry(event.stream.clone()).or_default();
        counts.out_of_order += usize::from(event.version != *last + 1);
        *last = event.version;
    }
    println!("this store: {counts:?}");
    assert_eq!(
        (counts.missed, counts.twice, counts.out_of_order),
        (0, 0, 0)
    );
    assert_eq!(counts.committed, events.len());
    assert!(counts.rolled_back > 0 && counts.foreign > 0);
    for store in stores {
        store.close().await;
    }
}

/// What is written last.
const MARKER: usize = usize::MAX >> 2;

/// How a reader of a plain table asks for what is new: the statement, and where it stands after it.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// Whatever has a greater number.
    Naive,
    /// The same, below the oldest transaction that is still open.
    BelowTheOldest,
    /// In the order of transactions, below the oldest one that is still open.
    ByTransaction,
}

/// Twelve clients that write to a table with a serial column, each with pauses around its insert,
/// one in ten rolled back; a reader that follows. Gives how many were committed, and missed.
async fn plain_table(reader: Reader) -> Seen {
    let database = server().database().expect("a database");
    let setup = client(&database).await;
    setup
        .batch_execute(
            "CREATE TABLE log (pos BIGSERIAL PRIMARY KEY, xid xid8 DEFAULT pg_current_xact_id(), \
             id BIGINT)",
        )
        .await
        .expect("made");
    let over = Arc::new(AtomicBool::new(false));
    let foreign = disturb(&database, Arc::clone(&over)).await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let client = client(&database).await;
        writers.push(es_tests::spawn(async move {
            let mut committed = Vec::new();
            for number in 0..EACH {
                let id = writer * 1_000_000 + number;
                let end = if number % 10 == 9 {
                    "ROLLBACK"
                } else {
                    "COMMIT"
                };
                let transaction = format!(
                    "BEGIN; DO $$ DECLARE mine BIGINT := nextval('log_pos_seq'); BEGIN
                     PERFORM pg_sleep(random() * 0.01);
                     INSERT INTO log (pos, id) VALUES (mine, {id});
                     PERFORM pg_sleep(random() * 0.01);
                     END $$; {end}"
                );
                client.batch_execute(&transaction).await.expect("it runs");
                if end == "COMMIT" {
                    committed.push(id);
                }
            }
            committed
        }));
    }
    let sql = match reader {
        Reader::Naive => {
            "SELECT xid::text::bigint, pos, id FROM log WHERE pos > $2 \
             AND $1::bigint IS NOT NULL ORDER BY pos LIMIT 20"
        }
        Reader::BelowTheOldest => {
            "SELECT xid::text::bigint, pos, id FROM log WHERE pos > $2 \
             AND $1::bigint IS NOT NULL AND xid < pg_snapshot_xmin(pg_current_snapshot()) \
             ORDER BY pos LIMIT 20"
        }
        Reader::ByTransaction => {
            "SELECT xid::text::bigint, pos, id FROM log \
             WHERE (xid::text::bigint, pos) > ($1, $2) \
             AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, pos LIMIT 20"
        }
    };
    let follower = client(&database).await;
    let follower = es_tests::spawn(async move {
        let mut seen: Vec<usize> = Vec::new();
        let mut at = (0_i64, 0_i64);
        // Nothing comes after the marker.
        while seen.last() != Some(&MARKER) {
            let rows = follower
                .query(sql, &[&at.0, &at.1])
                .await
                .expect("readable");
            for row in &rows {
                at = (row.get(0), row.get(1));
                let id: i64 = row.get(2);
                seen.push(usize::try_from(id).expect("small"));
            }
        }
        seen.pop();
        seen
    });
    let mut committed = Vec::new();
    for writer in writers {
        committed.extend(writer.await.expect("it writes"));
    }
    over.store(true, Ordering::SeqCst);
    let foreign = foreign.await.expect("it disturbs");
    let marker = format!("INSERT INTO log (id) VALUES ({MARKER})");
    setup.batch_execute(&marker).await.expect("inserted");
    let seen = tokio::time::timeout(Duration::from_secs(60), follower).await;
    let seen = seen.expect("in time").expect("it follows");
    let distinct: BTreeSet<usize> = seen.iter().copied().collect();
    Seen {
        committed: committed.len(),
        rolled_back: WRITERS * EACH - committed.len(),
        missed: committed.iter().filter(|id| !distinct.contains(id)).count(),
        twice: seen.len() - distinct.len(),
        foreign,
        ..Seen::default()
    }
}

/// The controls: the same writers and pauses, on a serial column. Two usual readers lose events; one
/// that is known to be right loses none, so the harness does not lose them by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn readers_of_a_serial_column_miss_some() {
    let naive = plain_table(Reader::Naive).await;
    println!("a serial column, greater than the last: {naive:?}");
    assert!(naive.missed > 0, "the harness does not show what it should");
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let below = plain_table(Reader::BelowTheOldest).await;
        println!("a serial column, below the oldest transaction: {below:?}");
        if below.missed > 0 {
            break;
        }
        assert!(
            Instant::now() < end,
            "the harness does not show what it should"
        );
    }
    let right = plain_table(Reader::ByTransaction).await;
    println!("by transaction, below the oldest one: {right:?}");
    assert_eq!((right.missed, right.twice), (0, 0));
}
