//! The hotel as a process, and where its events are.

use crate::{
    built,
    http::Answer,
    http::Request,
    messages::{Stored, Stream},
    server, signals, tiers,
};
use es_testkit::{nats::Cluster, postgres::Database};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// The folder of both releases, built once.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| built::folder_of(&["booking", "booking-release-1"]));

/// Today's release, or `booking-release-1`.
pub fn program(name: &str) -> Command {
    Command::new(FOLDER.join(name))
}

/// What the program says of its options.
pub fn help() -> String {
    let help = program("booking").arg("--help").output();
    String::from_utf8(help.expect("the hotel runs").stdout).expect("text")
}

/// A file, a database of a server, or a stream of a NATS cluster.
pub struct Place {
    pub folder: tempfile::TempDir,
    database: Option<Database<'static>>,
    stream: Option<Stream>,
}

/// The stream, the name and the payload of an event.
pub type Row = (String, String, String);

impl Place {
    pub fn sqlite() -> Self {
        Self {
            folder: tiers::folder(),
            database: None,
            stream: None,
        }
    }

    pub fn postgres() -> Self {
        Self {
            folder: tiers::folder(),
            database: Some(server::database()),
            stream: None,
        }
    }

    /// A stream of its own.
    pub fn jetstream(cluster: &Cluster) -> Self {
        Self {
            folder: tiers::folder(),
            database: None,
            stream: Some(Stream::new(cluster, "HOTEL")),
        }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("hotel.db")
    }

    pub const fn is_jetstream(&self) -> bool {
        self.stream.is_some()
    }

    fn store(&self) -> String {
        match (&self.database, &self.stream) {
            (Some(database), _) => database.url(),
            (_, Some(stream)) => stream.address(),
            (None, None) => self.file().display().to_string(),
        }
    }

    /// What a query finds in a database with events, a text for each row.
    pub fn texts(&self, sqlite: &str, postgres: &str) -> Vec<String> {
        if let Some(database) = &self.database {
            let found = database.query(postgres).expect("asked");
            return found.lines().map(str::to_owned).collect();
        }
        texts_in(&self.file(), sqlite).expect("asked")
    }

    /// Kills the leader of the stream, or another server, which is returned.
    pub fn kill_a_server(&self, cluster: &Cluster, number: usize) -> usize {
        let stream = self.stream.as_ref().expect("on a cluster");
        let leader = cluster.wait_leader(&stream.name).expect("a leader");
        let server = (leader + number + 1) % cluster.nodes();
        cluster.kill(server).expect("killed");
        server
    }

    /// Opens the hotel with read models that are there and with new ones, and compares them.
    pub fn read_models_are_those_of_a_rebuild(&self) {
        let (kept, rebuilt) = ("hotel-read-models.db", "rebuilt.db");
        let hotels =
            [kept, rebuilt].map(|file| Hotel::with(self, "127.0.0.1:0", &["--read-models", file]));
        let rows = until("the read models differ", || {
            let rows = self.rows_of(kept);
            (rows.len() > 1 && rows == self.rows_of(rebuilt)).then_some(rows)
        });
        drop(hotels);
        // The control: a row that is another one is seen.
        let file = self.folder.path().join(kept);
        let table =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'bookings__b*'";
        let table = texts_in(&file, table).expect("asked").remove(0);
        let db = rusqlite::Connection::open(file).expect("opens");
        let change = format!("UPDATE {table} SET version = version + 1 WHERE rowid = 1");
        assert_eq!(db.execute(&change, []), Ok(1));
        assert_ne!(self.rows_of(kept), rows);
    }

    fn rows_of(&self, read_models: &str) -> Vec<String> {
        let file = self.folder.path().join(read_models);
        let bookings = "SELECT booking_id || status || version FROM bookings ORDER BY booking_id";
        let nights =
            "SELECT room_id || night || booking_id FROM taken_nights ORDER BY room_id, night";
        let all = [bookings, nights].map(|sql| texts_in(&file, sql).unwrap_or_default());
        all.concat()
    }

    /// The names of all events of an aggregate, in order.
    pub fn events_of(&self, aggregate: &str) -> Vec<String> {
        if let Some(stream) = &self.stream {
            let events = events_of(stream, aggregate);
            return events.map(|stored| stored.event).collect();
        }
        let of = format!("events WHERE aggregate = '{aggregate}' ORDER BY position");
        self.texts(
            &format!("SELECT event FROM {of}"),
            &format!("SELECT event FROM es.{of}"),
        )
    }

    /// The metadata of the first event.
    pub fn metadata(&self) -> String {
        if let Some(stream) = &self.stream {
            return stream.events().remove(0).metadata;
        }
        self.texts(
            "SELECT metadata FROM events",
            "SELECT metadata FROM es.events",
        )
        .remove(0)
    }

    /// All events of bookings, in order.
    pub fn bookings(&self) -> Vec<Row> {
        if let Some(stream) = &self.stream {
            let events = events_of(stream, "booking");
            return events.map(|one| (one.id, one.event, one.payload)).collect();
        }
        let rows = self.texts(
            "SELECT aggregate_id || ' ' || event || ' ' || payload FROM events
             WHERE aggregate = 'booking' ORDER BY position",
            "SELECT aggregate_id || ' ' || event || ' ' || convert_from(payload, 'UTF8') FROM es.events
             WHERE aggregate = 'booking' ORDER BY position",
        );
        let row = |row: String| {
            let mut parts = row.splitn(3, ' ').map(str::to_owned);
            let mut next = || parts.next().expect("three columns");
            (next(), next(), next())
        };
        rows.into_iter().map(row).collect()
    }
}

fn events_of(stream: &Stream, aggregate: &str) -> impl Iterator<Item = Stored> {
    let events = stream.events().into_iter();
    events.filter(move |stored| stored.aggregate == aggregate)
}

fn texts_in(file: &Path, sql: &str) -> rusqlite::Result<Vec<String>> {
    let db = rusqlite::Connection::open(file)?;
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

/// An open hotel, killed when it is dropped.
pub struct Hotel {
    child: Child,
    pub address: SocketAddr,
}

impl Hotel {
    pub fn open(place: &Place) -> Self {
        Self::at(place, "127.0.0.1:0", 0)
    }

    pub fn at(place: &Place, listen: &str, payment_delay: u32) -> Self {
        let delay = payment_delay.to_string();
        Self::with(place, listen, &["--payment-delay", &delay])
    }

    fn with(place: &Place, listen: &str, arguments: &[&str]) -> Self {
        let mut child = program("booking")
            .args(["--store", &place.store(), "--listen", listen])
            .args(arguments)
            .current_dir(place.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the hotel opens");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/');
        let address = address
            .parse()
            .unwrap_or_else(|_| panic!("the hotel says {line:?}"));
        Self { child, address }
    }

    pub fn ask(&self, request: &Request) -> Answer {
        request.to(self.address).expect("an answer")
    }

    /// The answer of a hotel whose read models have come so far.
    pub fn insist(&self, request: &Request) -> Answer {
        until("it is too early", || {
            let answer = self.ask(request);
            answer.header("retry-after").is_none().then_some(answer)
        })
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// As a service manager ends it.
    pub fn terminate(&mut self) -> ExitStatus {
        signals::send("TERM", self.child.id());
        within(Duration::from_mins(1), "the hotel does not close", || {
            self.child.try_wait().expect("can be asked")
        })
    }
}

impl Drop for Hotel {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(90), what, ask)
}

fn within<T>(time: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < time, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
