//! The arguments that the driver gives a program, and the results that it gives back.

use crate::loops::load_one;
use std::{
    fs::{self, File},
    future::Future,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::runtime::Runtime;

/// What the driver asks a program to do: `GROUP[:ROW] WINDOW_MS FOLDER OUT [HOST PORT USER DATABASE]`.
pub struct Arguments {
    /// The rows to measure.
    pub group: String,
    /// The one row of them, where the driver wants one.
    row: Option<String>,
    /// How long a row is measured.
    pub window: Duration,
    /// An empty folder for files.
    pub folder: PathBuf,
    /// The file that the results go to. The standard output is not used, since a library may write to it.
    pub out: PathBuf,
    connect: Option<Connect>,
}

/// An empty database of PostgreSQL.
#[derive(Clone)]
pub struct Connect {
    /// The folder of its socket.
    pub host: String,
    /// The number in the name of the socket.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
}

impl Connect {
    /// In the form that libpq takes.
    #[must_use]
    pub fn url(&self) -> String {
        let Self {
            host,
            port,
            user,
            database,
        } = self;
        format!("host={host} port={port} user={user} dbname={database}")
    }
}

impl Arguments {
    /// Those of this process.
    #[must_use]
    pub fn read() -> Self {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let [group, window, folder, out, rest @ ..] = &*given else {
            panic!("GROUP[:ROW] WINDOW_MS FOLDER OUT [HOST PORT USER DATABASE]");
        };
        let connect = match rest {
            [host, port, user, database] => Some(Connect {
                host: host.clone(),
                port: port.parse().unwrap(),
                user: user.clone(),
                database: database.clone(),
            }),
            _ => None,
        };
        let (group, row) = match group.split_once(':') {
            Some((group, row)) => (group, Some(format!("{group}-{row}"))),
            None => (&**group, None),
        };
        Self {
            group: group.to_owned(),
            row,
            window: Duration::from_millis(window.parse().unwrap()),
            folder: folder.into(),
            out: out.into(),
            connect,
        }
    }

    /// The database. The driver gives one to groups of PostgreSQL.
    #[must_use]
    pub fn postgres(&self) -> &Connect {
        self.connect.as_ref().unwrap()
    }

    /// A report of what was measured of a subject.
    #[must_use]
    pub fn report(&self, subject: &'static str) -> Report {
        Report {
            subject,
            row: self.row.clone(),
            window: self.window,
            out: File::options()
                .append(true)
                .create(true)
                .open(&self.out)
                .unwrap(),
        }
    }
}

/// The results of a subject, a line of JSON each.
pub struct Report {
    subject: &'static str,
    row: Option<String>,
    window: Duration,
    out: File,
}

impl Report {
    /// How long a row is measured.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Whether the driver wants this row.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.row.as_ref().is_none_or(|only| only == row)
    }

    /// A result.
    pub fn value(&mut self, row: &str, value: f64) {
        let subject = self.subject;
        writeln!(
            self.out,
            r#"{{"row":"{row}","subject":"{subject}","value":{value}}}"#
        )
        .unwrap();
    }

    /// Measures one load over and over, in microseconds.
    pub async fn load<F: Future<Output = u64>>(
        &mut self,
        row: &str,
        length: u64,
        load: impl Fn() -> F,
    ) {
        load_one(self, row, length, load).await;
    }
}

/// Two threads, for everybody.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Removes a database of SQLite.
pub fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}
