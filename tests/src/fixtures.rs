//! The stores of this workspace as the suite sees them, with the faults that can be made for each.

use es_runtime::{MemoryStore, StreamId};
use es_sqlite::{SqliteReadDatabase as SqliteRead, SqliteStore};
use es_testkit::conformance::{Capabilities, Fault, NoDatabase, StoreFixture};
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub struct Memory;

impl StoreFixture for Memory {
    type Store = MemoryStore;
    type Database = NoDatabase;

    async fn open(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            wakes: true,
            work_items: true,
            unique: true,
            unique_walks: true,
            tags: true,
            tag_walks: true,
            lists_streams: true,
            event_ids: true,
            ..Capabilities::default()
        }
    }
}

pub struct Sqlite {
    folder: tempfile::TempDir,
    is_full: AtomicBool,
    /// A connection of somebody else's, with a transaction open.
    foreign: Mutex<Option<Connection>>,
}

impl Sqlite {
    pub fn fresh() -> Self {
        Self {
            folder: crate::tiers::folder(),
            is_full: AtomicBool::new(false),
            foreign: Mutex::new(None),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("conformance.db")
    }

    fn hold(&self, sql: &str) {
        let connection = Connection::open(self.path()).expect("opens");
        connection.execute_batch(sql).expect("begun");
        *self.foreign.lock().expect("no panic under it") = Some(connection);
    }
}

impl StoreFixture for Sqlite {
    type Store = SqliteStore;
    type Database = SqliteRead;

    async fn open(&self) -> SqliteStore {
        let mut options = SqliteStore::options().busy_timeout(Duration::from_secs(3));
        if self.is_full.load(Ordering::SeqCst) {
            let size = std::fs::metadata(self.path()).expect("there").len();
            options = options.max_bytes(size + 1024 * 1024);
        }
        options.open(self.path()).await.expect("opens")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reopens: true,
            closes: true,
            wakes: true,
            work_items: true,
            unique: true,
            unique_walks: true,
            tags: true,
            tag_walks: true,
            lists_streams: true,
            event_ids: true,
            read_only: true,
            read_database: true,
            damage: true,
            faults: &[
                Fault::DiskFull,
                Fault::WriterBlocked,
                Fault::ForeignTransaction,
            ],
        }
    }

    async fn open_for_reading(&self) -> Option<SqliteStore> {
        let options = SqliteStore::options().read_only(true);
        Some(options.open(self.path()).await.expect("opens"))
    }

    async fn read_database(&self, store: &SqliteStore) -> Option<SqliteRead> {
        Some(store.read_database())
    }

    async fn damage(&self, _: &SqliteStore, stream: &StreamId, version: u64) -> bool {
        let connection = Connection::open(self.path()).expect("opens");
        connection
            .execute_batch("DROP TRIGGER events_are_not_changed")
            .expect("dropped");
        let sql = "UPDATE events SET schema_version = 70000
                   WHERE aggregate = ?1 AND aggregate_id = ?2 AND version = ?3";
        let version = i64::try_from(version).expect("small");
        let changed = connection
            .execute(sql, (stream.aggregate(), stream.id(), version))
            .expect("updated");
        assert_eq!(changed, 1);
        true
    }

    async fn inject(&self, _: &SqliteStore, fault: Fault) -> bool {
        match fault {
            Fault::DiskFull => self.is_full.store(true, Ordering::SeqCst),
            Fault::WriterBlocked => self.hold("BEGIN IMMEDIATE"),
            // A reader that keeps an old state of the file.
            Fault::ForeignTransaction => self.hold("BEGIN; SELECT count(*) FROM events;"),
            _ => return false,
        }
        true
    }

    async fn heal(&self, _: &SqliteStore, _: Fault) {
        self.is_full.store(false, Ordering::SeqCst);
        *self.foreign.lock().expect("no panic under it") = None;
    }
}

#[cfg(unix)]
pub use postgres::Postgres;

#[cfg(unix)]
mod postgres {
    use super::*;
    use crate::server;
    use es_postgres::{PostgresReadDatabase as PostgresRead, PostgresStore};
    use es_testkit::postgres::Database;
    use std::{
        io::{BufRead, BufReader, Write},
        process::{Child, Command, Stdio},
    };

    /// A database of its own on the server of this process, and a role of its own that owns it, so
    /// that rights can be taken away.
    pub struct Postgres {
        database: Database<'static>,
        role: String,
        /// A session of somebody else's, with a transaction open.
        foreign: Mutex<Option<Child>>,
    }

    impl Postgres {
        pub fn fresh() -> Self {
            let database = server::database();
            let role = format!("role_{}", database.name());
            database
                .query(&format!(
                    "CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}",
                    database.name()
                ))
                .expect("a role");
            Self {
                database,
                role,
                foreign: Mutex::new(None),
            }
        }

        fn url(&self) -> String {
            self.database
                .url()
                .replace("user=es ", &format!("user={} ", self.role))
        }

        fn sql(&self, sql: &str) {
            self.database.query(sql).expect("it runs");
        }

        fn hold(&self, sql: &str) {
            let mut child = Command::new(server::shared().program("psql"))
                .args(["-X", "-q", "-A", "-t", "-d", &self.database.url()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("psql starts");
            let mut input = child.stdin.take().expect("a pipe");
            writeln!(input, "{sql} SELECT 'begun';").expect("written");
            let output = child.stdout.take().expect("a pipe");
            let begun = BufReader::new(output).lines().map_while(Result::ok);
            assert!(begun.into_iter().any(|line| line == "begun"));
            child.stdin = Some(input);
            *self.foreign.lock().expect("no panic under it") = Some(child);
        }

        fn release(&self) {
            let held = self.foreign.lock().expect("no panic under it").take();
            if let Some(mut child) = held {
                // A session that only goes away keeps its locks until the server notices.
                if let Some(mut input) = child.stdin.take() {
                    writeln!(input, "ROLLBACK;").expect("written");
                }
                child.wait().expect("psql ends");
            }
        }
    }

    impl Drop for Postgres {
        fn drop(&mut self) {
            self.release();
        }
    }

    const SLOW: &str = "
        CREATE FUNCTION es.slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END $$;
        CREATE TRIGGER slow AFTER INSERT ON es.events
            FOR EACH STATEMENT EXECUTE FUNCTION es.slow()";

    /// What the server says when its disk is full, to statements of the size that does not fit.
    const FULL: &str = "
        CREATE FUNCTION es.full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON es.events
            FOR EACH ROW WHEN (NEW.version > 5) EXECUTE FUNCTION es.full()";

    impl StoreFixture for Postgres {
        type Store = PostgresStore;
        type Database = PostgresRead;

        async fn open(&self) -> PostgresStore {
            PostgresStore::options(&self.url())
                .expect("a connection string")
                .busy_timeout(Duration::from_secs(3))
                .open()
                .await
                .expect("opens")
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities {
                reopens: true,
                closes: true,
                wakes: true,
                work_items: true,
                unique: true,
                unique_walks: true,
                tags: true,
                tag_walks: true,
                lists_streams: true,
                event_ids: true,
                read_only: true,
                read_database: true,
                damage: true,
                faults: &[
                    Fault::DiskFull,
                    Fault::ConnectionsLost,
                    Fault::WriterBlocked,
                    Fault::PermissionRevoked,
                    Fault::SlowCommits,
                    Fault::ForeignTransaction,
                ],
            }
        }

        async fn open_for_reading(&self) -> Option<PostgresStore> {
            let url = self.url() + " options='-c default_transaction_read_only=on'";
            let options = PostgresStore::options(&url).expect("a connection string");
            Some(options.migrate(false).open().await.expect("opens"))
        }

        async fn read_database(&self, store: &PostgresStore) -> Option<PostgresRead> {
            Some(store.read_database())
        }

        async fn damage(&self, _: &PostgresStore, stream: &StreamId, version: u64) -> bool {
            self.sql(&format!(
                "ALTER TABLE es.events DISABLE TRIGGER USER;
                 ALTER TABLE es.events DROP CONSTRAINT events_schema_version_check;
                 UPDATE es.events SET schema_version = 70000 WHERE aggregate = '{}'
                 AND aggregate_id = '{}' AND version = {version}",
                stream.aggregate(),
                stream.id()
            ));
            true
        }

        async fn inject(&self, _: &PostgresStore, fault: Fault) -> bool {
            match fault {
                Fault::DiskFull => self.sql(FULL),
                Fault::ConnectionsLost => self.sql(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
                    self.role
                )),
                Fault::WriterBlocked => self.hold("BEGIN; SELECT * FROM es.head FOR UPDATE;"),
                Fault::PermissionRevoked => {
                    self.sql(&format!("REVOKE INSERT ON es.events FROM {}", self.role));
                }
                Fault::SlowCommits => self.sql(SLOW),
                Fault::ForeignTransaction => {
                    self.hold("BEGIN; CREATE TABLE foreign_rows (id INT); SELECT txid_current();");
                }
                _ => return false,
            }
            true
        }

        async fn heal(&self, _: &PostgresStore, fault: Fault) {
            match fault {
                Fault::DiskFull => self.sql("DROP FUNCTION es.full CASCADE"),
                Fault::PermissionRevoked => {
                    self.sql(&format!("GRANT INSERT ON es.events TO {}", self.role));
                }
                Fault::SlowCommits => self.sql("DROP FUNCTION es.slow CASCADE"),
                _ => self.release(),
            }
        }
    }
}

#[cfg(unix)]
pub use nats::Nats;

#[cfg(unix)]
mod nats {
    use es_nats::NatsStore;
    use es_testkit::{
        conformance::{Capabilities, NoDatabase, StoreFixture},
        nats::Cluster,
    };
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A stream of its own on a server that the tests of this process share.
    pub struct Nats {
        cluster: &'static Cluster,
        stream: String,
    }

    impl Nats {
        /// On one server.
        pub fn on_a_node() -> Self {
            Self::on(Cluster::shared_node().expect("a server"))
        }

        /// On three servers.
        pub fn on_a_cluster() -> Self {
            Self::on(Cluster::shared().expect("a cluster"))
        }

        fn on(cluster: &'static Cluster) -> Self {
            static NUMBER: AtomicU64 = AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            Self {
                cluster,
                stream: format!("ES-{number}"),
            }
        }

        async fn opened(&self, read_only: bool) -> NatsStore {
            // The shared servers do not sync each write, so that the tests are quick.
            let options = NatsStore::options().stream(&self.stream).unchecked_syncs();
            let options = match self.cluster.nodes() {
                1 => options.one_replica(),
                _ => options,
            };
            let opened = options.read_only(read_only).open(&self.cluster.url()).await;
            opened.expect("opens")
        }
    }

    impl StoreFixture for Nats {
        type Store = NatsStore;
        type Database = NoDatabase;

        async fn open(&self) -> NatsStore {
            self.opened(false).await
        }

        async fn open_for_reading(&self) -> Option<NatsStore> {
            Some(self.opened(true).await)
        }

        fn limits(&self) -> es_runtime::Limits {
            let mut limits = es_runtime::Limits::default();
            limits.append_bytes = 4 * 1024 * 1024;
            limits
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities {
                reopens: true,
                closes: true,
                wakes: true,
                work_items: true,
                unique: true,
                tags: true,
                lists_streams: true,
                read_only: true,
                ..Capabilities::default()
            }
        }
    }
}
