//! Signals to processes, by the shell: this workspace forbids the `unsafe` of the system's call.

use std::process::Command;

/// Sends a signal such as `STOP` to a process.
///
/// # Panics
/// When there is no such process, or no shell.
pub fn send(signal: &str, process: u32) {
    let sent = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", signal, &process.to_string()])
        .status()
        .expect("there is a shell");
    assert!(sent.success(), "{signal} could not be sent to {process}");
}

/// This process is killed as by an operator or the system: nothing of it runs any more.
///
/// # Panics
/// When it lives on.
pub fn kill_this_process() -> ! {
    send("KILL", std::process::id());
    panic!("it lives on");
}
