//! What a minimal program costs to build: one aggregate on SQLite and on PostgreSQL, next to a program with serde, `serde_json`
//! and tokio alone. Each is built from nothing, one compiler at a time, and the CPU of all that cargo ran is counted: a
//! machine that does something else counts less than with a clock.
//!
//! Nothing is compiled incrementally. Cargo compiles crates of a registry like that, and would compile these as if their
//! user were working on them.
//!
//! `cargo bench -p es-benches --bench minimal [-- ROUNDS]`, on Linux

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const BASELINE: &str = r#"
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Deposited {
    cents: i64,
    reference: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = serde_json::to_string(&Deposited { cents: 100, reference: "cash".to_owned() })?;
    let read: Deposited = serde_json::from_str(&text)?;
    println!("{} {}", read.cents, read.reference);
    Ok(())
}
"#;

const AGGREGATE: &str = r#"
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Repository};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
    reference: String,
}

#[derive(Clone)]
struct Deposit(i64);

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, error = Infallible, events(Deposited))]
struct Account {
    cents: i64,
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, Deposit(cents): Deposit) -> Result<Events<Self>, Infallible> {
        Ok(Deposited { cents, reference: "cash".to_owned() }.into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = STORE.await?;
    let repo = Repository::<Account, _>::new(store);
    repo.execute("4711", Deposit(100)).await?;
    println!("{}", repo.load("4711").await?.state.cents);
    Ok(())
}
"#;

/// The crate of a store, and how it is opened.
const STORES: [(&str, &str); 2] = [
    (
        "es-sqlite",
        r#"es_sqlite::SqliteStore::open("accounts.db")"#,
    ),
    (
        "es-postgres",
        r#"es_postgres::PostgresStore::open("postgres://shop@localhost/shop")"#,
    ),
];

/// A program that is built from nothing.
struct Program {
    folder: PathBuf,
}

impl Program {
    /// The baseline, or the program with a store.
    fn new(store: Option<(&str, &str)>) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let name = store.map_or("baseline", |(name, _)| name);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("minimal")
            .join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let mut manifest = "[package]\nname = \"minimal\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
                            serde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n\
                            tokio = { version = \"1\", features = [\"full\"] }\n"
            .to_owned();
        for name in store.iter().flat_map(|(store, _)| ["es-runtime", store]) {
            let path = workspace.join(name).canonicalize().unwrap();
            let _ = writeln!(manifest, "{name} = {{ path = \"{}\" }}", path.display());
        }
        let source = store.map_or_else(
            || BASELINE.to_owned(),
            |(_, open)| AGGREGATE.replace("STORE", open),
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        fs::write(folder.join("src/main.rs"), source).unwrap();
        let program = Self { folder };
        // What has to be fetched is here before anything is measured.
        program.cargo(&["fetch"]);
        program
    }

    fn cargo(&self, args: &[&str]) {
        let output = Command::new(env!("CARGO"))
            .args(args)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_BUILD_JOBS", "1")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }

    /// The seconds of CPU that a build takes.
    fn build(&self) -> f64 {
        let _ = fs::remove_dir_all(self.folder.join("target"));
        let before = of_children();
        self.cargo(&["build", "--offline"]);
        of_children() - before
    }
}

/// The seconds of CPU of all processes that this one has waited for, and of theirs.
fn of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(13).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().unwrap()).sum();
    // Linux gives them in hundredths to every program.
    ticks as f64 / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let rounds = env::args().skip(1).find_map(|number| number.parse().ok());
    let baseline = Program::new(None);
    let programs = STORES.map(|(name, open)| (name, Program::new(Some((name, open)))));
    let mut ratios = STORES.map(|_| Vec::new());
    for round in 1..=rounds.unwrap_or(3) {
        let base = baseline.build();
        println!("round {round}: serde, serde_json and tokio {base:.1} CPU s");
        for ((name, program), ratios) in programs.iter().zip(&mut ratios) {
            let seconds = program.build();
            let ratio = seconds / base;
            println!("round {round}: es-runtime and {name} {seconds:.1} CPU s, {ratio:.2} of that");
            ratios.push(ratio);
        }
    }
    for ((name, _), ratios) in STORES.iter().zip(ratios) {
        println!("es-runtime and {name}: median {:.2}", median(ratios));
    }
}
