//! Runs es-runtime, its peers and baselines by hand in turn, in rounds, and writes the table and the plot.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --rounds 3
//! ```
//!
//! - `rows.rs` names what is measured;
//! - `programs.rs` builds the programs and runs each with an empty folder or a server of its own;
//! - `results.rs` has medians, and ratios of results of the same round;
//! - `cargo.rs` runs cargo;
//! - `tables.rs` and `plot.rs` write them down; `machine.rs` says where and with what.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

mod cargo;
mod machine;
mod plot;
mod programs;
mod results;
mod rows;
mod tables;

use programs::{Programs, target};
use results::Results;
use std::{
    fs,
    path::{Path, PathBuf},
};

const USAGE: &str = "\
cargo run --release --manifest-path benches/peers/Cargo.toml -- [OPTIONS]

--rounds N       so many rounds, 3 without it; every program runs once in each
--window MS      how long a row is measured, 800 without it
--groups A,B     only these: memory, sqlite-full, sqlite-normal, sqlite, sqlite-feed, file-decisions, postgres-full,
                 postgres, postgres-decisions
--machine TEXT   what to write about the machine
--note TEXT      what else to write, such as that the machine had other work
--smoke          one round of 20 ms a row, and nothing is written to docs
--from FILE      measures nothing: writes what an earlier run has left in FILE";

struct Options {
    rounds: usize,
    window: u64,
    groups: Vec<String>,
    machine: Option<String>,
    note: Option<String>,
    smoke: bool,
    from: Option<PathBuf>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            rounds: 3,
            window: 800,
            groups: rows::GROUPS.map(str::to_owned).into(),
            machine: None,
            note: None,
            smoke: false,
            from: None,
        };
        let mut given = std::env::args().skip(1);
        let next = |given: &mut dyn Iterator<Item = String>, name: &str| {
            given
                .next()
                .unwrap_or_else(|| panic!("{name} needs a value\n\n{USAGE}"))
        };
        while let Some(name) = given.next() {
            match &*name {
                "--rounds" => options.rounds = next(&mut given, &name).parse().unwrap(),
                "--window" => options.window = next(&mut given, &name).parse().unwrap(),
                "--groups" => {
                    let groups = next(&mut given, &name);
                    options.groups = groups.split(',').map(str::to_owned).collect();
                }
                "--machine" => options.machine = Some(next(&mut given, &name)),
                "--note" => options.note = Some(next(&mut given, &name)),
                "--smoke" => {
                    options.smoke = true;
                    (options.rounds, options.window) = (1, 20);
                }
                "--from" => options.from = Some(next(&mut given, &name).into()),
                // `cargo bench` passes it on.
                "--bench" => {}
                _ => panic!("{USAGE}"),
            }
        }
        options
    }
}

fn main() {
    let options = Options::read();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = if options.smoke {
        target()
    } else {
        here.join("../../docs")
    };
    let raw = options.from.clone().unwrap_or_else(|| {
        let raw = target().join("peers.jsonl");
        Programs::build(here).measure(&options, &raw);
        raw
    });
    let results = Results::read(&raw);
    let mut head = machine::describe(here, &results, options.machine.as_deref());
    if let Some(note) = &options.note {
        head.push_str(note);
        head.push('\n');
    }
    let text = format!("{head}\n{}", tables::write(&results));
    println!("{text}");
    let svg = plot::draw(&results);
    fs::write(docs.join("benchmarks-peers.svg"), svg).unwrap();
    if options.smoke {
        println!("the plot and the table are in {}", docs.display());
        fs::write(docs.join("benchmarks-peers.md"), text).unwrap();
        return;
    }
    let page = docs.join("benchmarks-peers.md");
    let old = fs::read_to_string(&page).unwrap();
    let (before, rest) = old.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    fs::write(page, format!("{before}{BEGIN}\n\n{text}\n{END}{after}")).unwrap();
}

/// What is between the two is written by this program.
const BEGIN: &str = "<!-- begin: written by benches/peers -->";
const END: &str = "<!-- end -->";
