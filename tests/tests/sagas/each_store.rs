//! Runs each function on every store.

macro_rules! on_each_store {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(es_runtime::AnyStore::new(es_runtime::MemoryStore::new())).await; })*
        }
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                let folder = es_tests::tiers::folder();
                let store = es_sqlite::SqliteStore::open(folder.path().join("events.db")).await;
                super::$name(es_runtime::AnyStore::new(store.expect("opens"))).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let database = es_tests::server::database();
                let store = es_postgres::PostgresStore::open(&database.url()).await;
                super::$name(es_runtime::AnyStore::new(store.expect("opens"))).await;
            })*
        }
        #[cfg(unix)]
        mod nats {
            $(#[tokio::test]
            #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
            async fn $name() {
                let store = es_testkit::conformance::StoreFixture::open(&es_tests::fixtures::Nats::on_a_node()).await;
                super::$name(es_runtime::AnyStore::new(store)).await;
            })*
        }
    };
}
