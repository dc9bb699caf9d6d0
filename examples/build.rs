//! Finds PostgreSQL and NATS, which some tests need. Where one is missing they are shown as ignored.

#[cfg(unix)]
#[path = "../tests/build/nats.rs"]
mod nats;
#[cfg(unix)]
#[path = "../tests/build/programs.rs"]
mod programs;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(postgres)");
    println!("cargo::rustc-check-cfg=cfg(nats)");
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(unix)]
    let _ = programs::detect(&[]);
    #[cfg(unix)]
    let _ = nats::detect();
}
