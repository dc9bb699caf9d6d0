//! A process that works on a campus, several tasks at once, until it is killed.
//!
//! `campus_worker FIRST_TASK TASKS FAULTS`
//!
//! Each line that it reads is a seed and a store. It does what the seed has for its tasks, runs the sagas meanwhile, says the name of each
//! operation that was accepted, and `done` at the end.

use es_runtime::{AnyStore, EventStore};
use es_tests::{
    campus::{OPERATIONS, Work, sagas},
    faulty::{Faulty, FaultyStore, faults},
    places::{open, say},
};
use std::{io::BufRead, ops::Range};

#[tokio::main(worker_threads = 2)]
pub(crate) async fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [first, tasks, wrong] = args.as_slice() else {
        panic!("FIRST_TASK TASKS FAULTS");
    };
    let number = |text: &str| -> u64 { text.parse().expect("a number") };
    let (first, tasks) = (number(first), number(tasks));
    // No word is to come while it works, so this thread may wait for the next one.
    while let Some(line) = std::io::stdin().lock().lines().next() {
        let line = line.expect("a line");
        let (seed, address) = line.split_once(' ').expect("SEED STORE");
        let store = open(address, None).await;
        let faulty = Faulty::store(store.clone(), faults(wrong));
        work(faulty, number(seed), first..first + tasks).await;
        store.close().await;
        say("done");
    }
}

async fn work(store: FaultyStore<AnyStore>, seed: u64, tasks: Range<u64>) {
    let running = sagas(store.clone()).start().await.expect("starts");
    let work = Work::new(AnyStore::new(store), seed);
    let tasks: Vec<_> = tasks
        .map(|task| {
            let work = work.clone();
            es_tests::spawn(async move {
                for number in 0..OPERATIONS {
                    if let Some(name) = work.one(task, number).await {
                        say(&name);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    running.shutdown().await;
}
