//! The loops that measure.

use crate::{Command, LENGTHS, Report, long};
use rustix::time::{ClockId, clock_gettime};
use std::{
    future::Future,
    hint::black_box,
    time::{Duration, Instant},
};

/// Callers of the rows with many.
pub const CALLERS: u64 = 32;

/// An account gets so many events before the next one is opened, so that a command meets ten past events on
/// average, however fast the store is.
const EVENTS_EACH: u64 = 20;

/// A library with its store, or a baseline, as the loops use it.
pub trait Bank: Clone + Send + Sync + 'static {
    /// Loads the account, decides, and stores the event. False where it was refused, such as by a conflict.
    fn execute(&self, id: String, command: Command) -> impl Future<Output = bool> + Send;

    /// Stores so many deposits as one append to a stream that is not there yet.
    fn append(&self, id: String, events: u64) -> impl Future<Output = ()> + Send;
}

/// The processor time of this process.
fn processor() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

/// Calls `work` over and over for a while, at least once; calls a second.
pub fn rate(window: Duration, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u64;
    while calls == 0 || start.elapsed() < window {
        work();
        calls += 1;
    }
    calls as f64 / start.elapsed().as_secs_f64()
}

/// Lets the write-ahead log of SQLite grow to the size at which it begins again at its start. A sync of a log that
/// still grows takes several times as long, so a fast store and a slow one would be in different phases.
async fn grow_log<B: Bank>(report: &Report, group: &str, row: &str, bank: &B) {
    if group == "sqlite-full" {
        append_before(report, row, bank, 300).await;
    }
}

/// Makes a new server of PostgreSQL warm: its first appends write whole pages to the log and make the files longer,
/// and of two banks of one program the second one would find that done.
async fn warm_server<B: Bank>(report: &Report, group: &str, row: &str, bank: &B) {
    if group == "postgres-full" {
        append_before(report, row, bank, 50).await;
    }
}

async fn append_before<B: Bank>(report: &Report, row: &str, bank: &B, appends: u64) {
    if report.window() < Duration::from_millis(100) {
        return;
    }
    for number in 0..appends {
        bank.append(format!("before-{row}-{number}"), 100).await;
    }
}

/// Measures appends, and commands of one caller and of many.
pub async fn writes<B: Bank>(report: &mut Report, group: &str, bank: &B) {
    appends(report, group, bank).await;
    for callers in [1, CALLERS] {
        commands(report, group, bank, callers).await;
    }
}

/// Measures `append-1`, `append-10` and `append-100`, in events a second.
pub async fn appends<B: Bank>(report: &mut Report, group: &str, bank: &B) {
    for size in [1, 10, 100] {
        let row = format!("{group}-append-{size}");
        if !report.wants(&row) {
            continue;
        }
        grow_log(report, group, &row, bank).await;
        warm_server(report, group, &row, bank).await;
        let start = Instant::now();
        let mut done = 0_u64;
        while start.elapsed() < report.window() {
            bank.append(format!("append-{size}-{done}"), size).await;
            done += 1;
        }
        let rate = (done * size) as f64 / start.elapsed().as_secs_f64();
        report.value(&row, rate);
    }
}

/// Measures commands of so many callers, each with accounts of its own, and the processor time of one.
pub async fn commands<B: Bank>(report: &mut Report, group: &str, bank: &B, callers: u64) {
    commands_of(report, group, bank, callers, "").await;
}

/// Measures commands of many callers of a bank that keeps the states of accounts in memory.
pub async fn cached_commands<B: Bank>(report: &mut Report, group: &str, bank: &B) {
    commands_of(report, group, bank, CALLERS, "-cached").await;
}

async fn commands_of<B: Bank>(
    report: &mut Report,
    group: &str,
    bank: &B,
    callers: u64,
    kind: &'static str,
) {
    let row = format!("{group}-command-{callers}{kind}");
    if !report.wants(&row) {
        return;
    }
    grow_log(report, group, &row, bank).await;
    let (start, began) = (Instant::now(), processor());
    let window = report.window();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let bank = bank.clone();
            tokio::spawn(async move {
                let (mut done, mut failed) = (0_u64, 0_u64);
                while start.elapsed() < window {
                    let id = format!("account-{callers}{kind}-{caller}-{}", done / EVENTS_EACH);
                    let command = if done.is_multiple_of(EVENTS_EACH) {
                        Command::Open
                    } else {
                        Command::Deposit(done)
                    };
                    // A refused command is tried again.
                    if bank.execute(id, command).await {
                        done += 1;
                    } else {
                        failed += 1;
                    }
                }
                (done, failed)
            })
        })
        .collect();
    let (mut done, mut failed) = (0, 0);
    for task in tasks {
        let counts = task.await.unwrap();
        done += counts.0;
        failed += counts.1;
    }
    let (took, used) = (start.elapsed(), processor().checked_sub(began).unwrap());
    report.value(&row, done as f64 / took.as_secs_f64());
    let each = used.as_secs_f64() * 1e6 / done.max(1) as f64;
    report.value(&format!("{row}-cpu"), each);
    if failed > 0 {
        let share = failed as f64 / (done + failed) as f64;
        report.value(&format!("{row}-failed"), share);
    }
}

/// The value in the middle.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Measures the loads of streams up to a length, in microseconds. `load` gives the events of the account that it
/// loaded.
pub async fn loads<F: Future<Output = u64>>(
    report: &mut Report,
    group: &str,
    longest: u64,
    load: impl Fn(String) -> F,
) {
    for length in LENGTHS.into_iter().filter(|length| *length <= longest) {
        let row = format!("{group}-load-{length}");
        load_one(report, &row, length, || load(long(length))).await;
    }
}

/// Measures one load over and over, in microseconds: the median.
pub(crate) async fn load_one<F: Future<Output = u64>>(
    report: &mut Report,
    row: &str,
    length: u64,
    load: impl Fn() -> F,
) {
    assert_eq!(load().await, length, "{row}");
    let start = Instant::now();
    let mut took = Vec::new();
    while took.is_empty() || start.elapsed() < report.window() {
        let began = Instant::now();
        black_box(load().await);
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    report.value(row, median(took));
}
