//! The commands of the pages on operations and production do what they say.

use crate::{
    place::{Place, block_on, es},
    shop,
};
use es_runtime::EventStore;
use rusqlite::Connection;
#[cfg(unix)]
use std::process::Command;
use std::{fs, path::Path};

/// What looks into a store, repairs it and moves it.
const OPERATIONS: [&str; 5] = [
    include_str!("../../../docs/operations.md"),
    include_str!("../../../docs/verify.md"),
    include_str!("../../../docs/repair.md"),
    include_str!("../../../docs/moving-a-store.md"),
    include_str!("../../../docs/from-cqrs-es.md"),
];
const BACKUPS: &str = include_str!("../../../docs/backups.md");
/// What an operator does after a deploy and at an alert.
const PRODUCTION: [&str; 3] = [
    include_str!("../../../docs/production.md"),
    include_str!("../../../docs/alerts.md"),
    BACKUPS,
];

/// The lines of the blocks of these pages in this language.
fn lines_of(pages: &[&'static str], language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let mut lines = vec![];
    for page in pages {
        let blocks = page.split(fence.as_str()).skip(1);
        let code = blocks.filter_map(|block| block.split("```").next());
        lines.extend(code.flat_map(str::lines));
    }
    lines
}

/// The words of a line, as a shell finds them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("one").push(c),
        }
    }
    words
}

/// Files that a command names are in the folder of the shop, whose file is `shop.db`.
fn moved(word: &str, folder: &Path, postgres: &str) -> String {
    if word.starts_with("postgres://") {
        return postgres.to_owned();
    }
    let (kind, file) = match word.strip_prefix("sqlite:") {
        Some(file) => ("sqlite:", file),
        None => ("", word),
    };
    let is_file = [".db", ".ndjson", ".map", ".lock"]
        .iter()
        .any(|end| file.ends_with(end));
    if is_file {
        return format!("{kind}{}", folder.join(file).display());
    }
    word.to_owned()
}

/// Runs a command as it stands on the page, with what a shell makes of `<` and `>`.
fn runs(command: &str, folder: &Path, postgres: &str) -> Result<String, String> {
    let mut args = vec![];
    let mut output = None;
    let mut given = words(command)
        .into_iter()
        .skip(1)
        .map(|word| moved(&word, folder, postgres));
    while let Some(word) = given.next() {
        match word.as_str() {
            // `es import` reads a file as it reads its input.
            "<" => args.extend(given.next()),
            ">" => output = given.next(),
            _ => args.push(word),
        }
    }
    if !command.contains("--store") {
        let store = moved("sqlite:shop.db", folder, postgres);
        args.splice(0..0, ["--store".to_owned(), store]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = es(&args);
    if let Some(output) = output {
        fs::write(output, &ran.out).expect("written");
    }
    match (ran.code, ran.out.is_empty()) {
        (0, false) => Ok(ran.out),
        (code, _) => Err(format!("`{command}`: {code}, {}", ran.err)),
    }
}

/// The locks of the page are those of the shop of these tests.
const LOCKS: [(&str, &str); 3] = [
    (
        "customer.lock",
        "customer.registered v1 sealed {email:str}\n",
    ),
    (
        "order.lock",
        "note.taken v1 sealed {}\norder.placed v1 sealed {cents:i64,customer:str}\n",
    ),
    (
        "order-next.lock",
        "note.taken v1 sealed {}\norder.placed v1 sealed {cents:i64,customer:str}\n\
             order.placed v2 open {cents:i64}\n",
    ),
];

/// The shop, and what else the page names.
fn folder() -> Place {
    let place = Place::copy();
    let file = |name: &str| place.file().with_file_name(name);
    let bank = Connection::open(file("bank.db")).expect("opens");
    bank.execute_batch(include_str!("moving/data/cqrs-es-sqlite.sql"))
        .expect("made");
    let [.., from_cqrs_es] = OPERATIONS;
    let map = from_cqrs_es
        .split("```text\n# Keys of its metadata")
        .nth(1)
        .and_then(|map| map.split("```").next());
    let map = format!(
        "# Keys of its metadata{}",
        map.expect("the mapping of the page")
    );
    fs::write(file("names.map"), map).expect("written");
    fs::write(file("bank.lock"), include_str!("moving/data/bank.lock")).expect("written");
    let schema = file("schema");
    fs::create_dir(&schema).expect("a folder");
    for (name, text) in LOCKS {
        fs::write(schema.join(name), text).expect("written");
    }
    place
}

/// Where sagas and readers stand. A lag in seconds grows by itself.
fn stands(place: &Place) -> Vec<String> {
    let mut all = place.rows(&["sagas", "list"], &["id", "status", "epoch", "updated_at"]);
    let columns = ["reader", "build", "position", "parked"];
    all.extend(place.rows(&["readers"], &columns));
    all
}

/// Those that repair, each on a store of its own.
#[test]
fn every_command_that_writes_runs() {
    let typed = lines_of(&OPERATIONS, "sh").into_iter();
    let typed: Vec<_> = typed.filter(|line| line.starts_with("shop-es ")).collect();
    let untyped = lines_of(&OPERATIONS, "sh repair");
    assert!(
        typed.len() > 5 && untyped.len() == 3,
        "{typed:?} {untyped:?}"
    );
    for command in untyped.into_iter().chain(typed) {
        let place = Place::copy();
        let before = stands(&place);
        let words = words(command);
        let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let ran = if command.starts_with("shop-es ") {
            place.app(&shop::app(true), &args)
        } else {
            place.es(&args)
        };
        assert_eq!(ran.code, 0, "`{command}`: {}", ran.err);
        let after = stands(&place);
        // Where nothing is wrong, there is nothing to make anew, and nobody has a lease to end.
        let is_idle = command.contains("rebuild-rows");
        assert_eq!(before == after, is_idle, "`{command}`: {after:?}");
    }
}

#[test]
fn every_command_of_the_pages_runs() {
    let place = folder();
    let folder = place.file().parent().expect("a folder").to_owned();
    let before = fs::read(place.file()).expect("the file");
    let commands = [lines_of(&OPERATIONS, "sh"), lines_of(&PRODUCTION, "sh")];
    assert!(
        commands[0].len() > 20 && commands[1].len() > 10,
        "{commands:?}"
    );
    let is_typed = |command: &&str| command.starts_with("shop-es ");
    for command in commands
        .concat()
        .into_iter()
        .filter(|command| !is_typed(command))
    {
        assert!(command.starts_with("es "), "{command}");
        // A store that is whole has no lines of damage, and this one is new.
        let is_quiet = [
            "verify",
            "--overdue",
            "--at 2h",
            "lock check",
            "export >",
            "backup",
            "restore",
        ]
        .iter()
        .any(|word| command.contains(word));
        match runs(command, &folder, "") {
            Ok(_) => {}
            Err(said) if is_quiet && said.contains(": 0, ") => {}
            Err(said) => panic!("{said}"),
        }
    }
    assert!(
        before == fs::read(place.file()).expect("the file"),
        "nothing was written"
    );
    // The control: a command that is none.
    assert!(runs("es nothing", &folder, "").is_err());
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn every_command_with_postgresql_runs() {
    let place = folder();
    let folder = place.file().parent().expect("a folder").to_owned();
    let database = es_tests::server::database();
    let commands = lines_of(&OPERATIONS, "sh postgres");
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        runs(command, &folder, &database.url()).expect(command);
    }
}

/// The statement of the page copies a file while the application has it open, with what is in the log only.
#[test]
fn a_backup_of_a_file_is_whole() {
    let place = Place::copy();
    let [statement] = lines_of(&[BACKUPS], "sql").try_into().expect("one");
    let folder = es_tests::tiers::folder();
    let backup = folder.path().join("backup.db");
    let statement = statement.replace("backup.db", &backup.display().to_string());
    block_on(async {
        let (store, _) = place.open().await;
        shop::place(&store, "4714", 1, "web-4").await;
        place.sql(&statement);
        store.close().await;
    });
    let address = format!("sqlite:{}", backup.display());
    let ran = es(&["--store", &address, "verify"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = es(&["--store", &address, "show", "order/4714"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// So do the commands for PostgreSQL, into a database that had something else.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_dump_of_a_database_is_whole() {
    let place = Place::postgres();
    let restored = Place::Postgres(es_tests::server::database());
    block_on(async {
        let (store, _) = restored.open().await;
        shop::place(&store, "1", 1, "web-1").await;
        store.close().await;
    });
    let folder = es_tests::tiers::folder();
    let program = es_tests::server::shared().program("pg_dump");
    let bin = program.parent().expect("a folder");
    for command in lines_of(&[BACKUPS], "bash") {
        let ran = Command::new("bash")
            .args(["-euc", command])
            .current_dir(folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("STORE", place.address())
            .env("RESTORED", restored.address())
            .output()
            .expect("bash");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{command}: {said}");
    }
    for args in [&["verify"][..], &["streams"], &["readers"]] {
        let (before, after) = (place.es(args), restored.es(args));
        assert_eq!(after.code, 0, "{args:?}: {}{}", after.out, after.err);
        // The seconds of a lag may differ.
        if args[0] != "readers" {
            assert_eq!(before.out, after.out, "{args:?}");
        }
    }
}
