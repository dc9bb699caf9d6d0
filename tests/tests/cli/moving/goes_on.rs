//! The application starts on the copy, and goes on where it was.

use super::{done, empty};
use crate::{
    place::{Place, block_on, es},
    shop,
};
use es_postgres::PostgresStore;
use es_runtime::{AnyStore, EventStore, Timestamp};
use es_sqlite::SqliteStore;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What an operator sees of a store, without what time changes.
fn report(address: &str) -> Vec<String> {
    let commands: [&[&str]; 5] = [
        &["events", "-o", "ndjson"],
        &["streams", "-o", "ndjson"],
        &["trace", "web-1", "-o", "ndjson"],
        &["sagas", "list", "-o", "ndjson"],
        &["sagas", "counts", "-o", "ndjson"],
    ];
    let run = |command: &&[&str]| {
        let out = done(es(&[&["--store", address], *command].concat())).out;
        // How long it is due, in the second of the question.
        let words = out.split(',').filter(|word| !word.contains("overdue"));
        words.collect::<Vec<_>>().join(",")
    };
    commands.iter().map(run).collect()
}

/// A store whose clock is so much later.
async fn later(place: &Place, by: Duration) -> AnyStore {
    let clock = move || Timestamp::now().after(by);
    match place {
        Place::Sqlite(_) => {
            let store = SqliteStore::options().clock(clock).open(place.file()).await;
            AnyStore::new(store.expect("opens"))
        }
        Place::Postgres(database) => {
            let options = PostgresStore::options(&database.url()).expect("an address");
            AnyStore::new(options.clock(clock).open().await.expect("opens"))
        }
        Place::Nats(..) => panic!("its clock is the server's"),
    }
}

/// How often the customer was greeted, once its sagas have run so many days later.
fn greeted(place: &Place, days: u32) -> usize {
    block_on(async {
        let store = later(place, DAY * days).await;
        shop::sagas(&store).run_until_idle().await.expect("idle");
        store.close().await;
    });
    let greeted = ["events", "--name", "welcome.greeted"];
    place.rows(&greeted, &["stream"]).len()
}

/// A timer that waited in the source fires when it is due, after three days, and once.
fn its_timer_fires(place: &Place) {
    assert_eq!([2, 4, 5].map(|days| greeted(place, days)), [0, 1, 1]);
}

/// The control: a copy that forgets who waits.
#[test]
fn without_its_row_no_timer_fires() {
    let place = Place::copy();
    place.sql("DELETE FROM es_work WHERE aggregate = 'saga:welcome'");
    assert_eq!(greeted(&place, 4), 0);
}

fn goes_on(from: &Place, to: &Place) {
    let before = report(&from.address());
    done(es(&["copy", &from.address(), &to.address(), "-y"]));
    assert_eq!(before, report(&to.address()));
    block_on(async {
        let (store, read) = to.open().await;
        // A repeated request gets its first answer, and a new one with a used address none.
        assert_eq!(
            shop::register(&store, "ada", "ada@example.org", "signup-1").await,
            (1, true)
        );
        let taken = shop::try_register(&store, "eve", "ada@example.org").await;
        assert!(taken.is_err_and(|error| error.contains("customer.email")));
        // The saga of the order that no reader had seen runs, and the parked one is still there.
        let head = store.head().await.expect("a head");
        shop::sagas(&store).run_until_idle().await.expect("idle");
        assert!(store.head().await.expect("a head") > head);
        shop::catch_up(&store, read).await;
        store.close().await;
    });
    let parked = to.rows(&["sagas", "list", "--status", "parked"], &["id"]);
    assert_eq!(parked, ["4712"]);
    // The read model was built again.
    let totals = to.rows(&["readers"], &["reader", "behind"]);
    assert!(
        totals.iter().any(|row| row.starts_with("order_totals")),
        "{totals:?}"
    );
    done(to.es(&["verify"]));
    // The store is in use now, and its events are not those of the source.
    let again = es(&["copy", &from.address(), &to.address(), "-y"]);
    assert_eq!(again.code, 4, "{}", again.err);
    done(to.es(&["verify"]));
    block_on(async {
        let (store, _) = to.open().await;
        store.close().await;
    });
    its_timer_fires(to);
}

#[test]
fn the_application_goes_on_in_another_file() {
    let (folder, _) = empty();
    goes_on(&Place::copy(), &Place::Sqlite(folder));
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn the_application_goes_on_on_postgresql() {
    goes_on(
        &Place::copy(),
        &Place::Postgres(es_tests::server::database()),
    );
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn the_application_goes_on_in_a_file_that_was_postgresql() {
    let (folder, _) = empty();
    goes_on(Place::postgres(), &Place::Sqlite(folder));
}

/// The rows of the read model, once its reader has seen all events.
fn totals(place: &Place) -> String {
    block_on(async {
        let (store, read) = place.open().await;
        shop::catch_up(&store, read).await;
        store.close().await;
    });
    place.sql("SELECT id, cents FROM order_totals ORDER BY id")
}

/// With its tables, which the application moves, a read model goes on where it was. Its mark shows that they are those.
#[test]
fn a_read_model_whose_tables_were_moved_goes_on() {
    const TABLE: &str =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'order_totals*'";
    let from = Place::copy();
    from.sql(&format!(
        "UPDATE {} SET cents = 2934",
        from.sql(TABLE).trim()
    ));
    let (folder, _) = empty();
    let to = Place::Sqlite(folder);
    let copy = [
        "copy",
        &from.address(),
        &to.address(),
        "-y",
        "--projections",
    ];
    done(es(&copy));
    let target = rusqlite::Connection::open(to.file()).expect("opens");
    let source = from.file().display().to_string();
    target
        .execute("ATTACH ?1 AS source", [source])
        .expect("attached");
    let tables = "SELECT type, name, sql FROM source.sqlite_schema \
                  WHERE type IN ('table', 'view') AND name GLOB 'order_totals*' ORDER BY type";
    let tables: Vec<[String; 3]> = target
        .prepare(tables)
        .and_then(|mut select| {
            let rows = select.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
            rows.collect()
        })
        .expect("tables");
    assert_eq!(tables.len(), 2, "{tables:?}");
    for [kind, name, sql] in tables {
        let fill = format!("INSERT INTO main.{name} SELECT * FROM source.{name}");
        let fill = if kind == "table" { fill } else { String::new() };
        let moved = target.execute_batch(&format!("{sql}; {fill}"));
        moved.expect("moved");
    }
    drop(target);
    assert_eq!(totals(&to), "4711|2934\n4713|700\n");
    let parked = to.rows(&["parked", "list"], &["stream"]);
    assert_eq!(parked, ["order/4712"]);
    // Without them it is built again.
    let (folder, _) = empty();
    let anew = Place::Sqlite(folder);
    done(es(&["copy", &from.address(), &anew.address(), "-y"]));
    assert_eq!(totals(&anew), "4711|2933\n4713|700\n");
}
