//! The baseline of the same work on PostgreSQL: the table of es-runtime, loads in flight on one connection, and
//! appends on another. One statement checks the versions, takes the next positions and inserts; appends that wait
//! share it.

use crate::{
    connect,
    record::{New, States, decide_and_prove, fold, now},
};
use bench_common::{Account, Bank, Command, deposits, history};
use futures_util::TryStreamExt;
use std::{hint::black_box, pin::pin, sync::Arc, time::SystemTime};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, Statement, types::ToSql};
use uuid::Uuid;

pub(crate) const TABLES: &str = "
    CREATE SCHEMA same;
    CREATE TABLE same.head (
        only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
        position BIGINT  NOT NULL CHECK (position >= 0)
    );
    INSERT INTO same.head (position) VALUES (0);
    CREATE TABLE same.events (
        position       BIGINT      PRIMARY KEY CHECK (position > 0),
        version        BIGINT      NOT NULL CHECK (version > 0),
        event_id       UUID        NOT NULL UNIQUE,
        recorded_at    TIMESTAMPTZ NOT NULL,
        schema_version INTEGER     NOT NULL CHECK (schema_version BETWEEN 1 AND 65535),
        aggregate      TEXT        COLLATE \"C\" NOT NULL,
        aggregate_id   TEXT        COLLATE \"C\" NOT NULL,
        event          TEXT        COLLATE \"C\" NOT NULL,
        content_type   TEXT        COLLATE \"C\" NOT NULL,
        metadata       JSON        NOT NULL,
        payload        BYTEA       NOT NULL,
        UNIQUE (aggregate, aggregate_id, version)
    );
    CREATE TABLE same.snapshots (
        aggregate      TEXT        COLLATE \"C\" NOT NULL,
        aggregate_id   TEXT        COLLATE \"C\" NOT NULL,
        version        BIGINT      NOT NULL,
        position       TEXT        NOT NULL,
        fingerprint    TEXT        NOT NULL,
        content_type   TEXT        NOT NULL,
        state          BYTEA       NOT NULL,
        PRIMARY KEY (aggregate, aggregate_id)
    );";

const LOAD: &str = "SELECT version, position, event, schema_version, content_type, payload
    FROM same.events WHERE aggregate = 'account' AND aggregate_id = $1 AND version > $2 ORDER BY version";

const APPEND: &str = "WITH moved AS (
        UPDATE same.head h SET position = h.position + cardinality($3::text[]) WHERE NOT EXISTS (
            SELECT FROM unnest($1::text[], $2::bigint[]) AS r (id, version)
            WHERE r.version <> coalesce((SELECT e.version FROM same.events e
                WHERE e.aggregate = 'account' AND e.aggregate_id = r.id
                ORDER BY e.version DESC LIMIT 1), 0))
        RETURNING h.position - cardinality($3::text[]) AS ended_at
    )
    INSERT INTO same.events (position, version, event_id, recorded_at, schema_version, aggregate,
                             aggregate_id, event, content_type, metadata, payload)
    SELECT m.ended_at + r.number, r.version, r.event_id, r.recorded_at, 1, 'account', r.id, r.event,
           'application/json', '{}'::json, r.payload
    FROM moved m, unnest($3::text[], $4::bigint[], $5::uuid[], $6::timestamptz[], $7::text[], $8::bytea[])
        WITH ORDINALITY AS r (id, version, event_id, recorded_at, event, payload, number)";

struct Write {
    id: String,
    expected: i64,
    events: Vec<New>,
    done: oneshot::Sender<()>,
}

async fn write(client: &Client, append: &Statement, batch: &[Write]) {
    let streams: Vec<&str> = batch.iter().map(|write| &*write.id).collect();
    let expected: Vec<i64> = batch.iter().map(|write| write.expected).collect();
    let (mut ids, mut versions, mut event_ids) = (Vec::new(), Vec::new(), Vec::<Uuid>::new());
    let (mut times, mut names, mut payloads) = (Vec::<SystemTime>::new(), Vec::new(), Vec::new());
    for write in batch {
        for (new, version) in write.events.iter().zip(write.expected + 1..) {
            ids.push(&*write.id);
            versions.push(version);
            event_ids.push(new.id);
            times.push(now());
            names.push(new.name);
            payloads.push(&*new.payload);
        }
    }
    let values: [&(dyn ToSql + Sync); 8] = [
        &streams, &expected, &ids, &versions, &event_ids, &times, &names, &payloads,
    ];
    let inserted = client.execute(append, &values).await.unwrap();
    assert_eq!(inserted, ids.len() as u64, "a conflict");
}

/// One connection that reads, and one that writes. They may keep the states of all accounts.
#[derive(Clone)]
pub(crate) struct Pipelined {
    read: Arc<(Client, Statement, Statement)>,
    write: mpsc::UnboundedSender<Write>,
    states: Option<States>,
}

impl Bank for Pipelined {
    async fn execute(&self, id: String, command: Command) -> bool {
        let mut account = match States::take(self.states.as_ref(), &id) {
            Some(known) => known,
            None => self.load(&id).await,
        };
        let expected = account.events.cast_signed();
        let Ok(new) = decide_and_prove(&mut account, command) else {
            return false;
        };
        self.write(id.clone(), expected, vec![new]).await;
        States::keep(self.states.as_ref(), id, account);
        true
    }

    async fn append(&self, id: String, events: u64) {
        let events = deposits(events).map(New::of).collect();
        self.write(id, 0, events).await;
    }
}

impl Pipelined {
    pub(crate) async fn open(url: &str) -> Self {
        let reader = connect::postgres(url).await;
        reader.batch_execute(TABLES).await.unwrap();
        let load = reader.prepare(LOAD).await.unwrap();
        let snapshot =
            "SELECT version, position, fingerprint, content_type, state FROM same.snapshots
                        WHERE aggregate = 'account' AND aggregate_id = $1";
        let snapshot = reader.prepare(snapshot).await.unwrap();
        let writer = connect::postgres(url).await;
        let append = writer.prepare(APPEND).await.unwrap();
        let (send, mut receive) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut batch: Vec<Write> = Vec::new();
            while receive.recv_many(&mut batch, 512).await > 0 {
                write(&writer, &append, &batch).await;
                for write in batch.drain(..) {
                    let _ = write.done.send(());
                }
            }
        });
        Self {
            read: Arc::new((reader, load, snapshot)),
            write: send,
            states: None,
        }
    }

    pub(crate) fn cached(mut self) -> Self {
        self.states = Some(States::default());
        self
    }

    async fn write(&self, id: String, expected: i64, events: Vec<New>) {
        let (done, wait) = oneshot::channel();
        let write = Write {
            id,
            expected,
            events,
            done,
        };
        assert!(self.write.send(write).is_ok());
        wait.await.unwrap();
    }

    pub(crate) async fn seed(&self, id: &str, events: u64) {
        let events = history(events).map(New::of).collect();
        self.write(id.to_owned(), 0, events).await;
    }

    async fn load_after(&self, id: &str, mut account: Account) -> Account {
        let (client, load, _) = &*self.read;
        let after = account.events.cast_signed();
        let values: [&(dyn ToSql + Sync); 2] = [&id, &after];
        let rows = client.query_raw(load, values).await.unwrap();
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await.unwrap() {
            assert_eq!(row.get::<_, &str>(4), "application/json");
            black_box((row.get::<_, i64>(1), row.get::<_, i32>(3)));
            fold(&mut account, row.get(0), row.get(2), row.get(5));
        }
        account
    }

    pub(crate) async fn load(&self, id: &str) -> Account {
        self.load_after(id, Account::default()).await
    }

    pub(crate) async fn save(&self, id: &str) {
        let account = self.load(id).await;
        let state = serde_json::to_vec(&account).unwrap();
        let version = account.events.cast_signed();
        let sql = "INSERT INTO same.snapshots
                   VALUES ('account', $1, $2, '1', 'fingerprint', 'application/json', $3)";
        let values: [&(dyn ToSql + Sync); 3] = [&id, &version, &state];
        self.read.0.execute(sql, &values).await.unwrap();
    }

    /// Two queries, one after the other. The second reads from the event that the snapshot was taken after, which
    /// must be there.
    pub(crate) async fn load_snapshot(&self, id: &str) -> Account {
        let (client, load, snapshot) = &*self.read;
        let row = client.query_one(snapshot, &[&id]).await.unwrap();
        assert_eq!(row.get::<_, &str>(2), "fingerprint");
        let version: i64 = row.get(0);
        let mut account: Account = serde_json::from_slice(row.get(4)).unwrap();
        let rows = client.query(load, &[&id, &(version - 1)]).await.unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), version);
        for row in &rows[1..] {
            fold(&mut account, row.get(0), row.get(2), row.get(5));
        }
        account
    }
}
