//! The rows of SQLite, in turn for the two baselines.

use crate::{
    sqlite_bare::{Direct, Queue},
    sqlite_same::Threads,
};
use bench_common::{
    Arguments, CALLERS, FEED, LENGTHS, appends, cached_commands, commands, long, remove,
};
use std::time::Instant;

pub(crate) async fn writes(arguments: &Arguments) {
    let group = &*arguments.group;
    let full = group == "sqlite-full";
    let path = arguments.folder.join("baseline.db");

    let mut report = arguments.report("bare");
    let bank = Direct::open(&path, full);
    appends(&mut report, group, &bank).await;
    commands(&mut report, group, &bank, 1).await;
    drop(bank);
    let bank = Queue::open(&path, full, false);
    commands(&mut report, group, &bank, CALLERS).await;
    drop(bank);
    let bank = Queue::open(&path, full, true);
    cached_commands(&mut report, group, &bank).await;
    drop(bank);
    remove(&path);

    let mut report = arguments.report("same");
    let bank = Threads::open(&path, full);
    appends(&mut report, group, &bank).await;
    commands(&mut report, group, &bank, 1).await;
    commands(&mut report, group, &bank, CALLERS).await;
    cached_commands(&mut report, group, &bank.cached()).await;
}

pub(crate) async fn loads(arguments: &Arguments) {
    let path = arguments.folder.join("baseline.db");
    let longest = LENGTHS.into_iter().max().unwrap();

    let mut report = arguments.report("bare");
    let bank = Direct::open(&path, false);
    for length in LENGTHS {
        bank.seed(&long(length), length);
    }
    let load = |id: String| std::future::ready(bank.load(&id).events);
    bench_common::loads(&mut report, "sqlite", longest, load).await;
    bank.save(&long(longest));
    let load = || std::future::ready(bank.load_snapshot(&long(longest)).events);
    report.load("sqlite-load-snapshot", longest, load).await;
    drop(bank);
    remove(&path);

    let mut report = arguments.report("same");
    let bank = Threads::open(&path, false);
    for length in LENGTHS {
        bank.seed(&long(length), length).await;
    }
    let load = async |id: String| bank.load(id).await.events;
    bench_common::loads(&mut report, "sqlite", longest, load).await;
    bank.save(long(longest)).await;
    let load = async || bank.load_snapshot(long(longest)).await.events;
    report.load("sqlite-load-snapshot", longest, load).await;
}

fn per_second(start: Instant) -> f64 {
    FEED as f64 / start.elapsed().as_secs_f64()
}

pub(crate) async fn read_models(arguments: &Arguments) {
    let path = arguments.folder.join("baseline.db");
    let read = arguments.folder.join("read.db");

    let mut report = arguments.report("bare");
    let bank = Direct::open(&path, false);
    bank.seed_feed();
    let start = Instant::now();
    assert_eq!(bank.feed(), FEED);
    report.value("sqlite-feed", per_second(start));
    let start = Instant::now();
    bank.project(&read);
    report.value("sqlite-projection", per_second(start));
    let start = Instant::now();
    bank.subscribe();
    report.value("sqlite-subscription", per_second(start));
    drop(bank);
    remove(&path);
    remove(&read);

    let mut report = arguments.report("same");
    let bank = Threads::open(&path, false);
    bank.seed_feed().await;
    let start = Instant::now();
    assert_eq!(bank.feed().await, FEED);
    report.value("sqlite-feed", per_second(start));
    let start = Instant::now();
    bank.project(&read).await;
    report.value("sqlite-projection", per_second(start));
    remove(&read);
    let start = Instant::now();
    bank.subscribe(&read).await;
    report.value("sqlite-subscription", per_second(start));
}
