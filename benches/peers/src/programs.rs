//! Builds the programs, and runs each with an empty folder, or with a server of its own.

use crate::{Options, cargo::cargo};
use es_testkit::postgres::Server;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The programs, in the order in which they run, with the groups that they can do.
const PROGRAMS: [(&str, &[&str]); 7] = [
    ("bench-baselines", &crate::rows::GROUPS),
    ("bench-es-runtime", &crate::rows::GROUPS),
    ("bench-cqrs-es", &crate::rows::GROUPS),
    (
        "bench-evento",
        &[
            "sqlite-full",
            "sqlite-normal",
            "sqlite",
            "sqlite-feed",
            "postgres-full",
            "postgres",
        ],
    ),
    ("bench-esrs", &["postgres-full", "postgres"]),
    (
        "bench-disintegrate",
        &["postgres-full", "postgres", "postgres-decisions"],
    ),
    ("bench-umadb", &["file-decisions"]),
];

/// The folder of this build, which the others go to as well.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().and_then(Path::parent).unwrap().to_owned()
}

/// The programs take turns at every row that waits for the disk: its speed changes from second to second.
fn rows_in_turn(group: &str) -> &'static [&'static str] {
    match group {
        "sqlite-full" | "sqlite-normal" | "postgres-full" => &[
            ":append-1",
            ":append-10",
            ":append-100",
            ":command-1",
            ":command-32",
            CACHED,
        ],
        "file-decisions" | "postgres-decisions" => &[":1", ":32", ":hot"],
        _ => &[""],
    }
}

/// Only es-runtime and the baselines keep states between commands.
const CACHED: &str = ":command-32-cached";

pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds both workspaces.
    pub(crate) fn build(here: &Path) -> Self {
        for manifest in ["Cargo.toml", "sqlx-0.8/Cargo.toml"] {
            let status = cargo()
                .args(["build", "--release", "--locked", "--workspace"])
                .arg("--manifest-path")
                .arg(here.join(manifest))
                .arg("--target-dir")
                .arg(target())
                .status();
            assert!(status.unwrap().success(), "{manifest} does not build");
        }
        let folder = target().join("release");
        Self { folder }
    }

    /// Runs all programs in turn, in rounds, and writes their results to `raw`.
    pub(crate) fn measure(&self, options: &Options, raw: &Path) {
        fs::write(raw, "").unwrap();
        let began = Instant::now();
        for round in 1..=options.rounds {
            for group in &options.groups {
                for row in rows_in_turn(group) {
                    for (program, groups) in PROGRAMS {
                        let is_peer = !matches!(program, "bench-baselines" | "bench-es-runtime");
                        if groups.contains(&&**group) && !(is_peer && *row == CACHED) {
                            let seconds = began.elapsed().as_secs();
                            eprintln!("{seconds:>5} s  round {round}  {group}{row}  {program}");
                            self.run(program, group, row, options.window, raw);
                        }
                    }
                }
            }
            let line = format!("{{\"round\":{round}}}\n");
            let mut all = fs::read_to_string(raw).unwrap();
            all.push_str(&line);
            fs::write(raw, all).unwrap();
        }
    }

    fn run(&self, program: &str, group: &str, row: &str, window: u64, raw: &Path) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(self.folder.join(program));
        command
            .args([format!("{group}{row}"), window.to_string()])
            .args([folder.path(), raw])
            // A library may write there.
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("errors")).unwrap());
        let status = if group.starts_with("postgres") {
            let server = Server::start().unwrap();
            let database = server.database().unwrap();
            // The number in the name of a socket is the usual one.
            command
                .arg(server.folder())
                .args(["5432", "es", database.name()])
                .status()
        } else {
            command.status()
        };
        if !status.unwrap().success() {
            let errors = fs::read_to_string(folder.path().join("errors")).unwrap_or_default();
            eprintln!("{program} {group}{row} failed:\n{errors}");
        }
    }
}
