//! The shop as a person meets it: the program itself, run on real files, on a real PostgreSQL and on real NATS
//! servers.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "some modules are those of the other tests")]

#[path = "../programs/built.rs"]
mod built;
mod jetstream;
#[path = "../programs/messages.rs"]
#[allow(dead_code, reason = "the hotel's tests use all of it")]
mod messages;
mod saga;
#[path = "../../../tests/src/server.rs"]
mod server;
#[path = "../../../tests/src/tiers.rs"]
mod tiers;

use es_testkit::postgres::Database;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};
use tiers::tries;

const TOTALS: &str = "purchases=6919 customers=2357 cds=16479 cents=24409194";

/// What is imported again and again: the whole sample where tests may take long, its first lines
/// otherwise.
struct Sample {
    file: String,
    purchases: usize,
    totals: String,
}

static IMPORTED: LazyLock<Sample> = LazyLock::new(|| {
    if tries(true, false) {
        return Sample {
            file: SAMPLE.to_owned(),
            purchases: 6919,
            totals: TOTALS.to_owned(),
        };
    }
    let purchases = 800;
    let lines = fs::read_to_string(SAMPLE).expect("reads");
    let lines: Vec<&str> = lines.lines().take(purchases).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("the-first-purchases.txt");
    fs::write(&file, lines.join("\n")).expect("writes");
    Sample {
        file: file.to_str().expect("a plain path").to_owned(),
        purchases,
        totals: counted(lines),
    }
});

/// What lines of the sample add up to, counted by hand.
fn counted<'l>(lines: impl IntoIterator<Item = &'l str>) -> String {
    let (mut cds, mut cents, mut purchases) = (0_i64, 0_i64, 0);
    let mut customers = std::collections::BTreeSet::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        cds += words[3].parse::<i64>().expect("a number");
        cents += words[4].replace('.', "").parse::<i64>().expect("a number");
        customers.insert(words[0]);
        purchases += 1;
    }
    let customers = customers.len();
    format!("purchases={purchases} customers={customers} cds={cds} cents={cents}")
}

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cdnow_sample.txt");

static SHOP: LazyLock<PathBuf> = LazyLock::new(|| built::folder_of(&["shop"]).join("shop"));

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(&*SHOP);
    command.args(arguments).current_dir(folder);
    command
}

fn shop(arguments: &[&str], folder: &Path) -> Output {
    command(arguments, folder).output().expect("the shop runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line of the report, which is computed from the read model.
fn totals(folder: &Path) -> String {
    totals_of(folder, "shop.db")
}

fn totals_of(folder: &Path, db: &str) -> String {
    let report = shop(&["report", "--db", db], folder);
    assert!(report.status.success(), "{}", stderr(&report));
    stdout(&report)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

fn count(folder: &Path, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    db.query_row(sql, [], |row| row.get(0)).expect("counts")
}

/// Where a shop is, for what holds on each kind of store.
struct Place {
    folder: tempfile::TempDir,
    database: Option<Database<'static>>,
    stream: Option<messages::Stream>,
    db: String,
}

impl Place {
    fn sqlite() -> Self {
        Self {
            folder: tiers::folder(),
            database: None,
            stream: None,
            db: "shop.db".to_owned(),
        }
    }

    fn postgres() -> Self {
        let database = server::database();
        Self {
            folder: tiers::folder(),
            db: database.url(),
            database: Some(database),
            stream: None,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments, self.folder.path());
        command.args(["--db", &self.db]);
        command
    }

    fn shop(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the shop runs")
    }

    fn totals(&self) -> String {
        totals_of(self.folder.path(), &self.db)
    }

    /// `None` where there is no such table yet.
    fn try_count(&self, sql: &str) -> Option<i64> {
        if let Some(database) = &self.database {
            return database.query(sql).ok()?.trim().parse().ok();
        }
        let db = rusqlite::Connection::open(self.read_models()).ok()?;
        db.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// The SQLite file with the read models.
    fn read_models(&self) -> PathBuf {
        self.folder.path().join(match self.stream {
            Some(_) => "shop-read-models.db",
            None => "shop.db",
        })
    }

    fn events(&self) -> Option<i64> {
        if let Some(stream) = &self.stream {
            return i64::try_from(stream.events().len()).ok();
        }
        let schema = self.database.as_ref().map_or("main", |_| "es");
        self.try_count(&format!("SELECT count(*) FROM {schema}.events"))
    }

    /// How many tables of builds there are, those of unfinished ones included.
    fn tables(&self) -> Option<i64> {
        self.try_count(match self.database {
            None => "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB '*__b*'",
            Some(_) => r"SELECT count(*) FROM pg_tables WHERE tablename LIKE '%\_\_b%'",
        })
    }

    /// Waits until there are more events than `events`, or the program has ended.
    fn wait_for_events(&self, events: i64, program: &mut Child) {
        let start = Instant::now();
        while program.try_wait().expect("can be asked").is_none() {
            if self.events().is_some_and(|now| now > events) {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(90),
                "nothing is imported"
            );
            std::thread::yield_now();
        }
    }
}

/// Everything is there; importing it again changes nothing.
fn imports_nothing_again(place: &Place, sample: &Sample) {
    let events = place.events();
    assert!(events.is_some());
    let again = place.shop(&["import", &sample.file]);
    let said = format!(
        "0 purchases imported, {} were already there\n",
        sample.purchases
    );
    assert_eq!(stdout(&again), said);
    assert_eq!(place.events(), events);
}

/// What the shop says of the sample.
fn answers(place: &Place, sample: &Sample) {
    assert_eq!(place.totals(), sample.totals);
    assert_eq!(place.totals(), sample.totals);
    let text = stdout(&place.shop(&["show", "00004-19970118-2-2973"]));
    for part in [
        "order.placed v3",
        "order.paid v1",
        "order.shipped v1",
        "$29.73",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let orders = place.shop(&["orders", "00004"]);
    assert_eq!(stdout(&orders).matches("shipped").count(), 4);
    for (arguments, said) in [
        (
            ["orders", "nobody"],
            "shop: customer `nobody` has no orders\n",
        ),
        (["show", "nothing"], "shop: there is no order `nothing`\n"),
    ] {
        let nothing = place.shop(&arguments);
        assert_eq!(nothing.status.code(), Some(3));
        assert_eq!(stderr(&nothing), said);
    }
}

/// An import that is killed when there are so many events, reports in between, and then finished.
fn imports_although_killed(place: &Place, killed_at: &[i64]) {
    let import = ["import", &IMPORTED.file];
    let mut kills = 0;
    for events in killed_at {
        let mut program = place
            .command(&import)
            .stdout(Stdio::null())
            .spawn()
            .expect("the shop runs");
        place.wait_for_events(*events, &mut program);
        program.kill().expect("can be killed");
        let ended = program.wait().expect("has ended");
        kills += usize::from(ended.code().is_none());
        // A report on half an import leaves a checkpoint in the middle.
        assert!(place.totals().starts_with("purchases="));
    }
    assert!(
        kills * 2 > killed_at.len(),
        "only {kills} imports were killed on the way"
    );
    assert!(place.shop(&import).status.success());
    assert_eq!(place.totals(), IMPORTED.totals);
    let halves = "SELECT count(*) FROM order_summaries WHERE status <> 'shipped'";
    assert_eq!(place.try_count(halves), Some(0));
}

/// Rebuilds that are killed later and later, reports next to them and after, and then a whole one.
fn rebuilds_although_killed(place: &Place, rounds: u64) {
    let mut kills = 0;
    for round in 0..rounds {
        let mut program = place
            .command(&["rebuild"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the shop runs");
        // Anywhere: a little later in each round.
        std::thread::sleep(Duration::from_millis(20 + round * 25));
        if round % 2 == 0 {
            assert_eq!(place.totals(), IMPORTED.totals, "next to a rebuild");
        }
        program.kill().expect("can be killed");
        kills += u64::from(program.wait().expect("has ended").code().is_none());
        assert_eq!(
            place.totals(),
            IMPORTED.totals,
            "after a rebuild that was killed"
        );
    }
    assert!(
        kills * 4 >= rounds,
        "only {kills} rebuilds were killed on the way"
    );
    let done = place.shop(&["rebuild"]);
    assert_eq!(stdout(&done), "the read models were built anew\n");
    assert_eq!(place.totals(), IMPORTED.totals);
    let status = stdout(&place.shop(&["status"]));
    for model in ["order_summaries", "sales_by_month", "customers"] {
        assert_eq!(status.matches(model).count(), 1, "{status}");
    }
    assert!(!status.contains("being built"), "{status}");
    // Nothing is left of the tables that were not finished.
    assert_eq!(place.tables(), Some(5));
}

/// Without events: `status` has nothing to say yet.
fn makes_an_empty_shop(place: &Place) {
    let file = place.folder.path().join("empty.txt");
    fs::write(&file, "").expect("writes");
    let file = file.to_str().expect("a plain path");
    let import = place.shop(&["import", file]);
    assert_eq!(
        stdout(&import),
        "0 purchases imported, 0 were already there\n",
        "{}",
        stderr(&import)
    );
    let none = stdout(&place.shop(&["status"]));
    assert!(none.starts_with("There are no read models yet"), "{none}");
}

#[test]
fn importing_twice_is_importing_once() {
    let place = Place::sqlite();
    makes_an_empty_shop(&place);
    let first = place.shop(&["import", &IMPORTED.file]);
    let purchases = IMPORTED.purchases;
    assert_eq!(
        stdout(&first),
        format!("{purchases} purchases imported, 0 were already there\n")
    );
    assert_eq!(first.status.code(), Some(0));
    imports_nothing_again(&place, &IMPORTED);
    answers(&place, &IMPORTED);
}

#[test]
fn an_import_can_be_killed_anywhere_and_run_again() {
    let killed_at: &[i64] = tries(&[0, 1, 2_000, 9_000, 20_000], &[0, 800]);
    imports_although_killed(&Place::sqlite(), killed_at);
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn a_rebuild_can_be_killed_anywhere_while_reports_go_on() {
    let place = Place::sqlite();
    assert!(place.shop(&["import", &IMPORTED.file]).status.success());
    assert_eq!(place.totals(), IMPORTED.totals);
    rebuilds_although_killed(&place, tries(8, 3));
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn in_postgresql_it_is_the_same() {
    let place = Place::postgres();
    makes_an_empty_shop(&place);
    imports_although_killed(&place, tries(&[1, 9_000], &[800]));
    imports_nothing_again(&place, &IMPORTED);
    answers(&place, &IMPORTED);
    rebuilds_although_killed(&place, tries(4, 2));
}

#[test]
fn both_file_forms_and_bad_lines() {
    let folder = tiers::folder();
    let folder = folder.path();
    let five = " 00004 0001 19970118  2   29.73\r\n 00004 0001 19970118  2   29.73\r\n";
    fs::write(folder.join("five.txt"), five).expect("writes");
    let four = "id date cds dollars\n00004 19970118 2 29.73\n00004 1997 2 29.73\n\n\
                00005 19970102 1 12.00\n00006 19970102 one 12.00\n";
    fs::write(folder.join("four.txt"), four).expect("writes");

    let output = shop(&["import", "five.txt", "--db", "shop.db"], folder);
    assert_eq!(
        stdout(&output),
        "2 purchases imported, 0 were already there\n"
    );
    let output = shop(&["import", "four.txt", "--db", "shop.db"], folder);
    assert_eq!(
        stdout(&output),
        "1 purchases imported, 1 were already there\n\
         2 malformed lines and 0 rejected purchases were left out\n"
    );
    assert_eq!(
        stderr(&output),
        "four.txt:3:7: expected a date as YYYYMMDD, found `1997`\n\
         four.txt:6:16: expected a number of CDs, 1 or more, found `one`\n"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(totals(folder), "purchases=3 customers=2 cds=5 cents=7146");
}

#[test]
fn mistakes_are_said_and_make_nothing() {
    let folder = tiers::folder();
    let folder = folder.path();
    for (arguments, said) in [
        (
            &["report", "--db", "no.db"][..],
            "no.db: there is no such file",
        ),
        (
            &["show", "x", "--db", "no.db"],
            "no.db: there is no such file",
        ),
        (
            &["import", "no.txt", "--db", "no.db"],
            "no.txt: No such file",
        ),
        (
            &["import", SAMPLE, "--db", "no/such/folder/shop.db"],
            "no/such/folder",
        ),
    ] {
        let output = shop(arguments, folder);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(
            fs::read_dir(folder).expect("reads").count(),
            0,
            "{arguments:?}"
        );
    }
    fs::write(
        folder.join("text.db"),
        "this is not a database, it only looks like one",
    )
    .expect("writes");
    let output = shop(&["report", "--db", "text.db"], folder);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("damaged"), "{}", stderr(&output));
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn mistakes_with_a_server_are_said_and_make_nothing() {
    let place = Place::postgres();
    let database = place.database.as_ref().expect("on a server");
    let (name, url) = (database.name(), database.url());
    let other = url.replace(name, "no_such_shop");
    let nobody = url.replace("user=es", "user=nobody_here password=hunter2");
    let silent = "postgresql://es:hunter2@127.0.0.1:1/shop";
    for (arguments, said) in [
        (
            ["report", "", "--db", &url],
            &*format!("database `{name}`: there is no shop in it; `shop import` creates one"),
        ),
        (["show", "x", "--db", &url], "there is no shop in it"),
        (["import", "no.txt", "--db", &url], "no.txt: No such file"),
        (
            ["import", SAMPLE, "--db", &other],
            "database \"no_such_shop\" does not exist",
        ),
        (
            ["report", "", "--db", &nobody],
            "role \"nobody_here\" does not exist",
        ),
        (
            ["report", "", "--db", silent],
            "database `shop`: the database cannot be reached",
        ),
        (
            ["import", SAMPLE, "--db", "postgres://es:hunter2@[::1/shop"],
            "the connection string is neither a URL",
        ),
        (
            ["import", SAMPLE, "--db", "host=localhost hunter2"],
            "the connection string is neither a URL",
        ),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().filter(|a| !a.is_empty()).collect();
        let output = shop(&arguments, place.folder.path());
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'es'";
    assert_eq!(place.try_count(schemas), Some(0));
    let files = fs::read_dir(place.folder.path()).expect("reads");
    assert_eq!(files.count(), 0);
}

#[test]
fn store_credit_moves_between_two_customers_in_one_commit() {
    let folder = tiers::folder();
    let folder = folder.path();
    let import = shop(&["import", &IMPORTED.file, "--db", "shop.db"], folder);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));
    let credit = |arguments: &[&str]| {
        let all = [&["credit"], arguments, &["--db", "shop.db"]].concat();
        shop(&all, folder)
    };
    let given = credit(&["give", "00004", "500"]);
    assert_eq!(stdout(&given), "00004 has $5.00\n", "{}", stderr(&given));
    let letter = ["send", "00004", "00018", "200", "--request", "letter-1"];
    let sent = credit(&letter);
    assert_eq!(
        stdout(&sent),
        "00004 has $3.00\n00018 has $2.00\n",
        "{}",
        stderr(&sent)
    );
    let again = stdout(&credit(&letter));
    assert!(again.starts_with("this was sent before\n"), "{again}");
    let refused = [
        (
            &["send", "00004", "00018", "301"][..],
            "the customer has $3.00 of store credit",
        ),
        (
            &["send", "00004", "00004", "1"],
            "reads stream customer/00004 twice",
        ),
        (
            &["send", "00004", "nobody", "1"],
            "there is no such customer",
        ),
        (
            &["send", "00004", "00018", "100", "--request", "letter-1"],
            "for another request",
        ),
    ];
    for (arguments, said) in refused {
        let output = credit(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    assert!(
        shop(&["report", "--db", "shop.db"], folder)
            .status
            .success()
    );
    let sql = "SELECT sum(store_credit_cents) FROM customers";
    assert_eq!(count(folder, sql), 500);
}

#[test]
fn the_tour_ends_in_the_published_totals() {
    let folder = tiers::folder();
    let mut tour = command(&[], folder.path())
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the shop runs");
    let lines = BufReader::new(tour.stdout.take().expect("piped")).lines();
    let lines: Vec<String> = lines.map(|line| line.expect("text")).collect();
    assert!(tour.wait().expect("ends").success());
    assert!(lines.iter().any(|line| line == TOTALS), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("order.shipped v1")));
}

#[test]
fn an_e_mail_address_has_one_customer() {
    let folder = tiers::folder();
    let folder = folder.path();
    let import = shop(&["import", &IMPORTED.file, "--db", "shop.db"], folder);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));
    let email = |customer, address| shop(&["email", customer, address, "--db", "shop.db"], folder);
    let set = email("00004", "ann@example.com");
    assert_eq!(stdout(&set), "00004 has the address\n", "{}", stderr(&set));
    let taken = email("00018", "Ann@Example.com");
    assert_eq!(taken.status.code(), Some(3));
    let said = stderr(&taken);
    assert!(
        said.contains("customer 00004 has this address already"),
        "{said}"
    );
    assert!(email("00004", "ann@example.org").status.success());
    assert!(email("00018", "ann@example.com").status.success());
    let sql = "SELECT count(*) FROM events WHERE event = 'customer.email_set'";
    assert_eq!(count(folder, sql), 3);
}

/// A database as the first two releases of the shop wrote it, one hundred purchases each; the
/// examples `shop-release-1` and `shop-release-2` are those programs.
const OLD_RELEASES: &str = include_str!("../../data/shop-releases-1-and-2.sql");

#[test]
fn todays_shop_reads_what_its_earlier_releases_wrote() {
    let folder = tiers::folder();
    let folder = folder.path();
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    db.execute_batch(OLD_RELEASES).expect("is SQL");
    drop(db);
    for (version, purchases) in [(1, 100), (2, 100), (3, 0)] {
        let sql = format!(
            "SELECT count(*) FROM events WHERE event = 'order.placed' AND schema_version = {version}"
        );
        assert_eq!(count(folder, &sql), purchases, "version {version}");
    }
    // What the first two hundred lines of the sample add up to, counted by hand.
    let lines = fs::read_to_string(SAMPLE).expect("reads");
    let expected = counted(lines.lines().take(200));
    assert_eq!(totals(folder), expected);

    let show = |id| stdout(&shop(&["show", id, "--db", "shop.db"], folder));
    let first = show("00004-19970118-2-2973");
    assert!(first.contains("order.placed v1, read as v3"), "{first}");
    assert!(first.contains("for $29.73 USD on 1997-01-18"), "{first}");
    let sql = "SELECT aggregate_id FROM events WHERE schema_version = 2 LIMIT 1";
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    let id: String = db
        .query_row(sql, [], |row| row.get(0))
        .expect("there is one");
    drop(db);
    let second = show(&id);
    assert!(second.contains("order.placed v2, read as v3"), "{second}");

    // An import finds the old purchases and adds the others.
    let import = shop(&["import", &IMPORTED.file, "--db", "shop.db"], folder);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));
    assert_eq!(totals(folder), IMPORTED.totals);
}
