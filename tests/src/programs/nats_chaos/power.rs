//! Loss of power under all nodes at once. `strace` records what each node does to its files; then the files are
//! rebuilt as a disk may hold them, and the nodes start on those.
//!
//! A name in a folder is on the disk with the next sync of anything, as journals of file systems do it; the bytes of
//! a file are there with its own sync. A file that takes the place of another one has its bytes too. What was not
//! synced may be there all the same, or a part of it.

use super::{
    Failure,
    audit::{self, Found},
    faults::blocking,
    raw::RawLog,
    writers::Writers,
};
use es_nats::async_nats::jetstream::stream::StorageType;
use es_testkit::{
    nats::{Cluster, SyncInterval},
    postgres::ServerError,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const STREAM: &str = "POWER";
const CALLS: &str =
    "trace=openat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,renameat,unlinkat";

/// Writers, and a loss of power when so many commits were acknowledged. Without `random` exactly what was synced is
/// left.
pub(super) async fn lost(
    sync: SyncInterval,
    commits: u64,
    mut random: Option<&mut fastrand::Rng>,
) -> Result<Found, Failure> {
    let folder = tempfile::tempdir()?;
    let binary = recorder(folder.path())?;
    let options = Cluster::options().sync(sync).binary(binary);
    let cluster = blocking(|| options.folder_in(folder.path()).start())?;
    let nodes = cluster.nodes();
    let log = RawLog::create(&cluster.url(), STREAM, nodes, StorageType::File).await?;
    let writers = Writers::start(std::slice::from_ref(&log), 4);
    writers.pulse.wait_for(commits).await?;
    // Nothing is acknowledged any more when it returns.
    blocking(|| cluster.kill_all())?;
    let ledger = writers.abort().await;
    for node in 0..nodes {
        let data = cluster.data(node);
        let trace = folder.path().join(format!("n{}.trace", node + 1));
        let disk = tokio::task::block_in_place(|| Disk::of(&trace, &data))?;
        fs::remove_dir_all(&data)?;
        disk.restore(&data, random.as_deref_mut())?;
    }
    blocking(|| cluster.restart_all())?;
    let messages = RawLog::messages(&log.context, STREAM).await;
    let messages = messages.unwrap_or_else(|error| {
        // The stream itself may be gone.
        eprintln!("after the loss of power: {error}");
        Vec::new()
    });
    Ok(audit::count(&ledger, &messages))
}

/// Whether there is `strace`.
pub(super) fn can_be_lost() -> bool {
    cfg!(target_os = "linux") && strace().is_ok()
}

fn strace() -> Result<PathBuf, ServerError> {
    es_testkit::postgres::program("strace", "strace")
}

/// A program that runs the server of a node under `strace`, as long as its folder has no trace of that node.
fn recorder(folder: &Path) -> Result<PathBuf, Failure> {
    let strace = strace()?;
    let server = es_testkit::nats::server()?;
    let (strace, server, folder_text) = (strace.display(), server.display(), folder.display());
    let text = format!(
        r#"#!/bin/sh
[ "$1" = -c ] || exec "{server}" "$@"
trace="{folder_text}/$(basename "$2" .conf).trace"
[ ! -e "$trace" ] || exec "{server}" "$@"
exec "{strace}" -D -f -y -xx -s 10000000 -e {CALLS} -o "$trace" "{server}" "$@"
"#
    );
    let file = folder.join("recorder");
    fs::write(&file, text)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

/// A file: its bytes, and those of them that are synced.
#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

impl File {
    /// What is left of it: what was synced, everything, or a part of what was added since.
    fn left(&self, random: Option<&mut fastrand::Rng>) -> &[u8] {
        let Some(random) = random else {
            return &self.synced;
        };
        match random.u8(..3) {
            0 => &self.synced,
            1 => &self.bytes,
            _ if self.bytes.starts_with(&self.synced) => {
                &self.bytes[..random.usize(self.synced.len()..=self.bytes.len())]
            }
            _ => &self.synced,
        }
    }
}

/// An open file.
#[derive(Debug)]
struct Open {
    path: String,
    offset: usize,
    syncs: bool,
}

/// The files of a node.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<File>,
    /// The names that programs see.
    names: BTreeMap<String, usize>,
    /// The names that are on the disk.
    journal: BTreeMap<String, usize>,
    open: HashMap<String, Open>,
}

impl Disk {
    /// What a trace leaves of the files in this folder.
    fn of(trace: &Path, data: &Path) -> Result<Self, Failure> {
        let text = whole(trace)?;
        let data = format!("{}/", data.to_str().ok_or("a path that is no text")?);
        let mut disk = Self::default();
        // A call that another thread interrupts stands in two lines.
        let mut begun: HashMap<&str, &str> = HashMap::new();
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            if let Some(call) = call.strip_suffix(" <unfinished ...>") {
                begun.insert(thread, call);
            } else if let Some((_, rest)) = call.split_once(" resumed>") {
                if let Some(first) = begun.remove(thread) {
                    disk.does(&format!("{first}{rest}"), &data)?;
                }
            } else {
                disk.does(call, &data)?;
            }
        }
        Ok(disk)
    }

    /// `pwrite64(7</folder/1.blk>, "\x00..", 12, 0) = 12`, with every text escaped.
    fn does(&mut self, call: &str, data: &str) -> Result<(), Failure> {
        let Some((name, rest)) = call.split_once('(') else {
            return Ok(());
        };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else {
            return Ok(());
        };
        let arguments = arguments.trim_end().trim_end_matches(')');
        // It failed, or the process was killed in it.
        if result.starts_with(['-', '?']) {
            return Ok(());
        }
        let descriptor = || arguments.split('<').next().unwrap_or_default().to_owned();
        let of_descriptor = |text: &str| -> Option<String> {
            let path = unescaped(text.split_once('<')?.1.split_once('>')?.0);
            path.starts_with(data).then_some(path)
        };
        match name {
            "openat" => {
                let Some(path) = of_descriptor(result) else {
                    return Ok(());
                };
                let is = |flag: &str| arguments.contains(flag);
                if is("O_DIRECTORY") {
                    return Ok(());
                }
                if is("O_CREAT") && !self.names.contains_key(&path) {
                    self.files.push(File::default());
                    self.names.insert(path.clone(), self.files.len() - 1);
                }
                if is("O_TRUNC")
                    && let Some(file) = self.file(&path)
                {
                    file.bytes.clear();
                }
                let offset = match self.file(&path) {
                    Some(file) if is("O_APPEND") => file.bytes.len(),
                    _ => 0,
                };
                let descriptor = result.split('<').next().unwrap_or_default().to_owned();
                let syncs = is("O_SYNC") || is("O_DSYNC");
                let open = Open {
                    path,
                    offset,
                    syncs,
                };
                self.open.insert(descriptor, open);
            }
            "write" | "pwrite64" => {
                let Some(path) = of_descriptor(arguments) else {
                    return Ok(());
                };
                let (_, rest) = arguments.split_once('"').ok_or("a write of nothing")?;
                let (bytes, numbers) = rest.split_once('"').ok_or("a text without an end")?;
                let written: usize = result.split(' ').next().unwrap_or_default().parse()?;
                let bytes = bytes_of(bytes);
                let bytes = bytes.get(..written).ok_or_else(|| {
                    format!(
                        "{path}: {name} of {written} bytes, of which {} were recorded",
                        bytes.len()
                    )
                })?;
                let open = self.open.get_mut(&descriptor());
                let open = open.filter(|open| open.path == path);
                let syncs = open.as_ref().is_some_and(|open| open.syncs);
                let offset = if name == "pwrite64" {
                    numbers.rsplit(", ").next().unwrap_or_default().parse()?
                } else {
                    let open = open.ok_or_else(|| format!("{path} was never opened"))?;
                    open.offset += written;
                    open.offset - written
                };
                if let Some(file) = self.file(&path) {
                    let end = offset + bytes.len();
                    if file.bytes.len() < end {
                        file.bytes.resize(end, 0);
                    }
                    file.bytes[offset..end].copy_from_slice(bytes);
                }
                if syncs {
                    self.sync(&path);
                }
            }
            "ftruncate" => {
                let Some(path) = of_descriptor(arguments) else {
                    return Ok(());
                };
                let length = arguments.rsplit(", ").next().unwrap_or_default().parse()?;
                if let Some(file) = self.file(&path) {
                    file.bytes.resize(length, 0);
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(path) = of_descriptor(arguments) {
                    self.sync(&path);
                }
            }
            "renameat" => {
                let paths = texts(arguments);
                if let [from, to] = paths.as_slice()
                    && to.starts_with(data)
                {
                    self.rename(from, to);
                }
            }
            "unlinkat" => {
                let paths = texts(arguments);
                let path = paths.first().ok_or("no name")?;
                // Relative to a folder that is open, or not.
                let path = match of_descriptor(arguments) {
                    Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
                    _ => path.clone(),
                };
                self.names.remove(&path);
            }
            // Sockets only.
            "writev" | "pwritev" if of_descriptor(arguments).is_none() => {}
            other => return Err(format!("a call that is not replayed: {other}").into()),
        }
        Ok(())
    }

    fn file(&mut self, path: &str) -> Option<&mut File> {
        let index = *self.names.get(path)?;
        self.files.get_mut(index)
    }

    fn sync(&mut self, path: &str) {
        if let Some(file) = self.file(path) {
            file.synced.clone_from(&file.bytes);
        }
        self.journal.clone_from(&self.names);
    }

    /// A file, or a folder with all that is in it.
    fn rename(&mut self, from: &str, to: &str) {
        let inside = format!("{from}/");
        let moved: Vec<(String, usize)> = self
            .names
            .iter()
            .filter(|(path, _)| *path == from || path.starts_with(&inside))
            .map(|(path, file)| (path.clone(), *file))
            .collect();
        for (path, index) in moved {
            self.names.remove(&path);
            let target = format!("{to}{}", &path[from.len()..]);
            if self.names.insert(target, index).is_some()
                && let Some(file) = self.files.get_mut(index)
            {
                file.synced.clone_from(&file.bytes);
            }
        }
    }

    /// Makes the folder as it is after the loss of power.
    fn restore(&self, data: &Path, mut random: Option<&mut fastrand::Rng>) -> Result<(), Failure> {
        fs::create_dir_all(data)?;
        let has_all_names = random.as_mut().is_some_and(|random| random.bool());
        let names = if has_all_names {
            &self.names
        } else {
            &self.journal
        };
        for (path, index) in names {
            let path = Path::new(path);
            fs::create_dir_all(path.parent().ok_or("no folder")?)?;
            let file = self.files.get(*index).ok_or("no file")?;
            fs::write(path, file.left(random.as_deref_mut()))?;
        }
        Ok(())
    }
}

/// A trace that is written to its end.
fn whole(trace: &Path) -> Result<String, Failure> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(trace)?;
        let first = text.split(' ').next().unwrap_or_default();
        let last = format!("{first} +++ killed by SIGKILL +++");
        if text.trim_end().lines().next_back().map(squeezed) == Some(last) {
            return Ok(text);
        }
        if Instant::now() > end {
            return Err("strace has not come to the end".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes of a text with all of them escaped as `\xNN`.
fn bytes_of(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes()
        .chunks_exact(4)
        .map(|escape| digit(escape[2]) << 4 | digit(escape[3]))
        .collect()
}

fn unescaped(text: &str) -> String {
    String::from_utf8_lossy(&bytes_of(text)).into_owned()
}

/// The quoted texts of a call.
fn texts(arguments: &str) -> Vec<String> {
    arguments
        .split('"')
        .skip(1)
        .step_by(2)
        .map(unescaped)
        .collect()
}
