//! Finds what some tests need and not every machine has. A test whose program is missing is shown as
//! ignored, with what to do.
//!
//! `postgres`, `pgbouncer` and `strace` are set where the programs are, `recorded_compiler` where the
//! compiler is the one whose messages stand in `ui/`.

#[cfg(unix)]
#[path = "build/programs.rs"]
mod programs;

/// The compiler whose messages are recorded.
const RECORDED_WITH: &str = "1.95.";

fn main() {
    for name in ["postgres", "pgbouncer", "strace", "recorded_compiler"] {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(unix)]
    if let Some(advice) = programs::detect(&["pgbouncer", "strace"]) {
        println!("cargo::warning={advice}");
    }
    if compiler_release().starts_with(RECORDED_WITH) {
        println!("cargo::rustc-cfg=recorded_compiler");
    }
}

fn compiler_release() -> String {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(compiler).arg("-vV").output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    text.lines()
        .find_map(|line| line.strip_prefix("release: ").map(str::to_owned))
        .unwrap_or_default()
}
