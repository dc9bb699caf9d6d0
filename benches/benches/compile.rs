//! What the derives and the check of the lock cost the compiler, next to serde's derive on the same
//! structs. A crate of many events is made in the target folder and given to `rustc` as
//! `cargo check` does it, with everything that it depends on already compiled.
//!
//! The expansion is counted with the compiler's own macro statistics.
//!
//! `cargo bench -p es-benches --bench compile [-- EVENTS VERSIONS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop"
)]

use serde_json::Value;
use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

const ROUNDS: usize = 5;
/// The crates that the made crate names.
const NAMED: [&str; 3] = ["es_runtime", "es_schema_lock", "serde"];

/// The fields of the versions 1 to 5, for serde's derive: each version another kind of change.
const FIELDS: [&str; 5] = [
    "pub customer: String, pub total: f64, pub coupon: Option<String>",
    "pub customer: String, pub total: f64, pub coupon: Option<String>, pub currency: String",
    "pub customer: String, pub total: f64, pub coupon: Option<String>, pub currency: String, pub note: Option<String>",
    "pub customer: String, pub total_cents: i64, pub coupon: Option<String>, pub currency: String, pub note: Option<String>",
    "pub customer: String, pub total_cents: i64, pub currency: String, pub note: Option<String>",
];

/// The same fields as one history: each attribute with the version that it came in.
const HISTORY: [(&str, &str); 3] = [
    ("since = 2, default = \"USD\"", "pub currency: String"),
    ("since = 3", "pub note: Option<String>"),
    (
        "was(name = \"total\", type = f64, with = cents, before = 4)",
        "pub total_cents: i64",
    ),
];

const SHAPES: [&str; 5] = [
    "{coupon:str?,customer:str,total:f64}",
    "{coupon:str?,currency:str,customer:str,total:f64}",
    "{coupon:str?,currency:str,customer:str,note:str?,total:f64}",
    "{coupon:str?,currency:str,customer:str,note:str?,total_cents:i64}",
    "{currency:str,customer:str,note:str?,total_cents:i64}",
];

/// The source of the newest struct of an event with so many versions.
fn event(number: usize, versions: usize) -> String {
    let mut text = format!(
        "#[derive(es_runtime::Event, serde::Serialize, serde::Deserialize)]\n\
         #[event(\"event.{number}\", version = {versions})]\n"
    );
    if versions > 4 {
        text.push_str("#[event(removed(coupon: Option<String>, in = 5))]\n");
    }
    let fields = FIELDS[versions - 1].split(", ").map(|field| {
        let of_field = HISTORY
            .iter()
            .enumerate()
            .find(|(at, (_, of))| *of == field && versions > at + 1);
        of_field.map_or_else(
            || format!("    {field},\n"),
            |(_, (attribute, _))| format!("    #[event({attribute})]\n    {field},\n"),
        )
    });
    let fields: String = fields.collect();
    let _ = writeln!(text, "pub struct E{number} {{\n{fields}}}");
    text
}

/// The structs of all versions as serde's derive alone reads them, the newest as it also writes it.
fn by_serde(number: usize, versions: usize) -> String {
    let mut text = String::new();
    for version in 1..=versions {
        let (derives, name) = if version == versions {
            (
                "#[derive(serde::Serialize, serde::Deserialize)]",
                String::new(),
            )
        } else {
            (
                "#[derive(serde::Deserialize)]\n#[serde(deny_unknown_fields)]",
                format!("V{version}"),
            )
        };
        let fields = FIELDS[version - 1];
        let _ = writeln!(text, "{derives}\npub struct E{number}{name} {{ {fields} }}");
    }
    text
}

fn aggregate(events: usize) -> String {
    let list: Vec<_> = (0..events).map(|number| format!("E{number}")).collect();
    let apply = |event: &String| {
        format!(
            "impl es_runtime::Apply<{event}> for All {{ fn apply(&mut self, _: &{event}) {{}} }}\n"
        )
    };
    format!(
        "#[derive(es_runtime::Aggregate, Default)]\n\
         #[aggregate(\"all\", id = String, error = std::convert::Infallible)]\n\
         #[aggregate(events({}))]\npub struct All {{}}\n{}",
        list.join(", "),
        list.iter().map(apply).collect::<String>(),
    )
}

/// The sealed lock of these events, sorted as a lock is.
fn lock(events: usize, versions: usize) -> String {
    let mut names: Vec<_> = (0..events)
        .map(|number| format!("event.{number}"))
        .collect();
    names.sort();
    let line = |name: &String, version: usize| {
        format!("{name} v{version} sealed {}\n", SHAPES[version - 1])
    };
    names
        .iter()
        .flat_map(|name| (1..=versions).map(move |version| line(name, version)))
        .collect()
}

/// The made crate and what is handed to `rustc` for it.
struct Made {
    folder: PathBuf,
    dependencies: PathBuf,
    externs: Vec<String>,
}

impl Made {
    /// Writes the crate and has what it depends on compiled.
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::create_dir_all(folder.join("src")).unwrap();
        let of = |name: &str| workspace.join(name).canonicalize().unwrap();
        let manifest = format!(
            "[package]\nname = \"made\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
             es-runtime = {{ path = \"{}\" }}\nes-schema-lock = {{ path = \"{}\" }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n",
            of("es-runtime").display(),
            of("es-schema-lock").display(),
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        fs::write(folder.join("src/lib.rs"), "").unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["check", "--message-format=json", "--target-dir", "target"])
            .current_dir(&folder)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let mut externs = Vec::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            let name = message["target"]["name"].as_str().unwrap_or_default();
            if NAMED.contains(&name) {
                let files = message["filenames"].as_array().unwrap();
                let mut files = files.iter().filter_map(Value::as_str);
                let is_metadata =
                    |file: &&str| Path::new(file).extension() == Some("rmeta".as_ref());
                let file = files.find(is_metadata).unwrap();
                externs.push(format!("{name}={file}"));
            }
        }
        assert_eq!(externs.len(), NAMED.len());
        let dependencies = folder.join("target/debug/deps");
        Self {
            folder,
            dependencies,
            externs,
        }
    }

    /// `rustc` as `cargo check` calls it for this source.
    fn rustc(&self, source: &str) -> Command {
        fs::write(self.folder.join("src/lib.rs"), source).unwrap();
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc
            .args(["--crate-name=made", "--crate-type=lib", "--edition=2024"])
            .args([
                "--emit=metadata",
                "--out-dir=out",
                "-Cdebuginfo=2",
                "src/lib.rs",
            ])
            .arg(format!("-Ldependency={}", self.dependencies.display()))
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder);
        for of in &self.externs {
            rustc.args(["--extern", of]);
        }
        rustc
    }

    fn seconds(&self, source: &str) -> f64 {
        let mut rustc = self.rustc(source);
        let start = Instant::now();
        let output = rustc.output().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        seconds
    }

    /// For each derive the lines and bytes that one use of it became on average.
    fn statistics(&self, source: &str) -> BTreeMap<String, (f64, f64)> {
        let mut rustc = self.rustc(source);
        // The statistics are not stable; the bootstrap variable opens them on any toolchain.
        rustc.arg("-Zmacro-stats").env("RUSTC_BOOTSTRAP", "1");
        let output = rustc.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["macro-stats", name, _, _, lines, _, bytes] = words[..] {
                let number = |text: &str| text.replace('_', "").parse::<f64>();
                if let (Ok(lines), Ok(bytes)) = (number(lines), number(bytes)) {
                    found.insert(name.to_owned(), (lines, bytes));
                }
            }
        }
        found
    }
}

/// What else the machine does only adds.
fn lowest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() {
    let numbers: Vec<usize> = env::args()
        .skip(1)
        .filter_map(|number| number.parse().ok())
        .collect();
    let (events, versions) = match numbers[..] {
        [events, versions, ..] => (events, versions),
        _ => (200, 5),
    };
    let made = Made::new();
    let all = |one: &dyn Fn(usize) -> String| (0..events).map(one).collect::<String>();
    let cents = "fn cents(dollars: f64) -> i64 { (dollars * 100.0).round() as i64 }\n";
    let derived = format!(
        "{}{}{cents}",
        all(&|number| event(number, versions)),
        aggregate(events)
    );
    let checked = format!("{derived}es_schema_lock::assert_schema_lock!(All, \"all.lock\");\n");
    fs::write(made.folder.join("all.lock"), lock(events, versions)).unwrap();
    let serde = all(&|number| by_serde(number, versions));
    let first = all(&|number| event(number, 1));
    let newest = all(&|number| by_serde(number, 1));
    let sources = [&serde, &newest, &first, &derived, &checked];
    let mut seconds = vec![Vec::new(); sources.len()];
    for _ in 0..ROUNDS {
        for (source, seconds) in sources.iter().zip(&mut seconds) {
            seconds.push(made.seconds(source));
        }
    }
    let seconds: Vec<f64> = seconds.iter().map(|times| lowest(times)).collect();
    let each = 1e3 / events as f64;
    let older = versions.saturating_sub(1).max(1) as f64;
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    print!("{}", String::from_utf8_lossy(&rustc.stdout));
    println!(
        "{events} events of {versions} versions, lowest of {ROUNDS}; metadata only, as `cargo check`\n"
    );
    for (name, seconds) in [
        ("serde's derive on the newest structs", seconds[1]),
        ("serde's derive on the structs of all versions", seconds[0]),
        ("these derives, version 1 only", seconds[2]),
        ("these derives, all versions, and the aggregate", seconds[3]),
        ("the same with the lock checked by the compiler", seconds[4]),
    ] {
        println!("{name:<52}{seconds:>8.2} s");
    }
    println!(
        "\nlock check: {:.2} s for {} sealed lines, {:.2} ms a line",
        seconds[4] - seconds[3],
        events * versions,
        (seconds[4] - seconds[3]) * each / versions as f64
    );

    let (one, all, by_hand) = (
        made.statistics(&first),
        made.statistics(&derived),
        made.statistics(&serde),
    );
    let of = |stats: &BTreeMap<String, (f64, f64)>, name: &str| stats[name];
    let event = "#[derive(es_runtime::Event)]";
    let (lines, bytes) = of(&one, event);
    let (all_lines, all_bytes) = of(&all, event);
    let (aggregate, _) = of(&all, "#[derive(es_runtime::Aggregate)]");
    let (serde_lines, serde_bytes) = of(&by_hand, "#[derive(serde::Deserialize)]");
    let (more, more_bytes) = ((all_lines - lines) / older, (all_bytes - bytes) / older);
    println!("\n{:<52}{:>8}{:>10}  budget", "expanded", "lines", "bytes");
    println!(
        "{:<52}{lines:>8.0}{bytes:>10.0}  60 lines, 3 KB",
        "an event of version 1"
    );
    println!(
        "{:<52}{more:>8.0}{more_bytes:>10.0}  half of serde's Deserialize: {:.2} and {:.2} of it",
        "each older version",
        more / serde_lines,
        more_bytes / serde_bytes
    );
    println!(
        "{:<52}{serde_lines:>8.0}{serde_bytes:>10.0}",
        "serde's Deserialize, for comparison"
    );
    println!(
        "{:<52}{:>8.0}{:>10}  70 lines",
        "an aggregate, for each of its events",
        aggregate / events as f64,
        ""
    );
}
