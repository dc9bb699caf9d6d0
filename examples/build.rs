//! Finds PostgreSQL, which some tests need. Where it is missing they are shown as ignored.

#[cfg(unix)]
#[path = "../tests/build/programs.rs"]
mod programs;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(postgres)");
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(unix)]
    let _ = programs::detect(&[]);
}
