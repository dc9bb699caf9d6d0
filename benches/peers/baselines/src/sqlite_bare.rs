//! The bare baseline of SQLite: a table of streams, versions and JSON, on the thread of the caller. With many
//! callers one thread executes whole commands, and those that wait share a transaction.

use crate::connect;
use bench_common::{
    Account, Bank, BankEvent, Command, FEED, FEED_STREAM, decide, deposits, history,
};
use rusqlite::{Connection, params};
use std::{
    collections::{HashMap, hash_map::Entry},
    hint::black_box,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread,
};
use tokio::sync::oneshot;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY,
        stream   TEXT    NOT NULL,
        version  INTEGER NOT NULL,
        payload  BLOB    NOT NULL,
        UNIQUE (stream, version)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS snapshots (
        stream   TEXT    PRIMARY KEY,
        version  INTEGER NOT NULL,
        state    BLOB    NOT NULL
    ) STRICT;";

fn open(path: &Path, full: bool) -> Connection {
    let connection = connect::sqlite(path, full);
    connection.execute_batch(TABLES).unwrap();
    connection
}

fn parse(json: &[u8]) -> BankEvent {
    serde_json::from_slice(json).unwrap()
}

fn amount(event: &BankEvent) -> i64 {
    match event {
        BankEvent::Opened { .. } => 0,
        BankEvent::Deposited { amount, .. } => *amount,
        BankEvent::Withdrawn { amount, .. } => -amount,
    }
}

fn insert(connection: &Connection, stream: &str, version: u64, event: &BankEvent) {
    let sql = "INSERT INTO events (stream, version, payload) VALUES (?1, ?2, ?3)";
    let json = serde_json::to_vec(event).unwrap();
    let mut insert = connection.prepare_cached(sql).unwrap();
    insert
        .execute(params![stream, version.cast_signed(), json])
        .unwrap();
}

/// Adds what is stored after `account`.
fn load(connection: &Connection, stream: &str, mut account: Account) -> Account {
    let sql = "SELECT payload FROM events WHERE stream = ?1 AND version > ?2 ORDER BY version";
    let mut select = connection.prepare_cached(sql).unwrap();
    let after = account.events.cast_signed();
    let mut rows = select.query(params![stream, after]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        account.apply(&parse(row.get_ref(0).unwrap().as_blob().unwrap()));
    }
    account
}

/// Loads, decides and inserts, within a transaction.
fn execute(connection: &Connection, id: &str, command: Command) -> bool {
    let mut account = load(connection, id, Account::default());
    execute_on(connection, id, &mut account, command)
}

/// Decides and inserts.
fn execute_on(connection: &Connection, id: &str, account: &mut Account, command: Command) -> bool {
    let Ok(event) = decide(account, command) else {
        return false;
    };
    insert(connection, id, account.events + 1, &event);
    account.apply(&event);
    true
}

fn transaction<T>(connection: &Connection, work: impl FnOnce() -> T) -> T {
    let run = |sql| {
        let mut statement = connection.prepare_cached(sql).unwrap();
        statement.execute([]).unwrap();
    };
    run("BEGIN IMMEDIATE");
    let done = work();
    run("COMMIT");
    done
}

/// On the thread of the caller.
#[derive(Clone)]
pub(crate) struct Direct(Arc<Mutex<Connection>>);

impl Bank for Direct {
    async fn execute(&self, id: String, command: Command) -> bool {
        let connection = self.0.lock().unwrap();
        transaction(&connection, || execute(&connection, &id, command))
    }

    async fn append(&self, id: String, events: u64) {
        let connection = self.0.lock().unwrap();
        transaction(&connection, || {
            for (event, version) in deposits(events).zip(1..) {
                insert(&connection, &id, version, &event);
            }
        });
    }
}

impl Direct {
    pub(crate) fn open(path: &Path, full: bool) -> Self {
        Self(Arc::new(Mutex::new(open(path, full))))
    }

    pub(crate) fn seed(&self, id: &str, events: u64) {
        let connection = self.0.lock().unwrap();
        transaction(&connection, || {
            for (event, version) in history(events).zip(1..) {
                insert(&connection, id, version, &event);
            }
        });
    }

    pub(crate) fn seed_feed(&self) {
        for number in 0..FEED / FEED_STREAM {
            self.seed(&format!("feed-{number}"), FEED_STREAM);
        }
    }

    pub(crate) fn load(&self, id: &str) -> Account {
        load(&self.0.lock().unwrap(), id, Account::default())
    }

    pub(crate) fn save(&self, id: &str) {
        let account = self.load(id);
        let state = serde_json::to_vec(&account).unwrap();
        let version = account.events.cast_signed();
        let sql = "INSERT INTO snapshots VALUES (?1, ?2, ?3)";
        let connection = self.0.lock().unwrap();
        connection
            .execute(sql, params![id, version, state])
            .unwrap();
    }

    pub(crate) fn load_snapshot(&self, id: &str) -> Account {
        let connection = self.0.lock().unwrap();
        let sql = "SELECT state FROM snapshots WHERE stream = ?1";
        let mut select = connection.prepare_cached(sql).unwrap();
        let account = select.query_row([id], |row| {
            Ok(serde_json::from_slice(row.get_ref(0)?.as_blob()?).unwrap())
        });
        load(&connection, id, account.unwrap())
    }

    /// Pages of a thousand, with a copy of each payload.
    pub(crate) fn feed(&self) -> u64 {
        let connection = self.0.lock().unwrap();
        let sql = "SELECT position, stream, version, payload FROM events WHERE position > ?1
                   ORDER BY position LIMIT 1000";
        let (mut from, mut count) = (0_i64, 0);
        loop {
            let mut select = connection.prepare_cached(sql).unwrap();
            let page: Vec<(i64, String, i64, Vec<u8>)> = select
                .query_map([from], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
                .unwrap()
                .map(Result::unwrap)
                .collect();
            count += page.len() as u64;
            let Some(last) = black_box(&page).last() else {
                return count;
            };
            from = last.0;
        }
    }

    /// One query over all events, an insert for each, and a transaction with a checkpoint for a thousand.
    pub(crate) fn project(&self, path: &Path) {
        let to = connect::sqlite(path, false);
        to.execute_batch(
            "CREATE TABLE entries (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
                                   amount INTEGER NOT NULL) STRICT;
             CREATE TABLE checkpoint (position INTEGER NOT NULL) STRICT;
             INSERT INTO checkpoint VALUES (0); BEGIN IMMEDIATE;",
        )
        .unwrap();
        let sql = "INSERT INTO entries (account, amount) VALUES (?1, ?2)";
        let mut insert = to.prepare(sql).unwrap();
        let mut update = to.prepare("UPDATE checkpoint SET position = ?1").unwrap();
        let connection = self.0.lock().unwrap();
        let sql = "SELECT position, stream, payload FROM events ORDER BY position";
        let mut select = connection.prepare(sql).unwrap();
        let mut rows = select.query([]).unwrap();
        let mut count = 0_u64;
        while let Some(row) = rows.next().unwrap() {
            let event = parse(row.get_ref(2).unwrap().as_blob().unwrap());
            let stream = row.get_ref(1).unwrap();
            insert
                .execute(params![stream.as_str().unwrap(), amount(&event)])
                .unwrap();
            count += 1;
            if count.is_multiple_of(1_000) {
                let position: i64 = row.get(0).unwrap();
                update.execute([position]).unwrap();
                to.execute_batch("COMMIT; BEGIN IMMEDIATE").unwrap();
            }
        }
        to.execute_batch("COMMIT").unwrap();
        assert_eq!(count, FEED);
    }

    /// One query over all events, and a sum.
    pub(crate) fn subscribe(&self) {
        let connection = self.0.lock().unwrap();
        let sql = "SELECT payload FROM events ORDER BY position";
        let mut select = connection.prepare(sql).unwrap();
        let mut rows = select.query([]).unwrap();
        let mut sum = 0;
        while let Some(row) = rows.next().unwrap() {
            sum += amount(&parse(row.get_ref(0).unwrap().as_blob().unwrap()));
        }
        assert_ne!(black_box(sum), 0);
    }
}

type Asked = (String, Command, oneshot::Sender<bool>);

/// One thread executes the commands; those that wait share a transaction. It may keep the states of all accounts.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::Sender<Asked>, Direct);

impl Bank for Queue {
    async fn execute(&self, id: String, command: Command) -> bool {
        let (done, wait) = oneshot::channel();
        self.0.send((id, command, done)).unwrap();
        wait.await.unwrap()
    }

    async fn append(&self, id: String, events: u64) {
        self.1.append(id, events).await;
    }
}

impl Queue {
    pub(crate) fn open(path: &Path, full: bool, cached: bool) -> Self {
        let connection = open(path, full);
        let (send, receive) = mpsc::channel::<Asked>();
        thread::spawn(move || {
            let mut states: HashMap<String, Account> = HashMap::new();
            let mut execute = |id: String, command| {
                if !cached {
                    return execute(&connection, &id, command);
                }
                match states.entry(id) {
                    Entry::Occupied(mut known) => {
                        let id = known.key().clone();
                        execute_on(&connection, &id, known.get_mut(), command)
                    }
                    Entry::Vacant(new) => {
                        let account = load(&connection, new.key(), Account::default());
                        let id = new.key().clone();
                        execute_on(&connection, &id, new.insert(account), command)
                    }
                }
            };
            while let Ok(first) = receive.recv() {
                let group: Vec<Asked> = std::iter::once(first).chain(receive.try_iter()).collect();
                let done = transaction(&connection, || {
                    let done = group
                        .into_iter()
                        .map(|(id, command, done)| (execute(id, command), done));
                    done.collect::<Vec<_>>()
                });
                for (accepted, done) in done {
                    let _ = done.send(accepted);
                }
            }
        });
        Self(send, Direct::open(path, full))
    }
}
