//! A process that enters the club and says `done`: `club_worker STORE MEMBER`.

use es_runtime::EventStore;
use es_tests::{
    club::enter,
    places::{open, say},
};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [store, member] = args.as_slice() else {
        panic!("STORE MEMBER");
    };
    let store = open(store, None).await;
    enter(&store, member).await.expect("entered");
    store.close().await;
    say("done");
}
