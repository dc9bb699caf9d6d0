//! The bare baselines of PostgreSQL: a table of streams, versions and JSON. A command is a `SELECT` and an
//! `INSERT`. With many callers, one worker does both for all commands that wait; or each has a connection.

use crate::connect;
use bench_common::{Account, Bank, BankEvent, Command, decide, deposits, history};
use futures_util::TryStreamExt;
use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, Statement, types::ToSql};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream   TEXT   COLLATE \"C\" NOT NULL,
        version  BIGINT NOT NULL,
        payload  BYTEA  NOT NULL,
        UNIQUE (stream, version)
    );
    CREATE TABLE IF NOT EXISTS snapshots (
        stream   TEXT   COLLATE \"C\" PRIMARY KEY,
        version  BIGINT NOT NULL,
        state    BYTEA  NOT NULL
    );";

fn parse(json: &[u8]) -> BankEvent {
    serde_json::from_slice(json).unwrap()
}

struct Connection {
    client: Client,
    load: Statement,
    insert: Statement,
    insert_many: Statement,
    snapshot: Statement,
}

impl Connection {
    async fn open(url: &str) -> Self {
        let client = connect::postgres(url).await;
        let load = "SELECT payload FROM events WHERE stream = $1 ORDER BY version";
        let insert = "INSERT INTO events (stream, version, payload) VALUES ($1, $2, $3)";
        let insert_many = "INSERT INTO events (stream, version, payload)
                           SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])";
        let snapshot = "SELECT s.state, e.payload FROM snapshots s
                        LEFT JOIN events e ON e.stream = s.stream AND e.version > s.version
                        WHERE s.stream = $1 ORDER BY e.version";
        Self {
            load: client.prepare(load).await.unwrap(),
            insert: client.prepare(insert).await.unwrap(),
            insert_many: client.prepare(insert_many).await.unwrap(),
            snapshot: client.prepare(snapshot).await.unwrap(),
            client,
        }
    }

    async fn load(&self, id: &str) -> Account {
        let rows = self.client.query_raw(&self.load, [id]).await.unwrap();
        let (mut rows, mut account) = (pin!(rows), Account::default());
        while let Some(row) = rows.try_next().await.unwrap() {
            account.apply(&parse(row.get(0)));
        }
        account
    }

    async fn insert_many(&self, events: impl Iterator<Item = (String, i64, BankEvent)>) {
        let (mut streams, mut versions, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
        for (stream, version, event) in events {
            streams.push(stream);
            versions.push(version);
            payloads.push(serde_json::to_vec(&event).unwrap());
        }
        let values: [&(dyn ToSql + Sync); 3] = [&streams, &versions, &payloads];
        let insert = self.client.execute(&self.insert_many, &values);
        insert.await.unwrap();
    }
}

/// A caller uses a connection.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Vec<Connection>>, Arc<AtomicUsize>);

impl Bank for Connections {
    async fn execute(&self, id: String, command: Command) -> bool {
        let number = self.1.fetch_add(1, Ordering::Relaxed) % self.0.len();
        let connection = &self.0[number];
        let account = connection.load(&id).await;
        let Ok(event) = decide(&account, command) else {
            return false;
        };
        let version = account.events.cast_signed() + 1;
        let payload = serde_json::to_vec(&event).unwrap();
        connection
            .client
            .execute(&connection.insert, &[&id, &version, &payload])
            .await
            .is_ok()
    }

    async fn append(&self, id: String, events: u64) {
        let events = deposits(events).zip(1..);
        let events = events.map(|(event, version)| (id.clone(), version, event));
        self.0[0].insert_many(events).await;
    }
}

impl Connections {
    pub(crate) async fn open(url: &str, count: u64) -> Self {
        let client = connect::postgres(url).await;
        client.batch_execute(TABLES).await.unwrap();
        let mut connections = Vec::new();
        for _ in 0..count {
            connections.push(Connection::open(url).await);
        }
        Self(Arc::new(connections), Arc::default())
    }

    pub(crate) async fn clear(&self) {
        let client = &self.0[0].client;
        client.batch_execute("TRUNCATE events").await.unwrap();
    }

    pub(crate) async fn seed(&self, id: &str, events: u64) {
        let events = history(events).zip(1..);
        let events = events.map(|(event, version)| (id.to_owned(), version, event));
        self.0[0].insert_many(events).await;
    }

    pub(crate) async fn load(&self, id: &str) -> Account {
        self.0[0].load(id).await
    }

    pub(crate) async fn save(&self, id: &str) {
        let account = self.load(id).await;
        let state = serde_json::to_vec(&account).unwrap();
        let version = account.events.cast_signed();
        let sql = "INSERT INTO snapshots VALUES ($1, $2, $3)";
        let values: [&(dyn ToSql + Sync); 3] = [&id, &version, &state];
        self.0[0].client.execute(sql, &values).await.unwrap();
    }

    /// The snapshot and what came after it in one query.
    pub(crate) async fn load_snapshot(&self, id: &str) -> Account {
        let connection = &self.0[0];
        let snapshot = &connection.snapshot;
        let rows = connection.client.query(snapshot, &[&id]).await.unwrap();
        let mut account: Account = serde_json::from_slice(rows[0].get(0)).unwrap();
        for row in &rows {
            if let Some(payload) = row.get::<_, Option<&[u8]>>(1) {
                account.apply(&parse(payload));
            }
        }
        account
    }
}

type Asked = (String, Command, oneshot::Sender<bool>);

/// One worker: a query loads the accounts of all commands that wait, and a statement inserts their events. It may keep
/// the states of all accounts and load none: here nobody else writes.
#[derive(Clone)]
pub(crate) struct Batches(mpsc::UnboundedSender<Asked>);

impl Bank for Batches {
    async fn execute(&self, id: String, command: Command) -> bool {
        let (done, wait) = oneshot::channel();
        self.0.send((id, command, done)).unwrap();
        wait.await.unwrap()
    }

    async fn append(&self, _: String, _: u64) {
        unreachable!("the appends are those of one caller");
    }
}

impl Batches {
    pub(crate) async fn open(url: &str, cached: bool) -> Self {
        let connection = Connection::open(url).await;
        let load =
            "SELECT stream, payload FROM events WHERE stream = ANY($1) ORDER BY stream, version";
        let load = connection.client.prepare(load).await.unwrap();
        let (send, mut receive) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut batch: Vec<Asked> = Vec::new();
            let mut accounts: HashMap<String, Account> = HashMap::new();
            while receive.recv_many(&mut batch, 512).await > 0 {
                if !cached {
                    accounts.clear();
                    let ids: Vec<&str> = batch.iter().map(|asked| &*asked.0).collect();
                    let rows = connection.client.query(&load, &[&ids]).await.unwrap();
                    for row in &rows {
                        let account = accounts.entry(row.get(0)).or_default();
                        account.apply(&parse(row.get(1)));
                    }
                }
                let mut events = Vec::new();
                let mut answers = Vec::new();
                for (id, command, done) in batch.drain(..) {
                    let account = accounts.entry(id.clone()).or_default();
                    let event = decide(account, command);
                    answers.push((event.is_ok(), done));
                    let version = account.events.cast_signed() + 1;
                    if let Ok(event) = event {
                        account.apply(&event);
                        events.push((id, version, event));
                    }
                }
                connection.insert_many(events.into_iter()).await;
                for (accepted, done) in answers {
                    let _ = done.send(accepted);
                }
            }
        });
        Self(send)
    }
}
