//! The crash points of sagas and read models by their numbers, each on SQLite and on PostgreSQL, those of sagas on
//! JetStream, too: a real
//! process is killed there with `kill -9`, or stopped and let go on too late, another one finishes, and
//! what was done is counted in a ledger outside. Then kills at every place, and at random.
//!
//! | | the crash | where |
//! |---|---|---|
//! | C1 | before the transaction of an input commits | [`steps`] |
//! | C2 | after it | [`steps`] |
//! | C3 | the commit is done, its acknowledgement is lost | [`steps`] |
//! | C4 | claimed, not called | [`steps`] |
//! | C5 | the provider did it, its answer is lost | [`steps`] |
//! | C6 | answered, not stored | [`steps`] |
//! | C7 | stored, the next step not begun | [`steps`] |
//! | C8 | the way back decided, no undo begun | [`steps`] |
//! | C9 | in an undo and after it | [`steps`] |
//! | C10 | an undo used up its attempts | [`trouble`] |
//! | C11 | a call comes after its undo | [`trouble`] |
//! | C12 | two workers at one saga | [`trouble`] |
//! | C13 | times that run out, twice and too late | [`times`] |
//! | C14 | a read database that is gone in the middle of a batch | [`read_models`] |
//! | C15 | a projector that wakes too late | [`read_models`] |
//! | C16 | a store that was restored to a state before its read models | [`read_models`] |
//! | C17 | another release with another definition | [`releases`] |
//! | C18 | nobody is woken any more | [`wake`] |

/// One test on each database: `NAME::on_sqlite` and `NAME::on_postgresql`, and those in braces after the name.
macro_rules! on_both {
    ($($name:ident $({ $($more:tt)* })?)*) => {$(
        mod $name {
            use super::super::place::Place;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(&Place::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "a long run: CONTRIBUTING.md has the command"]
            async fn on_postgresql() {
                super::$name(&Place::postgres()).await;
            }

            $($($more)*)?
        }
    )*};
}

/// The same, and one on JetStream: `NAME::on_jetstream`.
macro_rules! on_each {
    ($($name:ident)*) => {
        on_both! {$($name {
            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
            async fn on_jetstream() {
                super::$name(&Place::jetstream()).await;
            }
        })*}
    };
}

/// Does something with the store of a place, whichever it is.
macro_rules! with_store {
    ($place:expr, |$store:ident| $act:expr) => {{
        let $store = es_tests::places::open(&$place.store(), None).await;
        let result = $act;
        es_runtime::EventStore::close(&$store).await;
        result
    }};
}

mod audit;
mod interruptions;
mod place;
mod random;
mod read_models;
mod releases;
mod steps;
mod times;
mod trouble;
mod wake;
mod worker;
