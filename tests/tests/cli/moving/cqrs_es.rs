//! The events of cqrs-es become those of a store.

use super::{done, empty, export, program};
use crate::place::{Place, Ran, block_on, es};
use es_runtime::AnyStore;
use std::fs;
use tempfile::TempDir;

const SQLITE: &str = include_str!("data/cqrs-es-sqlite.sql");
const NAMES: &str = include_str!("data/names.map");
const LOCK: &str = include_str!("data/bank.lock");

/// A database of cqrs-es, and the files that say what its names mean.
struct Bank {
    folder: TempDir,
    /// Its address.
    from: String,
    table: &'static str,
}

impl Bank {
    fn sqlite() -> Self {
        let folder = es_tests::tiers::folder();
        let file = folder.path().join("bank.db");
        let bank = rusqlite::Connection::open(&file).expect("opens");
        bank.execute_batch(SQLITE).expect("made");
        Self::new(folder, format!("sqlite:{}", file.display()))
    }

    fn new(folder: TempDir, from: String) -> Self {
        fs::write(folder.path().join("names.map"), NAMES).expect("written");
        fs::write(folder.path().join("bank.lock"), LOCK).expect("written");
        Self {
            folder,
            from,
            table: "events",
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn sql(&self, sql: &str) {
        let bank = rusqlite::Connection::open(self.file("bank.db")).expect("opens");
        bank.execute_batch(sql).expect(sql);
    }

    fn import(&self, to: &str) -> Ran {
        let (map, lock) = (self.file("names.map"), self.file("bank.lock"));
        let args = [
            "--store",
            to,
            "import-cqrs-es",
            &self.from,
            "--map",
            &map,
            "--lock",
            &lock,
            "--table",
            self.table,
            "-y",
        ];
        es(&args)
    }
}

/// The events in their order, without their ids.
fn events(store: &str) -> Vec<String> {
    let out = done(es(&["--store", store, "events", "-o", "ndjson"])).out;
    let rows = out.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let time = row["recorded_at"].as_str().expect("a time");
        format!(
            "{} {} v{} {} {} {} {}",
            time.get(..10).expect("a day"),
            row["stream"].as_str().expect("a stream"),
            row["version"],
            row["event"].as_str().expect("a name"),
            row["schema_version"],
            row["payload"],
            row["metadata"]["user"],
        )
    });
    rows.collect()
}

/// By time, but a stream keeps its order: what is before an earlier event of it comes with that one.
const IMPORTED: [&str; 8] = [
    r#"2023-03-01 bank-account/A-1 v1 account.opened 1 {"owner":"ada"} "ada""#,
    r#"2023-03-02 bank-account/A-2 v1 account.opened 1 {"owner":"bob"} "ada""#,
    r#"2023-03-02 customer/C/7 v1 customer.named 1 {"name":"Ada \"the\" Löve"} "ada""#,
    r#"2023-03-03 bank-account/A-2 v2 account.deposited 2 {"balance":70,"cents":70} "ada""#,
    r#"2023-03-05 bank-account/A-1 v2 account.deposited 2 {"balance":500,"cents":500} "ada""#,
    r#"2023-03-04 bank-account/A-1 v3 account.withdrawn 1 {"balance":300,"cents":200} "ada""#,
    r#"2023-03-06 bank-account/A-2 v3 account.withdrawn 1 {"balance":0,"cents":70} "ada""#,
    r#"2023-03-07 bank-account/A-2 v4 account.closed 1 {} "ada""#,
];

fn comes_over(bank: &Bank, to: &str) {
    let ran = done(bank.import(to));
    assert!(ran.out.contains("written       8"), "{}", ran.out);
    assert!(ran.err.contains("turn_on_tags"), "{}", ran.err);
    assert_eq!(events(to), IMPORTED);
    done(es(&["--store", to, "verify"]));
    // A second run does nothing.
    let before = export(to);
    let again = done(bank.import(to));
    assert!(again.out.contains("written       0"), "{}", again.out);
    assert!(export(to) == before);
}

#[test]
fn events_come_over_from_sqlite() {
    let (_folder, to) = empty();
    let bank = Bank::sqlite();
    comes_over(&bank, &to);
    // Events that came since are appended.
    bank.sql(
        "INSERT INTO events VALUES ('account', 'A-1', 4, 'Closed', '1.0', '\"Closed\"', '{\"time\":\"2023-02-01T00:00:00Z\"}')",
    );
    let ran = done(bank.import(&to));
    assert!(ran.out.contains("written       1"), "{}", ran.out);
    let last = events(&to).pop().expect("one");
    assert!(
        last.contains("2023-02-01 bank-account/A-1 v4 account.closed"),
        "{last}"
    );
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn events_come_over_from_postgresql() {
    let database = es_tests::server::database();
    for statement in include_str!("data/cqrs-es-postgres.sql").split(";\n") {
        database.query(statement).expect(statement);
    }
    let mut bank = Bank::new(es_tests::tiers::folder(), database.url());
    let (_folder, to) = empty();
    comes_over(&bank, &to);
    // Into the same database, where the store has a schema of its own, whose tables this role sees first.
    bank.table = "public.events";
    comes_over(&bank, &database.url());
}

/// Tables of old releases have no types, but a time.
#[test]
fn old_tables_come_over() {
    let bank = Bank::sqlite();
    bank.sql(
        "ALTER TABLE events DROP COLUMN event_type; ALTER TABLE events DROP COLUMN event_version;
         ALTER TABLE events ADD COLUMN timestamp TEXT;
         UPDATE events SET timestamp = replace(replace(metadata ->> 'time', 'T', ' '), 'Z', ''), metadata = '{}'",
    );
    let names = NAMES
        .replace("Deposited 1.0", "Deposited")
        .replace("time = time\nuser = user\n", "");
    fs::write(bank.file("names.map"), names).expect("written");
    let (_folder, to) = empty();
    done(bank.import(&to));
    let imported = IMPORTED.map(|row| row.replace(" \"ada\"", " null"));
    assert_eq!(events(&to), imported);
}

/// Without any time all first events come first, then all second ones.
#[test]
fn without_times_streams_are_interleaved() {
    let bank = Bank::sqlite();
    bank.sql("UPDATE events SET metadata = '{}'");
    fs::write(bank.file("names.map"), NAMES.replace("time = time\n", "")).expect("written");
    let (_folder, to) = empty();
    let ran = done(bank.import(&to));
    assert!(ran.err.contains("interleaved by sequence"), "{}", ran.err);
    let order = events(&to);
    let order: Vec<&str> = order
        .iter()
        .filter_map(|row| row.split(' ').nth(1))
        .collect();
    let (one, two, seven) = ("bank-account/A-1", "bank-account/A-2", "customer/C/7");
    assert_eq!(order, [one, two, seven, one, two, one, two, two]);
}

#[test]
fn what_cannot_be_imported_is_said_before_anything_is_written() {
    let refused = |sql: &str, map: &str, said: &str| {
        let bank = Bank::sqlite();
        bank.sql(sql);
        fs::write(bank.file("names.map"), map).expect("written");
        let (folder, to) = empty();
        let ran = bank.import(&to);
        assert!(
            ran.code == 2 && ran.err.contains(said),
            "{said}: {}",
            ran.err
        );
        assert!(
            fs::read_dir(folder.path())
                .expect("a folder")
                .next()
                .is_none(),
            "{said}"
        );
    };
    let update = |what: &str| {
        format!("UPDATE events SET {what} WHERE aggregate_id = 'A-2' AND sequence = 3")
    };
    refused(
        "",
        &NAMES.replace("Closed =", "Shut ="),
        "no event for `Closed 1.0` in [account]",
    );
    refused(
        "",
        &NAMES.replace("account.closed", "account.shut"),
        "the lock has no account.shut v1",
    );
    refused(
        "",
        &NAMES.replace("deposited v2", "deposited v3"),
        "the lock has no account.deposited v3",
    );
    refused(
        "",
        &NAMES.replace(" {name}", ""),
        "has a field `name` in the lock",
    );
    refused("", "[account\nx = y", "line 1");
    refused("", "[account]\nx = y vX", "an event is `name`");
    refused(
        &update("sequence = 9"),
        NAMES,
        "the sequence 3 is missing before it",
    );
    refused(
        &update("payload = '{\"a\":1,\"b\":2}'"),
        NAMES,
        "not tagged with its type",
    );
    refused(&update("payload = 'x'"), NAMES, "not tagged with its type");
    refused(&update("aggregate_id = char(7)"), NAMES, "1 of them");
    refused(
        &update("payload = '{\"Withdrawn\":{\"cents\":1}}'"),
        NAMES,
        "has a field `balance` in the lock",
    );
    let none = Bank::sqlite();
    none.sql("DROP TABLE events");
    let (_folder, to) = empty();
    assert_eq!(none.import(&to).code, 4);
}

/// A lock quotes the names of fields that are not plain, and those of flattened ones.
#[test]
fn fields_whose_names_a_lock_quotes_are_found() {
    let import = |payload: &str| {
        let bank = Bank::sqlite();
        let shape = r#"{"flatten(more)":{since:str},"the owner":str}"#;
        let lock = LOCK.replace("{owner:str}", shape);
        fs::write(bank.file("bank.lock"), lock).expect("written");
        bank.sql(&format!(
            "UPDATE events SET payload = '{{\"AccountOpened\":{payload}}}' WHERE payload LIKE '{{\"AccountOpened%'"
        ));
        let (_folder, to) = empty();
        bank.import(&to)
    };
    done(import(r#"{"since":"1971","the owner":"ada"}"#));
    let ran = import(r#"{"owner":"ada"}"#);
    let said = "has a field `the owner` in the lock";
    assert!(ran.code == 2 && ran.err.contains(said), "{}", ran.err);
}

/// Numbers stay as they are written, whatever their size.
#[test]
fn payloads_stay_as_they_are_written() {
    let bank = Bank::sqlite();
    let payload = r#"{"owner": "ada",  "n": 123456789012345678901234567890, "x": 0.10}"#;
    bank.sql(&format!("UPDATE events SET payload = '{{\"AccountOpened\":{payload}}}' WHERE aggregate_id = 'A-1' AND sequence = 1"));
    let (_folder, to) = empty();
    done(bank.import(&to));
    assert!(
        export(&to).contains(&format!("\"payload\":{payload},")),
        "{}",
        export(&to)
    );
}

/// Killed while it reads or writes, and run again.
#[test]
fn an_import_that_is_killed_goes_on() {
    let bank = Bank::sqlite();
    bank.sql(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
         INSERT INTO events SELECT 'account', 'B-' || (n % 700), n / 700 + (n % 700 > 0), 'Deposited', '1.0',
         '{\"Deposited\":{\"balance\":1,\"cents\":1}}', '{}' FROM n",
    );
    let (_folder, to) = empty();
    let (_whole_folder, whole) = empty();
    done(bank.import(&whole));
    let (map, lock) = (bank.file("names.map"), bank.file("bank.lock"));
    for wait in 0..es_tests::tries(12, 2) {
        let args = [
            "--store",
            &to,
            "import-cqrs-es",
            &bank.from,
            "--map",
            &map,
            "--lock",
            &lock,
            "-y",
        ];
        let mut child = program(&args).spawn().expect("runs");
        // Until its file grows.
        let size =
            || fs::metadata(format!("{}-wal", super::file_of(&to))).map_or(0, |file| file.len());
        while size() < 50_000 * wait && child.try_wait().expect("known").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().expect("ends");
    }
    done(bank.import(&to));
    assert_eq!(events(&to), events(&whole));
}

/// Nobody would check the events of a rule that is on.
#[test]
fn a_rule_that_is_on_is_turned_on_after_the_import() {
    let bank = Bank::sqlite();
    let (folder, to) = empty();
    let place = Place::Sqlite(folder);
    block_on(async {
        let store = es_sqlite::SqliteStore::options()
            .all_tables(true)
            .open(super::file_of(&to));
        let store = AnyStore::new(store.await.expect("opens"));
        es_runtime::EventStore::close(&store).await;
    });
    let file = rusqlite::Connection::open(super::file_of(&to)).expect("opens");
    // It is not among the first ones.
    file.execute_batch(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 600)
         INSERT INTO es_rules SELECT 'a.rule', 'an.event' || n FROM n;
         INSERT INTO es_rules VALUES ('account.owner', 'account.opened')",
    )
    .expect("on");
    drop(file);
    let ran = bank.import(&to);
    assert!(
        ran.code == 4
            && ran
                .err
                .contains("`account.owner` is on for events `account.opened`"),
        "{}",
        ran.err
    );
    // It is open for the application as before.
    done(es(&["--store", &to, "stats"]));
    drop(place);
}
