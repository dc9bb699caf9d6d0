//! A `PgBouncer` that gives each transaction another connection of the server, for tests. It ends with
//! the process that started it.

use es_testkit::postgres::{Database, Server, ServerError, program};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Ends the pooler when its input ends, which is when the process that holds it is gone.
const SUPERVISOR: &str =
    "\"$1\" \"$2\" >/dev/null 2>&1 </dev/null & pid=$!; read -r _; kill -9 $pid";

/// A running pooler in front of a server.
pub struct Pooler<'s> {
    server: &'s Server,
    supervisor: Child,
}

const PORT: u16 = 6432;

impl<'s> Pooler<'s> {
    /// Starts it on a socket in the folder of the server, and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError`], also where `pgbouncer` is missing and cannot be installed.
    pub fn start(server: &'s Server) -> Result<Self, ServerError> {
        let pgbouncer = program("pgbouncer", "pgbouncer")?;
        let folder = server.folder();
        let settings = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={folder} port={port} user=es\n[pgbouncer]\nlisten_addr =\n\
             listen_port = {PORT}\nunix_socket_dir = {folder}\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 300\n\
             logfile = {folder}/pgbouncer.log\n",
            folder = folder.display(),
            port = server.port()
        );
        fs::write(&settings, text)?;
        let mut supervisor = server
            .command(Path::new("/bin/sh"))
            .args(["-c", SUPERVISOR, "es-pooler"])
            .arg(pgbouncer)
            .arg(&settings)
            .stdin(Stdio::piped())
            .spawn()?;
        let began = Instant::now();
        loop {
            let asked = Command::new(server.program("psql"))
                .args(["-X", "-q", "-d"])
                .arg(format!(
                    "host={} port={PORT} user=es dbname=postgres",
                    folder.display()
                ))
                .args(["-c", "SELECT 1"])
                .output()?;
            if asked.status.success() {
                return Ok(Self { server, supervisor });
            }
            if began.elapsed() > Duration::from_secs(30) {
                let _ = supervisor.kill();
                let _ = supervisor.wait();
                return Err(ServerError::Io(
                    String::from_utf8_lossy(&asked.stderr).into_owned(),
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How to connect to a database through it.
    pub fn url(&self, database: &Database<'_>) -> String {
        format!(
            "host={} port={PORT} user=es dbname={}",
            self.server.folder().display(),
            database.name()
        )
    }
}

impl Drop for Pooler<'_> {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
