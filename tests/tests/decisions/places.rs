//! A store of each kind.

use es_runtime::{AnyStore, MemoryStore};
use es_tests::places::Place;

pub(crate) fn memory() -> AnyStore {
    AnyStore::new(MemoryStore::new())
}

/// The store of a place.
pub(crate) async fn store_in(place: &Place) -> AnyStore {
    es_tests::places::open(&place.address(), None).await
}

/// Runs each function on every store.
macro_rules! on_each {
    ($($name:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::places::memory()).await;
            })*
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let place = es_tests::places::Place::sqlite();
                super::$name(crate::places::store_in(&place).await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let place = es_tests::places::Place::postgres();
                super::$name(crate::places::store_in(&place).await).await;
            })*
        }
    };
}
