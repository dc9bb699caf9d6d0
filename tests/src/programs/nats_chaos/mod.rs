//! Kills, pauses and cuts off the nodes of a NATS cluster under writers, and counts what became of their commits, next
//! to controls that must lose or double some.
//!
//! `nats_chaos --seed N --minutes M [--target es-nats|raw] [--writers N] [--faults N] [--power-losses N] [--json]`
//!
//! Two writers are rivals for each aggregate, but for four that take seats. Every kind of fault happens at least once, and
//! then in turn as often as the time allows; `--faults` says how many happen instead. Then the power of all nodes is lost.
//! Everything is read back by the bare client. It fails when anything is lost or double, when a commit came after another
//! one than its writer expected, when a course has more students than seats, when the replicas differ, and when a control
//! finds nothing.

mod audit;
mod controls;
mod faults;
mod power;
mod raw;
mod seats;
mod store;
mod writers;

use super::runs::{self, Failure};
use audit::Found;
use es_nats::NatsStore;
use es_nats::async_nats::jetstream::stream::StorageType;
use es_testkit::nats::{Cluster, SyncInterval};
use faults::{Fault, blocking};
use raw::RawLog;
use seats::Rule;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use store::{ReadBack, StoreLog};
use writers::{Target, Writers};

const USAGE: &str = "nats_chaos --seed N --minutes M [--target es-nats|raw] [--writers N] [--faults N] [--power-losses N] [--json]";
/// How many there are, in pairs, where nobody says another number.
const WRITERS: usize = 16;
/// So many pairs have no aggregate and take seats, on a store.
const SCHOOLS: usize = 2;
const STREAM: &str = "ES";
const POWER_COMMITS: u64 = 300;
const STORES: usize = 4;

/// What one kind of fault did.
struct Line {
    fault: Fault,
    /// How long a commit took at most, each time.
    waits: Vec<Duration>,
}

impl Line {
    fn median(&self) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits.get(waits.len() / 2).copied().unwrap_or_default()
    }

    fn longest(&self) -> Duration {
        self.waits.iter().max().copied().unwrap_or_default()
    }
}

struct Report {
    target: &'static str,
    server: String,
    lines: Vec<Line>,
    found: Found,
    /// None where there is no `strace`.
    power_lost: Option<Found>,
    conflicts: u64,
    refusals: u64,
    unknown: u64,
    replicas_differ: bool,
    /// What the store reads back.
    read: ReadBack,
    controls: Vec<(&'static str, Found)>,
}

impl Report {
    fn faults(&self) -> usize {
        self.lines.iter().map(|line| line.waits.len()).sum()
    }

    fn holds(&self) -> bool {
        let controls_show = self.controls.iter().all(|(_, found)| found.wrong() > 0);
        self.faults() > 0
            && self.found.acknowledged > 0
            && self.found.wrong() == 0
            && self.power_lost.is_none_or(|found| found.wrong() == 0)
            && !self.replicas_differ
            && self.read.misread == 0
            && controls_show
    }
}

/// Faults under writers, until it is time.
async fn under_load<T: Target>(
    cluster: &Cluster,
    targets: &[T],
    arguments: &Arguments,
    random: &mut fastrand::Rng,
) -> Result<(Vec<Line>, writers::Ledger), Failure> {
    let writers = Writers::start(targets, arguments.writers / 2);
    let mut lines: Vec<Line> = Fault::ALL
        .map(|fault| Line {
            fault,
            waits: Vec::new(),
        })
        .into();
    let end = Instant::now() + Duration::try_from_secs_f64(arguments.run.minutes * 60.0)?;
    let is_over = |done: usize| match arguments.faults {
        Some(faults) => done >= faults,
        None => done >= Fault::ALL.len() && Instant::now() > end,
    };
    let mut done = 0;
    while !is_over(done) {
        let turn = done / lines.len();
        let index = done % lines.len();
        let line = &mut lines[index];
        writers.pulse.wait_for(200).await?;
        writers.pulse.listen();
        let pulse = &writers.pulse;
        let fault = line.fault.happen(cluster, STREAM, turn, random, pulse);
        fault.await?;
        line.waits.push(writers.pulse.longest_wait());
        done += 1;
    }
    Ok((lines, writers.end().await?))
}

/// Whether the nodes have different messages, once they had the time to exchange them.
async fn replicas_differ(cluster: &Cluster) -> Result<bool, Failure> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let states = (0..cluster.nodes())
            .map(|node| blocking(|| cluster.stream_state(node, STREAM)))
            .collect::<Result<Vec<_>, _>>()?;
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(false);
        }
        if Instant::now() > end {
            eprintln!("{states:?}");
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Arguments {
    run: runs::Arguments,
    target: String,
    writers: usize,
    faults: Option<usize>,
    power_losses: usize,
}

fn arguments(words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let mut target = "es-nats".to_owned();
    let (mut writers, mut faults, mut power_losses) = (WRITERS, None, 1);
    let run = runs::arguments(words, |word, value| {
        match word {
            "--target" => target = value()?,
            "--writers" => writers = value()?.parse()?,
            "--faults" => faults = Some(value()?.parse()?),
            "--power-losses" => power_losses = value()?.parse()?,
            _ => return Err(runs::unknown(word)),
        }
        Ok(())
    })?;
    match target.as_str() {
        "es-nats" | "raw" => Ok(Arguments {
            run,
            target,
            writers,
            faults,
            power_losses,
        }),
        other => Err(format!("unknown target {other}").into()),
    }
}

async fn raw_log(cluster: &Cluster) -> Result<RawLog, Failure> {
    RawLog::create(&cluster.url(), STREAM, cluster.nodes(), StorageType::File).await
}

/// Stores as several processes would have them.
async fn stores(
    cluster: &Cluster,
    stream: &str,
    aggregates: usize,
    rule: Rule,
) -> Result<Vec<StoreLog<NatsStore>>, Failure> {
    let monitors: Vec<String> = (0..cluster.nodes())
        .map(|node| cluster.monitor_url(node))
        .collect::<Result<_, _>>()?;
    let mut stores = Vec::new();
    for _ in 0..STORES {
        let options = NatsStore::options()
            .stream(stream)
            .monitoring(monitors.clone());
        stores.push(StoreLog {
            store: options.open(&cluster.url()).await?,
            // The first number is for later, the last one counts the events of a message.
            sequence: |position| position.to_parts()[1],
            aggregates,
            rule,
        });
    }
    Ok(stores)
}

async fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let cluster = blocking(|| Cluster::options().partitions().start())?;
    let mut random = fastrand::Rng::with_seed(arguments.run.seed);
    let context = raw::connect(&cluster.url()).await?;
    let (name, (lines, ledger), read) = if arguments.target == "raw" {
        let target = raw_log(&cluster).await?;
        let targets = std::slice::from_ref(&target);
        let ran = under_load(&cluster, targets, arguments, &mut random).await?;
        (target.name(), ran, ReadBack::default())
    } else {
        let aggregates = (arguments.writers / 2).saturating_sub(SCHOOLS);
        let targets = stores(&cluster, STREAM, aggregates, Rule::Guarded).await?;
        let ran = under_load(&cluster, &targets, arguments, &mut random).await?;
        let target = targets.first().ok_or("no store")?;
        let read = store::read_back(&target.store).await?;
        eprintln!(
            "the store reads {} events, {} of them seats",
            read.events, read.seats
        );
        (target.name(), ran, read)
    };
    let replicas_differ = replicas_differ(&cluster).await?;
    let messages = RawLog::messages(&context, STREAM).await?;
    let found = audit::count(&ledger, &messages);
    let mut controls = vec![
        (
            "a stream in memory, all three nodes killed",
            controls::in_memory(&cluster).await?,
        ),
        (
            "repeated without an id, after its node was cut off",
            controls::repeating(&cluster).await?,
        ),
        (
            "seats of courses, without guards",
            controls::unguarded(&cluster).await?,
        ),
    ];
    let server = cluster.version();
    drop(cluster);
    let power_lost = if power::can_be_lost() {
        let unsynced = power::lost(SyncInterval::Unset, POWER_COMMITS, None).await?;
        controls.push(("power lost, with the server's own sync_interval", unsynced));
        let mut lost = Found::default();
        for _ in 0..arguments.power_losses {
            let random = Some(&mut random);
            lost.add(power::lost(SyncInterval::Always, POWER_COMMITS, random).await?);
        }
        Some(lost)
    } else {
        None
    };
    Ok(Report {
        target: name,
        server,
        lines,
        found,
        power_lost,
        conflicts: ledger.conflicts,
        refusals: ledger.refusals,
        unknown: ledger.unknown,
        replicas_differ,
        read,
        controls,
    })
}

fn print_json(arguments: &Arguments, report: &Report) {
    let lines: Vec<_> = report
        .lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "fault": line.fault.name(), "times": line.waits.len(),
                "wait_median_ms": line.median().as_millis() as u64,
                "wait_longest_ms": line.longest().as_millis() as u64,
            })
        })
        .collect();
    let controls: Vec<_> = report
        .controls
        .iter()
        .map(|(what, found)| serde_json::json!({"what": what, "found": found.json()}))
        .collect();
    println!(
        "{}",
        serde_json::json!({
            "seed": arguments.run.seed, "target": report.target, "server": report.server, "faults": report.faults(),
            "lines": lines, "found": report.found.json(),
            "power_lost": report.power_lost.as_ref().map(Found::json), "conflicts": report.conflicts,
            "refusals": report.refusals, "unknown": report.unknown,
            "replicas_differ": report.replicas_differ, "seats": report.read.seats,
            "misread": report.read.misread, "controls": controls, "holds": report.holds(),
        })
    );
}

fn print(arguments: &Arguments, report: &Report) {
    println!(
        "seed {}, {}, nats-server {}",
        arguments.run.seed, report.target, report.server
    );
    println!(
        "{:<58} {:>6} {:>14} {:>14}",
        "", "times", "median wait", "longest"
    );
    for line in report.lines.iter().filter(|line| !line.waits.is_empty()) {
        println!(
            "{:<58} {:>6} {:>12.1} s {:>12.1} s",
            line.fault.name(),
            line.waits.len(),
            line.median().as_secs_f64(),
            line.longest().as_secs_f64()
        );
    }
    let found = |what: &str, found: &Found| {
        println!(
            "{what}: {} acknowledged, {} lost, {} double, {} broken chains, {} overbooked, {} gaps, {} moved, {} stored without an answer",
            found.acknowledged,
            found.lost,
            found.duplicated,
            found.broken_chains,
            found.overbooked,
            found.gaps,
            found.moved,
            found.unanswered
        );
    };
    found(&format!("{} faults", report.faults()), &report.found);
    if let Some(lost) = &report.power_lost {
        found("power lost on all three nodes, sync_interval: always", lost);
    }
    println!(
        "{} conflicts, {} refusals, {} unknown; {} seats; {} events misread; the replicas {}",
        report.conflicts,
        report.refusals,
        report.unknown,
        report.read.seats,
        report.read.misread,
        if report.replicas_differ {
            "DIFFER"
        } else {
            "agree"
        }
    );
    for (what, wrong) in &report.controls {
        found(&format!("control: {what}"), wrong);
    }
    if !report.holds() {
        println!("WRONG");
    }
}

#[tokio::main]
pub(crate) async fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(2)) {
        Ok(arguments) => arguments,
        Err(error) => return runs::misread(&error, USAGE),
    };
    let holds = run(&arguments).await.map(|report| {
        if arguments.run.json {
            print_json(&arguments, &report);
        } else {
            print(&arguments, &report);
        }
        report.holds()
    });
    runs::ended(arguments.run.seed, holds)
}
