//! A process of the test's own: it gets the place where it waits, and is killed, stopped or let go on there.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

/// Nothing here takes so long; who waits longer has found a fault.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A process. It is killed when it is dropped.
pub struct Worker {
    child: Child,
    lines: Receiver<String>,
    input: ChildStdin,
    what: String,
}

impl Worker {
    /// Starts one of the helper programs with these arguments.
    pub fn start(program: &str, args: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("an input");
        let output = BufReader::new(child.stdout.take().expect("an output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            input,
            what: args.join(" "),
        }
    }

    /// What it says next; nothing when it has ended.
    pub fn said(&mut self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError;
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no word for {PATIENCE:?}: {}", self.what),
        }
    }

    /// Waits until it is at this point, and waits there itself.
    pub fn is_at(&mut self, point: &str) {
        let said = self.said();
        let wanted = format!("at {point}");
        assert_eq!(said.as_deref(), Some(&*wanted), "{}", self.what);
    }

    /// Waits until it says that it is through.
    pub fn comes_to_its_end(mut self) {
        assert_eq!(self.said().as_deref(), Some("done"), "{}", self.what);
        assert!(self.ended().success(), "{}", self.what);
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Whether it has ended by a signal; waits until it has ended.
    pub fn was_killed(mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        let said = self.said();
        let signal = self.ended().signal();
        assert!(said.is_none() || signal.is_none(), "it was done: {said:?}");
        signal == Some(9)
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// It does not run any more, for now.
    pub fn stop(&self) {
        es_tests::signals::send("STOP", self.child.id());
    }

    /// It runs again, and goes on from the point at which it waits.
    pub fn go_on(&mut self) {
        es_tests::signals::send("CONT", self.child.id());
        self.input.write_all(b"go\n").expect("handed over");
        self.input.flush().expect("handed over");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
