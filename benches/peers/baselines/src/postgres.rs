//! The rows of PostgreSQL, in turn for the baselines.

use crate::{
    postgres_bare::{Batches, Connections},
    postgres_same::Pipelined,
};
use bench_common::{Arguments, CALLERS, LENGTHS, appends, cached_commands, commands, long};

pub(crate) async fn writes(arguments: &Arguments) {
    let (url, group) = (arguments.postgres().url(), "postgres-full");

    let mut report = arguments.report("bare");
    let bank = Connections::open(&url, 1).await;
    appends(&mut report, group, &bank).await;
    commands(&mut report, group, &bank, 1).await;
    let bank = Batches::open(&url, false).await;
    commands(&mut report, group, &bank, CALLERS).await;
    let bank = Batches::open(&url, true).await;
    cached_commands(&mut report, group, &bank).await;

    let mut report = arguments.report("connections");
    let bank = Connections::open(&url, CALLERS).await;
    bank.clear().await;
    commands(&mut report, group, &bank, CALLERS).await;

    let mut report = arguments.report("same");
    let bank = Pipelined::open(&url).await;
    bench_common::writes(&mut report, group, &bank).await;
    cached_commands(&mut report, group, &bank.cached()).await;
}

pub(crate) async fn loads(arguments: &Arguments) {
    let url = arguments.postgres().url();
    let longest = LENGTHS.into_iter().max().unwrap();

    let mut report = arguments.report("bare");
    let bank = Connections::open(&url, 1).await;
    for length in LENGTHS {
        bank.seed(&long(length), length).await;
    }
    let load = async |id: String| bank.load(&id).await.events;
    bench_common::loads(&mut report, "postgres", longest, load).await;
    bank.save(&long(longest)).await;
    let load = async || bank.load_snapshot(&long(longest)).await.events;
    report.load("postgres-load-snapshot", longest, load).await;

    let mut report = arguments.report("same");
    let bank = Pipelined::open(&url).await;
    for length in LENGTHS {
        bank.seed(&long(length), length).await;
    }
    let load = async |id: String| bank.load(&id).await.events;
    bench_common::loads(&mut report, "postgres", longest, load).await;
    bank.save(&long(longest)).await;
    let load = async || bank.load_snapshot(&long(longest)).await.events;
    report.load("postgres-load-snapshot", longest, load).await;
}
