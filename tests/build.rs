//! Finds what some tests need and not every machine has: `postgres`, `pgbouncer` and `strace` are set where
//! the programs are. A test whose program is missing is shown as ignored, with what to do.

#[cfg(unix)]
#[path = "build/programs.rs"]
mod programs;

fn main() {
    for name in ["postgres", "pgbouncer", "strace"] {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(unix)]
    if let Some(advice) = programs::detect(&["pgbouncer", "strace"]) {
        println!("cargo::warning={advice}");
    }
}
