//! A process that takes seats with cached states, until there are none.
//!
//! `hall_filler STORE careful|careless BY`
//!
//! It says `ready` when it has cached the halls, waits for a line, and says how many seats it took.

use es_runtime::EventStore;
use es_tests::{halls, places};
use std::io::BufRead;

#[tokio::main]
pub(crate) async fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [store, mode, by] = args.as_slice() else {
        panic!("STORE careful|careless BY");
    };
    let store = places::open(store, None).await;
    let by = by.parse().expect("a number");
    let wait = || {
        places::say("ready");
        let read = std::io::stdin().lock().read_line(&mut String::new());
        assert!(read.is_ok_and(|bytes| bytes > 0), "the parent is there");
    };
    let taken = halls::fill(store.clone(), by, mode == "careless", wait).await;
    places::say(&taken.to_string());
    store.close().await;
}
