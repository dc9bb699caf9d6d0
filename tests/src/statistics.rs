//! What a PostgreSQL server says that it has read.

use es_testkit::postgres::Database;

/// The rows of events and the entries of the index of tags that sessions have read which are gone.
pub const READ_BY_TAGS: &str = "SELECT (SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_user_tables WHERE relname = \
                                'events') + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = \
                                'event_tags') + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = \
                                'event_tags')";

/// The number that the server's statistics say once no session of a store is left: each says what it did when it ends.
pub async fn counted(database: &Database<'_>, what: &str) -> u64 {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                  pid <> pg_backend_pid() AND backend_type = 'client backend'";
    while database.query(others).expect("asked") != "0\n" {
        tokio::task::yield_now().await;
    }
    let counted = database.query(what).expect("asked");
    counted.trim().parse().expect("a number")
}
