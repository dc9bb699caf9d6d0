//! The shell that is the parent of the nodes.

use crate::server::Supervisor;
use std::{io, path::Path, process::Command};

const SCRIPT: &str = include_str!("supervisor.sh");

/// Starts it for the nodes in this folder, which stays where it `keeps` it.
pub(super) fn start(bin: &Path, home: &Path, keeps: bool) -> io::Result<Supervisor> {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", SCRIPT, "es-nats-supervisor"])
        .args([bin, home])
        .arg(if keeps { "keep" } else { "remove" });
    Supervisor::start(shell)
}
