//! The baseline of the same work on SQLite: the table of es-runtime, two threads that read and one that writes.
//! Appends that wait share a transaction, and each is refused where the stream has another version.

use crate::{
    connect,
    record::{Envelope, New, States, decide_and_prove, fold, now, read},
};
use bench_common::{Account, Bank, BankEvent, Command, FEED, FEED_STREAM, deposits, history};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::{
    hint::black_box,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread,
};
use tokio::sync::oneshot;

pub(crate) const EVENTS: &str = "
    CREATE TABLE IF NOT EXISTS events (
        position       INTEGER PRIMARY KEY AUTOINCREMENT,
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        version        INTEGER NOT NULL CHECK (version > 0),
        event          TEXT    NOT NULL,
        schema_version INTEGER NOT NULL,
        recorded_at    TEXT    NOT NULL,
        event_id       TEXT    NOT NULL UNIQUE,
        metadata       TEXT    NOT NULL,
        content_type   TEXT    NOT NULL,
        payload        ANY     NOT NULL,
        UNIQUE (aggregate, aggregate_id, version)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS snapshots (
        aggregate      TEXT    NOT NULL,
        aggregate_id   TEXT    NOT NULL,
        version        INTEGER NOT NULL,
        position       TEXT    NOT NULL,
        fingerprint    TEXT    NOT NULL,
        content_type   TEXT    NOT NULL,
        state          ANY     NOT NULL,
        PRIMARY KEY (aggregate, aggregate_id)
    ) STRICT;";

/// Work for a thread. What it returns is run once the transaction is committed.
pub(crate) type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
pub(crate) type Answer = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
pub(crate) struct Thread(mpsc::Sender<Job>);

impl Thread {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> T {
        let (done, wait) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = work(connection);
            Box::new(move || drop(done.send(result)))
        });
        self.0.send(job).unwrap();
        wait.await.unwrap()
    }
}

pub(crate) fn writer(connection: Connection) -> Thread {
    let (send, receive) = mpsc::channel::<Job>();
    thread::spawn(move || {
        let run = |sql| {
            let mut statement = connection.prepare_cached(sql).unwrap();
            statement.execute([]).unwrap();
        };
        while let Ok(first) = receive.recv() {
            run("BEGIN IMMEDIATE");
            let group = std::iter::once(first).chain(receive.try_iter());
            let answers: Vec<Answer> = group.map(|job| job(&connection)).collect();
            run("COMMIT");
            for answer in answers {
                answer();
            }
        }
    });
    Thread(send)
}

pub(crate) fn readers(path: &Path, full: bool) -> Thread {
    let (send, receive) = mpsc::channel::<Job>();
    let receive = Arc::new(Mutex::new(receive));
    for _ in 0..2 {
        let (connection, receive) = (connect::sqlite(path, full), Arc::clone(&receive));
        thread::spawn(move || {
            loop {
                let job = receive.lock().unwrap().recv();
                let Ok(job) = job else { return };
                job(&connection)();
            }
        });
    }
    Thread(send)
}

/// Checks the version of the stream, and inserts.
fn append(connection: &Connection, id: &str, expected: i64, events: &[New]) -> bool {
    let sql =
        "SELECT version, position FROM events WHERE aggregate = 'account' AND aggregate_id = ?1
               ORDER BY version DESC LIMIT 1";
    let mut head = connection.prepare_cached(sql).unwrap();
    let version: Option<i64> = head.query_row([id], |row| row.get(0)).optional().unwrap();
    if version.unwrap_or(0) != expected {
        return false;
    }
    let recorded_at = humantime::format_rfc3339_micros(now()).to_string();
    let sql =
        "INSERT INTO events (aggregate, aggregate_id, version, event, schema_version, recorded_at,
                                   event_id, metadata, content_type, payload)
               VALUES ('account', ?1, ?2, ?3, 1, ?4, ?5, '{}', 'application/json', ?6)";
    let mut insert = connection.prepare_cached(sql).unwrap();
    for (new, version) in events.iter().zip(expected + 1..) {
        let payload = std::str::from_utf8(&new.payload).unwrap();
        let event_id = new.id.to_string();
        let values = params![id, version, new.name, recorded_at, event_id, payload];
        insert.execute(values).unwrap();
    }
    true
}

/// Adds what is stored after `account`.
fn load(connection: &Connection, id: &str, mut account: Account) -> Account {
    let sql = "SELECT version, position, event, schema_version, content_type, payload FROM events
               WHERE aggregate = 'account' AND aggregate_id = ?1 AND version > ?2 ORDER BY version";
    let mut select = connection.prepare_cached(sql).unwrap();
    let after = account.events.cast_signed();
    let mut rows = select.query(params![id, after]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text = |column| row.get_ref(column).unwrap();
        assert_eq!(text(4).as_str().unwrap(), "application/json");
        black_box((row.get::<_, i64>(1).unwrap(), row.get::<_, i64>(3).unwrap()));
        let (name, payload) = (text(2), text(5));
        let version = row.get(0).unwrap();
        let payload = payload.as_bytes().unwrap();
        fold(&mut account, version, name.as_str().unwrap(), payload);
    }
    account
}

fn envelope(row: &Row<'_>) -> Envelope {
    let text = |column| row.get::<_, String>(column).unwrap();
    Envelope {
        position: row.get(0).unwrap(),
        aggregate: text(1),
        id: text(2),
        version: row.get(3).unwrap(),
        name: text(4),
        schema_version: row.get(5).unwrap(),
        event_id: text(6).parse().unwrap(),
        metadata: text(7),
        recorded_at: humantime::parse_rfc3339(&text(8)).unwrap(),
        content_type: text(9),
        payload: row.get_ref(10).unwrap().as_bytes().unwrap().to_vec(),
    }
}

fn page(connection: &Connection, after: i64) -> Vec<Envelope> {
    let sql = "SELECT position, aggregate, aggregate_id, version, event, schema_version, event_id, metadata,
                      recorded_at, content_type, payload
               FROM events WHERE position > ?1 ORDER BY position LIMIT 1000";
    let mut select = connection.prepare_cached(sql).unwrap();
    let rows = select.query_map([after], |row| Ok(envelope(row))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn amount(event: &Envelope) -> i64 {
    match read(&event.name, &event.payload) {
        BankEvent::Opened { .. } => 0,
        BankEvent::Deposited { amount, .. } => amount,
        BankEvent::Withdrawn { amount, .. } => -amount,
    }
}

/// Two threads that read, and one that writes. They may keep the states of all accounts.
#[derive(Clone)]
pub(crate) struct Threads {
    write: Thread,
    read: Thread,
    states: Option<States>,
}

impl Bank for Threads {
    async fn execute(&self, id: String, command: Command) -> bool {
        let mut account = match States::take(self.states.as_ref(), &id) {
            Some(known) => known,
            None => self.load(id.clone()).await,
        };
        let version = account.events.cast_signed();
        let Ok(new) = decide_and_prove(&mut account, command) else {
            return false;
        };
        let name = id.clone();
        let append = move |connection: &Connection| append(connection, &id, version, &[new]);
        let is_stored = self.write.run(append).await;
        if is_stored {
            States::keep(self.states.as_ref(), name, account);
        }
        is_stored
    }

    async fn append(&self, id: String, events: u64) {
        let new: Vec<New> = deposits(events).map(New::of).collect();
        let append = move |connection: &Connection| append(connection, &id, 0, &new);
        assert!(self.write.run(append).await);
    }
}

impl Threads {
    pub(crate) fn open(path: &Path, full: bool) -> Self {
        let connection = connect::sqlite(path, full);
        connection.execute_batch(EVENTS).unwrap();
        let (write, read) = (writer(connection), readers(path, full));
        Self {
            write,
            read,
            states: None,
        }
    }

    pub(crate) fn cached(mut self) -> Self {
        self.states = Some(States::default());
        self
    }

    pub(crate) async fn seed(&self, id: &str, events: u64) {
        let (id, new) = (id.to_owned(), history(events).map(New::of));
        let new: Vec<New> = new.collect();
        let append = move |connection: &Connection| append(connection, &id, 0, &new);
        assert!(self.write.run(append).await);
    }

    pub(crate) async fn seed_feed(&self) {
        for number in 0..FEED / FEED_STREAM {
            self.seed(&format!("feed-{number}"), FEED_STREAM).await;
        }
    }

    pub(crate) async fn load(&self, id: String) -> Account {
        let load = move |connection: &Connection| load(connection, &id, Account::default());
        self.read.run(load).await
    }

    pub(crate) async fn save(&self, id: String) {
        let account = self.load(id.clone()).await;
        let save = move |connection: &Connection| {
            let sql = "INSERT INTO snapshots
                       VALUES ('account', ?1, ?2, '1', 'fingerprint', 'application/json', ?3)";
            let state = serde_json::to_string(&account).unwrap();
            let version = account.events.cast_signed();
            connection.execute(sql, params![id, version, state])
        };
        self.write.run(save).await.unwrap();
    }

    /// Checks that the stream has the event that the snapshot was taken after.
    pub(crate) async fn load_snapshot(&self, id: String) -> Account {
        let load = move |connection: &Connection| {
            let sql = "SELECT version, position, fingerprint, content_type, state FROM snapshots
                       WHERE aggregate = 'account' AND aggregate_id = ?1";
            let mut select = connection.prepare_cached(sql).unwrap();
            let (version, account) = select
                .query_row([&id], |row| {
                    assert_eq!(row.get_ref(2)?.as_str()?, "fingerprint");
                    let state = row.get_ref(4)?.as_bytes()?;
                    let account: Account = serde_json::from_slice(state).unwrap();
                    Ok((row.get::<_, i64>(0)?, account))
                })
                .unwrap();
            let sql =
                "SELECT position FROM events WHERE aggregate = 'account' AND aggregate_id = ?1
                       AND version = ?2";
            let mut select = connection.prepare_cached(sql).unwrap();
            let position = select.query_row(params![id, version], |row| row.get::<_, i64>(0));
            black_box(position.unwrap());
            load(connection, &id, account)
        };
        self.read.run(load).await
    }

    async fn page(&self, after: i64) -> Vec<Envelope> {
        self.read
            .run(move |connection| page(connection, after))
            .await
    }

    /// Pages of a thousand.
    pub(crate) async fn feed(&self) -> u64 {
        let (mut from, mut count) = (0, 0);
        loop {
            let page = self.page(from).await;
            count += page.len() as u64;
            let Some(last) = black_box(&page).last() else {
                return count;
            };
            from = last.position;
        }
    }

    /// Pages of a thousand, each a transaction with its rows and the checkpoint, on a thread that writes.
    pub(crate) async fn project(&self, path: &Path) {
        let to = connect::sqlite(path, false);
        to.execute_batch(
            "CREATE TABLE entries (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
                                   amount INTEGER NOT NULL) STRICT;
             CREATE TABLE checkpoint (position INTEGER NOT NULL) STRICT;
             INSERT INTO checkpoint VALUES (0);",
        )
        .unwrap();
        let to = writer(to);
        let (mut from, mut count) = (0, 0);
        loop {
            let page = self.page(from).await;
            count += page.len() as u64;
            let Some(last) = page.last() else { break };
            from = last.position;
            to.run(move |connection| {
                let sql = "INSERT INTO entries (account, amount) VALUES (?1, ?2)";
                let mut insert = connection.prepare_cached(sql).unwrap();
                for event in &page {
                    insert.execute(params![event.id, amount(event)]).unwrap();
                }
                let update = "UPDATE checkpoint SET position = ?1";
                connection.execute(update, [from]).unwrap();
            })
            .await;
        }
        assert_eq!(count, FEED);
    }

    /// Pages of a thousand, a sum, and a checkpoint for each page.
    pub(crate) async fn subscribe(&self, path: &Path) {
        let to = connect::sqlite(path, false);
        to.execute_batch(
            "CREATE TABLE checkpoint (position INTEGER NOT NULL) STRICT;
             INSERT INTO checkpoint VALUES (0);",
        )
        .unwrap();
        let to = writer(to);
        let (mut from, mut sum) = (0, 0);
        loop {
            let page = self.page(from).await;
            let Some(last) = page.last() else { break };
            from = last.position;
            sum += page.iter().map(amount).sum::<i64>();
            to.run(move |connection| {
                let update = "UPDATE checkpoint SET position = ?1";
                connection.execute(update, [from]).unwrap();
            })
            .await;
        }
        assert_ne!(black_box(sum), 0);
    }
}
