//! A process that moves money between accounts, several transfers at once, until it is killed.
//!
//! `transfer_worker STORE once|apart WORKER COUNT`
//!
//! It says `moved` after each transfer and `done` after the last one. It does the same transfers in each life.

use es_tests::{
    places::{open, say},
    transfers,
};

const TASKS: u64 = 10;

#[tokio::main]
pub(crate) async fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [store, mode, worker, count] = args.as_slice() else {
        panic!("STORE once|apart WORKER COUNT");
    };
    let store = open(store, None).await;
    let (worker, count): (u64, u64) = (
        worker.parse().expect("a number"),
        count.parse().expect("a number"),
    );
    let apart = mode == "apart";
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (task..count).step_by(TASKS as usize) {
                    if apart {
                        transfers::apart(&store, worker, number).await;
                    } else {
                        transfers::once(&store, worker, number).await;
                    }
                    say("moved");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    say("done");
}
