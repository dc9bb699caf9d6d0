//! The PostgreSQL store behind a `PgBouncer` that gives each transaction another connection: the checks
//! of the suite that a session's state would break, on a real one. Next to it, what becomes of a client
//! that relies on its session.
#![cfg(unix)]

use es_postgres::{PostgresReadDatabase, PostgresStore, tokio_postgres};
use es_runtime::{Claim, Commit, CommitStore, StreamId, Timestamp, WorkChange, WorkQueue};
use es_testkit::{
    conformance::{self, AnyFixture, Capabilities, StoreFixture, checks, saga_checks},
    postgres::{Database, Server},
};
use es_tests::pooler::Pooler;
use std::{sync::OnceLock, time::Duration};

fn pooler() -> &'static (&'static Server, Pooler<'static>) {
    static POOLER: OnceLock<(&'static Server, Pooler<'static>)> = OnceLock::new();
    POOLER.get_or_init(|| {
        // What is looked at is sessions, not what survives.
        let server = es_tests::server::options().start();
        let server = Box::leak(Box::new(server.expect("a server")));
        (server, Pooler::start(server).expect("a pooler"))
    })
}

struct Pooled {
    database: Database<'static>,
}

impl StoreFixture for Pooled {
    type Store = PostgresStore;
    type Database = PostgresReadDatabase;

    async fn open(&self) -> PostgresStore {
        PostgresStore::options(&pooler().1.url(&self.database))
            .expect("a connection string")
            .transaction_pool(true)
            .open()
            .await
            .expect("opens")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reopens: true,
            closes: true,
            wakes: true,
            read_database: true,
            unique: true,
            unique_walks: true,
            tags: true,
            tag_walks: true,
            lists_streams: true,
            event_ids: true,
            ..Capabilities::default()
        }
    }

    async fn read_database(&self, store: &PostgresStore) -> Option<PostgresReadDatabase> {
        Some(store.read_database())
    }
}

/// What writes, reads, follows, races, is dropped, or keeps read models; not what only a server can do.
const CHECKS: [&str; 30] = [
    "any_version_lets_every_writer_in_once",
    "one_of_a_hundred_racing_writers_wins",
    "a_batch_is_stored_whole_or_not_at_all",
    "a_thousand_random_operations_leave_no_gaps",
    "the_same_request_twice_has_one_effect",
    "racing_repeats_have_one_effect",
    "a_dropped_append_is_resolved_by_its_id",
    "ranges_and_limits_bound_a_read",
    "a_read_during_appends_sees_whole_batches",
    "a_dropped_read_frees_its_place",
    "page_size_does_not_change_the_result",
    "nothing_is_missed_while_writers_write",
    "catching_up_and_following_lose_nothing",
    "a_reader_without_wakes_finds_everything",
    "wakes_come_as_declared",
    "payloads_come_back_byte_for_byte",
    "metadata_comes_back",
    "a_saved_snapshot_comes_back",
    "a_replaced_owner_is_refused",
    "rows_and_checkpoint_move_together",
    "two_runners_count_once",
    "opening_at_once_makes_one_store",
    "a_close_answers_what_is_in_flight",
    "calls_can_be_dropped_at_every_poll",
    "a_query_finds_the_events_with_its_tags",
    "the_newest_events_are_found_first",
    "a_kind_is_turned_on_for_older_events",
    "the_end_of_a_page_is_that_of_its_events",
    "one_of_sixteen_racing_guards_wins",
    "a_guard_sees_neither_its_own_commit_nor_a_refused_one",
];

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn a_transaction_pool_changes_nothing() {
    let (server, _) = pooler();
    let mut ran = 0;
    for check in checks().into_iter().chain(saga_checks()) {
        if CHECKS.contains(&check.name) {
            let database = server.database().expect("a database");
            println!("{}", check.name);
            (check.run)(AnyFixture::with_work(Pooled { database }));
            ran += 1;
        }
    }
    assert_eq!(ran, CHECKS.len(), "a check has another name");
}

/// The control: behind this pooler a client finds what another one left in a session.
#[test]
#[cfg_attr(
    not(all(postgres, pgbouncer)),
    ignore = "needs PostgreSQL and PgBouncer: install them"
)]
fn what_a_session_holds_is_not_ones_own_behind_a_transaction_pool() {
    conformance::run(async {
        let (server, pooler) = pooler();
        let database = server.database().expect("a database");
        let url = pooler.url(&database);
        let mut clients = Vec::new();
        for _ in 0..8 {
            let client = es_tests::client(&url).await;
            clients.push(client);
        }
        let set = clients[0].batch_execute("SET search_path TO elsewhere");
        set.await.expect("set");
        let mut found = 0;
        for client in &clients[1..] {
            let said = client
                .simple_query("SHOW search_path")
                .await
                .expect("shown");
            found += said
                .iter()
                .filter(|message| {
                    matches!(message, tokio_postgres::SimpleQueryMessage::Row(row)
                        if row.get(0) == Some("elsewhere"))
                })
                .count();
        }
        assert!(found > 0, "sessions are not shared: the pooler is none");
    });
}

/// What writes outside of appends brings its settings, too: under a stricter isolation level by default,
/// a lease could not be renewed while another statement changes its row.
#[test]
#[cfg_attr(
    not(all(postgres, pgbouncer)),
    ignore = "needs PostgreSQL and PgBouncer: install them"
)]
fn leases_are_renewed_under_any_default_of_the_database() {
    conformance::run(async {
        let (server, pooler) = pooler();
        let database = server.database().expect("a database");
        let set = "default_transaction_isolation = 'repeatable read'";
        database
            .query(&format!("ALTER DATABASE {} SET {set}", database.name()))
            .expect("set");
        let options = PostgresStore::options(&pooler.url(&database)).expect("a url");
        let store = options.transaction_pool(true).open().await.expect("opens");
        let mut row = WorkChange::new(StreamId::new("saga", "1").expect("a name"), "v1");
        row.due_at = Timestamp::from_unix_micros(1);
        store.commit(Commit::new().work(row)).await.expect("put");
        let lease = Duration::from_secs(60);
        let claim = Claim::new(vec!["saga".to_owned()], "me", lease, 1);
        let claimed = store.claim(claim).await.expect("claimed").remove(0);

        let client = es_tests::client(&database.url()).await;
        let change = "BEGIN; UPDATE es.work SET phase = 'changed'";
        client.batch_execute(change).await.expect("changed");
        let renewing = {
            let store = store.clone();
            es_tests::spawn(async move { store.renew(&claimed, lease).await })
        };
        es_tests::somebody_waits_for_a_lock(&database).await;
        client.batch_execute("COMMIT").await.expect("committed");
        assert!(renewing.await.expect("ends").expect("renewed"));
        store.close().await;
    });
}
