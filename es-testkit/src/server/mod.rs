//! What servers for tests have in common: a folder of their own, the shell that is their parent, and the end of a log.

mod ports;

pub(crate) use ports::Ports;
#[cfg(feature = "nats-server")]
pub(crate) use ports::{BLOCK, MOST_NODES, NodePorts};

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Makes a new folder in this one, for the user of this process only.
pub(crate) fn new_folder(parent: &Path, kind: &str) -> io::Result<PathBuf> {
    let name = format!("{kind}-{}-{:08x}", std::process::id(), fastrand::u32(..));
    let folder = parent.join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The last lines of a log.
pub(crate) fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// The shell that is the parent of a server. It takes commands and says for each whether it was done. It ends the server
/// when this is dropped, and when this process is gone.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    /// Closing it ends the server.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts it: `shell` has its script and its arguments.
    pub(crate) fn start(mut shell: Command) -> io::Result<Self> {
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C in a terminal ends the tests, and the supervisor when it sees that.
            .process_group(0)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let Some((commands, answers)) = pipes else {
            return Err(io::Error::other("the supervisor has no pipes"));
        };
        Ok(Self {
            child,
            commands: Some(commands),
            answers: BufReader::new(answers),
        })
    }

    /// Gives it a command, and says whether it was done.
    pub(crate) fn tell(&mut self, command: &str) -> io::Result<bool> {
        let Some(commands) = &mut self.commands else {
            return Err(io::Error::other("the supervisor is gone"));
        };
        writeln!(commands, "{command}")?;
        commands.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer == "done\n")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.child.wait();
    }
}
