//! A PostgreSQL server for tests: a cluster of its own in a temporary folder, on a socket of its own.
//!
//! ```no_run
//! use es_testkit::postgres::Server;
//!
//! let server = Server::shared()?;
//! let database = server.database()?;
//! assert_eq!(database.query("SELECT 6 * 7")?, "42\n");
//! assert!(database.url().contains("dbname="));
//! # Ok::<(), es_testkit::postgres::ServerError>(())
//! ```
//!
//! The server runs as `postgres` or `nobody` when the tests run as root. It is stopped and its folder
//! removed when the process that started it ends, also by `kill -9`.
//!
//! The programs of PostgreSQL are found in the folder that the environment variable `ES_POSTGRES_BIN`
//! names; without it in `PATH` and where Debian, `make install` and Homebrew put them, the newest version
//! first. Nothing is installed: where they are missing, the error says what to do.

mod find;
mod programs;

pub use programs::program;

use crate::server::{Ports, Supervisor, end_of, new_folder};
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// Why there is no server, or what it refused.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The programs are not there.
    #[error(
        "{package} is missing; install it and run the tests again: on Debian and Ubuntu \
         `apt-get install {package}` as root, elsewhere from the system's packages; the folder of its \
         programs must be in PATH, that of PostgreSQL may be named by ES_POSTGRES_BIN"
    )]
    Missing {
        /// The package.
        package: &'static str,
    },
    /// The tests run as root, PostgreSQL does not, and nobody else is there.
    #[error(
        "there is neither a user `postgres` nor `nobody` to run the server as; run the tests as a user who is not root"
    )]
    NoUser,
    /// A step failed.
    #[error("{what} failed: {output}")]
    Failed {
        /// The step.
        what: &'static str,
        /// What the program said.
        output: String,
    },
    /// The system failed.
    #[error("the server's folder or process: {0}")]
    Io(String),
}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// How a [`Server`] is set up.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerOptions {
    settings: Vec<(String, String)>,
    tcp: bool,
    parent: Option<PathBuf>,
}

impl ServerOptions {
    /// With a setting of `postgresql.conf`. `fsync` is on unless it is set otherwise.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Listens on a port of the loopback address too, for proxies.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Puts the cluster's folder into this one instead of the system's folder for temporary files. With
    /// `/dev/shm` it is in memory, and databases are made about twice as fast.
    ///
    /// Its path may have 60 bytes, because the name of a socket has a limit.
    pub fn folder_in(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Makes the cluster and starts it. It blocks for a second or two.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(self) -> Result<Server, ServerError> {
        let bin = programs::folder()?;
        let user = programs::user()?;
        let home = folder(self.parent.as_deref())?;
        if let Some((user, group)) = user {
            chown(&home, Some(user), Some(group))?;
        }
        let mut command = as_user("/bin/sh".as_ref(), user, &home);
        command
            .arg("-c")
            .arg(SUPERVISOR)
            .arg("es-postgres-supervisor")
            .args([&bin, &home])
            .env_remove("PGDATA");
        let mut server = Server {
            supervisor: Mutex::new(Supervisor::start(command)?),
            bin,
            home,
            user,
            ports: None,
            databases: AtomicU64::new(0),
        };
        server.tell("initdb", "init", "init.log")?;
        server.configure(&self)?;
        server.start_again()?;
        Ok(server)
    }
}

/// A running PostgreSQL. It goes away when this is dropped, and when the process ends.
#[derive(Debug)]
pub struct Server {
    supervisor: Mutex<Supervisor>,
    bin: PathBuf,
    home: PathBuf,
    user: Option<(u32, u32)>,
    ports: Option<Ports>,
    databases: AtomicU64,
}

impl Server {
    /// With the usual settings: durable, on a socket only.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start() -> Result<Self, ServerError> {
        Self::options().start()
    }

    /// Settings to start one with.
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    /// The one server that the tests of this process share, started by the first who asks.
    ///
    /// It runs with `fsync = off`: what a killed process had committed stays, what a machine without power
    /// had need not. [`start`](Server::start) gives a server that syncs.
    ///
    /// # Errors
    /// [`ServerError`], the same for all who ask.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: OnceLock<Result<Server, ServerError>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::options().setting("fsync", "off").start());
        shared.as_ref().map_err(Clone::clone)
    }

    /// The folder of the cluster, its socket and its log, `server.log`.
    pub fn folder(&self) -> &Path {
        &self.home
    }

    /// A program that came with the server, such as `psql`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A program that runs as the user of the server, in its folder: for what refuses to run as root
    /// too.
    pub fn command(&self, program: &Path) -> Command {
        as_user(program, self.user, &self.home)
    }

    /// Where it listens on the loopback address, when it was asked to.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        Some((Ipv4Addr::LOCALHOST, self.tcp_port()?).into())
    }

    /// The first port behind the one that keeps the block.
    fn tcp_port(&self) -> Option<u16> {
        Some(self.ports.as_ref()?.first() + 1)
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the words of `psql`.
    pub fn database(&self) -> Result<Database<'_>, ServerError> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("test_{number}");
        let admin = Database {
            server: self,
            name: "postgres".to_owned(),
        };
        admin.query(&format!("CREATE DATABASE {name}"))?;
        Ok(Database { server: self, name })
    }

    /// Stops it as a loss of power would, without writing anything back. Blocks until it is down.
    ///
    /// # Errors
    /// [`ServerError::Failed`], such as when it does not run.
    pub fn stop_immediate(&self) -> Result<(), ServerError> {
        self.tell("pg_ctl stop -m immediate", "stop immediate", "stop.log")
    }

    /// Stops it in order: it breaks off what runs, and writes everything back.
    ///
    /// # Errors
    /// [`ServerError::Failed`], such as when it does not run.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.tell("pg_ctl stop -m fast", "stop fast", "stop.log")
    }

    /// Starts it again after a stop, where it was, and recovers what there is to recover. Blocks until
    /// it answers.
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the server's log.
    pub fn start_again(&self) -> Result<(), ServerError> {
        self.tell("pg_ctl start", "start", "server.log")
    }

    fn tell(&self, what: &'static str, command: &str, log: &str) -> Result<(), ServerError> {
        let mut supervisor = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if supervisor.tell(command)? {
            return Ok(());
        }
        let output = fs::read_to_string(self.home.join(log)).unwrap_or_default();
        let output = end_of(&output);
        Err(ServerError::Failed { what, output })
    }

    fn configure(&mut self, options: &ServerOptions) -> Result<(), ServerError> {
        let mut lines = vec![
            format!("unix_socket_directories = '{}'", self.home.display()),
            "max_connections = 300".to_owned(),
            "shared_buffers = '64MB'".to_owned(),
            "log_min_messages = warning".to_owned(),
        ];
        if options.tcp {
            self.ports = Some(Ports::take()?);
            lines.push("listen_addresses = '127.0.0.1'".to_owned());
            lines.extend(self.tcp_port().map(|port| format!("port = {port}")));
        } else {
            lines.push("listen_addresses = ''".to_owned());
        }
        for (name, value) in &options.settings {
            lines.push(format!("{name} = '{}'", value.replace('\'', "''")));
        }
        let path = self.home.join("data/postgresql.auto.conf");
        fs::write(path, lines.join("\n") + "\n")?;
        Ok(())
    }

    /// The port that a driver needs together with [`folder`](Self::folder). It is part of the socket's name, also where the
    /// server does not listen on TCP.
    pub fn port(&self) -> u16 {
        self.tcp_port().unwrap_or(5432)
    }
}

/// A database of a [`Server`].
#[derive(Clone, Debug)]
pub struct Database<'s> {
    server: &'s Server,
    name: String,
}

impl Database<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to connect to it, in the form `host=.. port=.. user=.. dbname=..`.
    pub fn url(&self) -> String {
        format!(
            "host={} port={} user=es dbname={}",
            self.server.home.display(),
            self.server.port(),
            self.name
        )
    }

    /// How to connect to it through a proxy that listens at `address`.
    pub fn url_through(&self, address: SocketAddr) -> String {
        let (host, port) = (address.ip(), address.port());
        format!("host={host} port={port} user=es dbname={}", self.name)
    }

    /// Runs SQL with `psql`, and gives what it prints: a line a row, `|` between columns.
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the words of `psql` at the first statement that fails.
    pub fn query(&self, sql: &str) -> Result<String, ServerError> {
        let output = Command::new(self.server.program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-d", &self.url(), "-c", sql])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(ServerError::Failed {
            what: "psql",
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

fn as_user(program: &Path, user: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

/// A new folder for this process only, its path short enough for a socket's name.
fn folder(parent: Option<&Path>) -> Result<PathBuf, ServerError> {
    let is_short = |path: &Path| path.as_os_str().len() <= 60;
    let parent = match parent {
        Some(parent) if is_short(parent) => parent.to_owned(),
        Some(parent) => {
            let parent = parent.display();
            let what = format!("the path {parent} is too long for a socket; 60 bytes are allowed");
            return Err(ServerError::Io(what));
        }
        None => Some(std::env::temp_dir())
            .filter(|parent| is_short(parent))
            .unwrap_or_else(|| PathBuf::from("/tmp")),
    };
    Ok(new_folder(&parent, "es-pg")?)
}
