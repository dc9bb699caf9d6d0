//! Finds what some tests need and not every machine has: `nats`, `postgres`, `pgbouncer`, `strace` and `prometheus` are set
//! where the programs are. A test whose program is missing is shown as ignored, with what to do.

#[cfg(unix)]
#[path = "build/nats.rs"]
mod nats;
#[cfg(unix)]
#[path = "build/programs.rs"]
mod programs;

fn main() {
    for name in [
        "nats",
        "postgres",
        "pgbouncer",
        "strace",
        "prometheus",
        "chromium",
        "chromedriver",
        "openssl",
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(unix)]
    let mut programs = vec!["pgbouncer", "strace", "openssl", "chromium", "chromedriver"];
    #[cfg(unix)]
    if std::env::var_os("CARGO_FEATURE_METRICS").is_some() {
        programs.push("prometheus");
    }
    #[cfg(unix)]
    if let Some(advice) = programs::detect(&programs) {
        println!("cargo::warning={advice}");
    }
    #[cfg(unix)]
    if let Some(advice) = nats::detect() {
        println!("cargo::warning={advice}");
    }
}
