//! Loss of power under SQLite: every write, sync, cut and removal of a process that appends is
//! recorded with `strace`, together with its acknowledgements. Then the files are rebuilt as a disk may
//! hold them after a loss of power at any of these moments: what was not synced is there, gone, or torn
//! between sectors of 512 bytes. With `Durability::Full` everything acknowledged must be there, whole;
//! with `Normal`, the control, some of it must be gone.
#![cfg(target_os = "linux")]

use es_sqlite::SqliteStore;
use es_tests::tries;
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
    process::Command,
};

const SECTOR: usize = 512;
const APPENDS: &str = "400";

#[derive(Debug)]
enum Step {
    Write {
        file: String,
        offset: usize,
        bytes: Vec<u8>,
    },
    Cut {
        file: String,
        length: usize,
    },
    Sync {
        file: String,
    },
    Remove {
        file: String,
    },
    Acknowledged(String),
}

/// The bytes of a quoted text with all of them escaped as `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    text.split("\\x")
        .skip(1)
        .map(|two| u8::from_str_radix(&two[..2], 16).expect("two digits"))
        .collect()
}

/// The name of a file of the database, without its folder; none for other files.
fn file_of(escaped: &str, folder: &Path) -> Option<String> {
    let path = String::from_utf8(unescaped(escaped)).ok()?;
    let name = path.strip_prefix(folder.to_str()?)?.strip_prefix('/')?;
    // Shared memory is not kept: it is made again from the log.
    (!name.ends_with("-shm")).then(|| name.to_owned())
}

/// One line of the trace: `PID call(FD<path>, "bytes", 12, 0) = 12`.
fn step(line: &str, folder: &Path) -> Option<Step> {
    let (_, call) = line.split_once(' ')?;
    let (name, rest) = call.trim_start().split_once('(')?;
    let file = || file_of(rest.split_once('<')?.1.split_once('>')?.0, folder);
    let after_file = || rest.split_once('>').map(|(_, rest)| rest);
    match name {
        "pwrite64" => {
            let (bytes, numbers) = after_file()?.split_once('"')?.1.split_once('"')?;
            let numbers = numbers.split(')').next()?;
            let offset = numbers.rsplit(", ").next()?.split(' ').next()?;
            Some(Step::Write {
                file: file()?,
                offset: offset.parse().expect("an offset"),
                bytes: unescaped(bytes),
            })
        }
        "write" if rest.starts_with("1<") => {
            let bytes = after_file()?.split_once('"')?.1.split_once('"')?.0;
            let text = String::from_utf8(unescaped(bytes)).expect("text");
            Some(Step::Acknowledged(
                text.strip_prefix("ack ")?.trim().to_owned(),
            ))
        }
        "ftruncate" => {
            let length = after_file()?.strip_prefix(", ")?.split(')').next()?;
            Some(Step::Cut {
                file: file()?,
                length: length.parse().expect("a length"),
            })
        }
        "fsync" | "fdatasync" => Some(Step::Sync { file: file()? }),
        "unlink" => {
            let path = rest.split_once('"')?.1.split_once('"')?.0;
            let file = file_of(path, folder)?;
            Some(Step::Remove { file })
        }
        _ => None,
    }
}

/// What a process did that appended with this durability.
fn record(durability: &str) -> Vec<Step> {
    let strace = es_testkit::postgres::program("strace", "strace").expect("strace");
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let files = folder.path().join("files");
    fs::create_dir(&files).expect("made");
    let output = Command::new(strace)
        .args(["-f", "-y", "-xx", "-s", "100000", "-o"])
        .arg(&trace)
        .arg("-e")
        .arg("trace=pwrite64,write,writev,pwritev,fdatasync,fsync,sync_file_range,ftruncate,unlink,rename")
        .args([env!("CARGO_BIN_EXE_programs"), "power_writer"])
        .arg(files.join("power.db"))
        .args([APPENDS, durability])
        .output()
        .expect("strace runs");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let text = fs::read_to_string(&trace).expect("a trace");
    let mut steps = Vec::new();
    // A call that another thread interrupts stands in two lines. It counts where it begins; a sync
    // where it ends.
    let mut waiting: HashMap<&str, &str> = HashMap::new();
    for line in text.lines() {
        let pid = line.split(' ').next().expect("a process");
        let line = if line.ends_with("<unfinished ...>") {
            if line.contains(" fsync(") || line.contains(" fdatasync(") {
                waiting.insert(pid, line);
                continue;
            }
            line
        } else if line.contains(" resumed>") {
            match waiting.remove(pid) {
                Some(line) => line,
                None => continue,
            }
        } else {
            line
        };
        let touches = [" writev(", " pwritev(", " rename("];
        let unknown = touches.iter().any(|call| line.contains(call));
        assert!(!unknown, "a call that is not replayed: {line:.80}");
        steps.extend(step(line, &files));
    }
    steps
}

/// A file as it is on the disk, and what was done to it since the last sync.
#[derive(Clone, Default)]
struct Disk {
    synced: Vec<u8>,
    /// Indexes of steps.
    pending: Vec<usize>,
}

fn write_at(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

fn apply(file: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write { offset, bytes, .. } => write_at(file, *offset, bytes),
        Step::Cut { length, .. } => file.resize(*length, 0),
        _ => {}
    }
}

/// A write of which each sector came to the disk or did not.
fn tear(file: &mut Vec<u8>, offset: usize, bytes: &[u8], random: &mut fastrand::Rng) {
    let mut at = 0;
    while at < bytes.len() {
        // Sectors of the disk, not of the write.
        let end = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
        if random.bool() {
            write_at(file, offset + at, &bytes[at..end]);
        }
        at = end;
    }
}

/// What may be left of a file.
fn left(disk: &Disk, steps: &[Step], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut file = disk.synced.clone();
    // Nothing, everything, or a mixture of what was not synced.
    let way = random.u8(..4);
    for index in &disk.pending {
        let step = &steps[*index];
        match (way, step) {
            (0, _) => {}
            (1, step) => apply(&mut file, step),
            (_, Step::Write { offset, bytes, .. }) => match random.u8(..3) {
                0 => {}
                1 => write_at(&mut file, *offset, bytes),
                _ => tear(&mut file, *offset, bytes, random),
            },
            (_, step) if random.bool() => apply(&mut file, step),
            _ => {}
        }
    }
    file
}

#[derive(Debug, Default)]
struct Found {
    acknowledged: usize,
    syncs: usize,
    /// States in which something acknowledged is gone.
    with_losses: usize,
    lost: usize,
    half: usize,
    damaged: usize,
}

/// Loses power at so many moments of the record.
async fn replay(steps: &[Step], seed: u64) -> Found {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut moments: Vec<usize> = (0..states())
        .map(|_| random.usize(..=steps.len()))
        .collect();
    moments.sort_unstable();
    let mut found = Found::default();
    let mut disk: BTreeMap<String, Disk> = BTreeMap::new();
    let mut acknowledged: HashSet<&str> = HashSet::new();
    let mut moments = moments.into_iter().peekable();
    for (index, step) in steps.iter().enumerate() {
        while moments.next_if_eq(&index).is_some() {
            examine(&disk, steps, &acknowledged, &mut random, &mut found).await;
        }
        match step {
            Step::Write { file, .. } | Step::Cut { file, .. } => {
                disk.entry(file.clone()).or_default().pending.push(index);
            }
            Step::Sync { file } => {
                found.syncs += 1;
                if let Some(disk) = disk.get_mut(file) {
                    for index in std::mem::take(&mut disk.pending) {
                        apply(&mut disk.synced, &steps[index]);
                    }
                }
            }
            Step::Remove { file } => {
                disk.remove(file);
            }
            Step::Acknowledged(id) => {
                acknowledged.insert(id);
            }
        }
    }
    for _ in moments {
        examine(&disk, steps, &acknowledged, &mut random, &mut found).await;
    }
    found.acknowledged = acknowledged.len();
    found
}

/// Rebuilds the files and looks what the store makes of them.
async fn examine(
    disk: &BTreeMap<String, Disk>,
    steps: &[Step],
    acknowledged: &HashSet<&str>,
    random: &mut fastrand::Rng,
    found: &mut Found,
) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, disk) in disk {
        let bytes = left(disk, steps, random);
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    let path = folder.path().join("power.db");
    // The store itself recovers.
    match SqliteStore::open(&path).await {
        Ok(store) => store.close().await,
        Err(error) => {
            println!("{error}");
            found.damaged += 1;
            return;
        }
    }
    let connection = Connection::open(&path).expect("opens");
    let intact: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    found.damaged += usize::from(intact != "ok");
    let mut select = connection
        .prepare(
            "SELECT substr(payload, 2, instr(payload, '/') - 2), count(*) FROM events GROUP BY 1",
        )
        .expect("readable");
    let rows = select
        .query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .expect("readable");
    let there: HashMap<String, i64> = rows.map(|row| row.expect("readable")).collect();
    found.half += there.values().filter(|parts| **parts != 3).count();
    let lost = acknowledged
        .iter()
        .filter(|id| !there.contains_key(**id))
        .count();
    found.lost += lost;
    found.with_losses += usize::from(lost > 0);
}

/// At how many moments the power is lost.
fn states() -> usize {
    tries(150, 50)
}

fn seed() -> u64 {
    let seed = std::env::var("ES_POWER_SEED").ok();
    let seed = seed.and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("ES_POWER_SEED={seed}");
    seed
}

#[tokio::test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn nothing_acknowledged_is_lost_with_the_power() {
    let found = replay(&record("full"), seed()).await;
    println!("full, {} states: {found:?}", states());
    let lost = (found.lost, found.half, found.damaged);
    assert_eq!(lost, (0, 0, 0), "{found:?}");
    assert_eq!(found.acknowledged, 400);
    // Four tasks share a sync at most: the promise costs what it must.
    assert!(found.syncs >= found.acknowledged / 4, "{found:?}");
}

/// The control: without a sync for each commit the same moments lose what was acknowledged, and still
/// never half of an append.
#[tokio::test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn without_a_sync_for_each_commit_something_is_lost() {
    let found = replay(&record("normal"), seed()).await;
    println!("normal, {} states: {found:?}", states());
    assert_eq!((found.half, found.damaged), (0, 0), "{found:?}");
    assert!(
        found.with_losses > 0,
        "the replay does not show what it should"
    );
    assert_eq!(found.acknowledged, 400);
}
