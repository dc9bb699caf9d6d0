//! What a minimal program compiles: the crates of `es-runtime` and a store, with the features that they have. A
//! dependency or a feature more costs every user the time of its build.
//!
//! `ES_BLESS=1 cargo test -p es-tests --test costs minimal` records the lists.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The names of the crates and their features, as cargo resolves them for this store.
fn compiled(store: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--edges", "normal,build", "--format", "{p}|{f}"])
        .args(["--package", "es-runtime", "--package", store])
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    let text = String::from_utf8(output.stdout).expect("names");
    // `name v1.0.0 (/folder)|feature,feature (*)`: versions and folders change without a cost.
    let crates = text.lines().filter_map(|line| {
        let (package, features) = line.split_once('|')?;
        let (name, _) = package.split_once(' ')?;
        let features = features.trim_end_matches(" (*)");
        Some(format!("{name} {features}").trim_end().to_owned())
    });
    crates.collect()
}

fn recorded(store: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/costs");
    folder.join(format!("{store}.txt"))
}

fn lines(of: &BTreeSet<String>, without: &BTreeSet<String>) -> String {
    let lines = of.difference(without).map(|line| format!("  {line}\n"));
    lines.collect()
}

#[test]
fn crates_of_a_minimal_program() {
    for store in ["es-sqlite", "es-postgres"] {
        let found = compiled(store);
        assert!(found.contains("es-runtime default,derive"), "{found:?}");
        let path = recorded(store);
        if env::var_os("ES_BLESS").is_some() {
            let text: String = found.iter().map(|line| format!("{line}\n")).collect();
            fs::write(&path, text).expect("written");
        }
        let text = fs::read_to_string(&path).expect("the list");
        let known: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        assert!(
            found == known,
            "a program with {store} compiles other crates or features than {} has.\nNew:\n{}Gone:\n{}\
             If it must be so, ES_BLESS=1 records it; measure the cost as docs/benchmarks-build.md does.",
            path.display(),
            lines(&found, &known),
            lines(&known, &found),
        );
    }
}
