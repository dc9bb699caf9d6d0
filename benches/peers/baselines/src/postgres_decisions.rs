//! The baseline of decisions on PostgreSQL: the tables of es-runtime, reads in flight on one connection, and writes on another.
//! One statement checks the decisions that wait and stores those of which nothing new has a tag.

use crate::{
    connect,
    postgres_same::TABLES,
    record::now,
    school::{NAME, New, count, decide_and_prove, tags},
};
use bench_common::{Arguments, School, Tried, decisions};
use std::{collections::HashSet, sync::Arc, time::SystemTime};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, Statement, types::ToSql};
use uuid::Uuid;

const TAGS: &str = "
    CREATE TABLE same.tags (
        tag            TEXT        COLLATE \"C\" NOT NULL,
        position       BIGINT      NOT NULL,
        event          TEXT        COLLATE \"C\" NOT NULL,
        PRIMARY KEY (tag, position) INCLUDE (event)
    );";

/// The end of the store, and the subscriptions with each tag, of one moment.
const READ: &str = "SELECT h.position, r.number, f.payload FROM same.head h
    CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS r (tag, number)
    LEFT JOIN LATERAL (
        SELECT (SELECT e.payload FROM same.events e WHERE e.position = t.position) AS payload FROM same.tags t
        WHERE t.tag = r.tag AND t.event = $2 ORDER BY t.position LIMIT 1000
    ) AS f ON true";

const APPEND: &str = "WITH asked AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::timestamptz[], $7::bytea[])
            WITH ORDINALITY AS r (course, student, id, after, event_id, recorded_at, payload, number)
    ), kept AS (
        SELECT a.*, row_number() OVER (ORDER BY a.number) AS place FROM asked a
        WHERE (SELECT t.position FROM same.tags t
               WHERE t.tag = a.course AND t.position > a.after AND t.event = $8 LIMIT 1) IS NULL
          AND (SELECT t.position FROM same.tags t
               WHERE t.tag = a.student AND t.position > a.after AND t.event = $8 LIMIT 1) IS NULL
    ), moved AS (
        UPDATE same.head h SET position = h.position + (SELECT count(*) FROM kept)
        RETURNING h.position - (SELECT count(*) FROM kept) AS ended_at
    ), stored AS (
        INSERT INTO same.events (position, version, event_id, recorded_at, schema_version, aggregate,
                                 aggregate_id, event, content_type, metadata, payload)
        SELECT m.ended_at + k.place,
               1 + coalesce((SELECT max(e.version) FROM same.events e
                             WHERE e.aggregate = 'student' AND e.aggregate_id = k.id), 0),
               k.event_id, k.recorded_at, 1, 'student', k.id, $8, 'application/json', '{}'::json, k.payload
        FROM moved m, kept k
    ), tagged AS (
        INSERT INTO same.tags
        SELECT tag, m.ended_at + k.place, $8 FROM moved m, kept k, unnest(ARRAY[k.course, k.student]) AS tag
    )
    SELECT number FROM kept";

struct Write {
    new: New,
    tags: [String; 2],
    after: i64,
    done: oneshot::Sender<bool>,
}

async fn write(client: &Client, append: &Statement, batch: Vec<Write>) {
    // Of two decisions with one tag the second one would not be checked against the first.
    let mut seen = HashSet::new();
    let (batch, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|write| {
        let is_new = write.tags.iter().all(|tag| !seen.contains(tag));
        seen.extend(write.tags.iter().cloned());
        is_new
    });
    for write in late {
        let _ = write.done.send(false);
    }
    let courses: Vec<&str> = batch.iter().map(|write| &*write.tags[0]).collect();
    let students: Vec<&str> = batch.iter().map(|write| &*write.tags[1]).collect();
    let ids: Vec<&str> = batch.iter().map(|write| &*write.new.student).collect();
    let after: Vec<i64> = batch.iter().map(|write| write.after).collect();
    let event_ids: Vec<Uuid> = batch.iter().map(|write| write.new.id).collect();
    let times: Vec<SystemTime> = batch.iter().map(|_| now()).collect();
    let payloads: Vec<&[u8]> = batch.iter().map(|write| &*write.new.payload).collect();
    let values: [&(dyn ToSql + Sync); 8] = [
        &courses, &students, &ids, &after, &event_ids, &times, &payloads, &NAME,
    ];
    let rows = client.query(append, &values).await.unwrap();
    let kept: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    for (write, number) in batch.into_iter().zip(1..) {
        let _ = write.done.send(kept.contains(&number));
    }
}

#[derive(Clone)]
struct Pipelined {
    read: Arc<(Client, Statement)>,
    write: mpsc::UnboundedSender<Write>,
}

impl Pipelined {
    async fn open(url: &str) -> Self {
        let reader = connect::postgres(url).await;
        reader.batch_execute(TABLES).await.unwrap();
        reader.batch_execute(TAGS).await.unwrap();
        let read = reader.prepare(READ).await.unwrap();
        let writer = connect::postgres(url).await;
        let append = writer.prepare(APPEND).await.unwrap();
        let (send, mut receive) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut batch: Vec<Write> = Vec::new();
            while receive.recv_many(&mut batch, 512).await > 0 {
                write(&writer, &append, std::mem::take(&mut batch)).await;
            }
        });
        Self {
            read: Arc::new((reader, read)),
            write: send,
        }
    }
}

impl School for Pipelined {
    async fn subscribe(&self, student: String, course: String) -> Tried {
        let tags = tags(&student, &course);
        let of: Vec<&str> = tags.iter().map(|tag| &**tag).collect();
        let (client, read) = &*self.read;
        let rows = client.query(read, &[&of, &NAME]).await.unwrap();
        let after = rows[0].get(0);
        let mut counts = [0, 0];
        for row in &rows {
            let (number, payload): (i64, Option<&[u8]>) = (row.get(1), row.get(2));
            if let Some(payload) = payload {
                count(&mut counts[usize::from(number == 2)], payload);
            }
        }
        let Some(new) = decide_and_prove(counts[0], counts[1], student, course) else {
            return Tried::Full;
        };
        let (done, wait) = oneshot::channel();
        let write = Write {
            new,
            tags,
            after,
            done,
        };
        assert!(self.write.send(write).is_ok());
        match wait.await.unwrap() {
            true => Tried::Subscribed,
            false => Tried::Conflict,
        }
    }
}

pub(crate) async fn run(arguments: &Arguments) {
    let school = Pipelined::open(&arguments.postgres().url()).await;
    let mut report = arguments.report("same");
    decisions(&mut report, &arguments.group, &school).await;
}
