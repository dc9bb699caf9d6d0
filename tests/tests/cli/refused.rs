//! What is no store, and what is no command.

use crate::{
    place::{Place, block_on, es},
    shop,
};
use es_postgres::PostgresStore;
use es_projections::AnyReadDatabase;
use es_runtime::AnyStore;
use es_sqlite::SqliteStore;
use rusqlite::Connection;
use std::fs;

/// What `es` says about a file, with its exit code.
fn said(path: &std::path::Path) -> (u8, String) {
    let store = format!("sqlite:{}", path.display());
    let ran = es(&["--store", &store, "stats"]);
    assert_eq!(ran.out, "");
    (ran.code, ran.err)
}

#[test]
fn files_that_are_no_stores_of_this_release() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("none.db");
    let (code, err) = said(&path);
    assert!(code == 4 && err.contains("there is no such file"), "{err}");
    assert!(!path.exists(), "and none was made");

    let (code, err) = said(folder.path());
    assert!(code == 4 && err.contains("it is a folder"), "{err}");

    fs::write(
        &path,
        "some text that is longer than the header of a database".repeat(9),
    )
    .expect("written");
    let (code, err) = said(&path);
    assert!(
        code == 4 && err.contains("it is not an SQLite database"),
        "{err}"
    );

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).expect("opens");
    connection
        .execute_batch("CREATE TABLE events (id TEXT)")
        .expect("made");
    let (code, err) = said(&other);
    assert!(
        code == 4 && err.contains("this file has no tables of a store"),
        "{err}"
    );
    connection
        .execute_batch("CREATE TABLE es_meta (x TEXT)")
        .expect("made");
    let (code, err) = said(&other);
    assert!(
        code == 4 && err.contains("this file has no tables of a store"),
        "{err}"
    );

    let shop = Place::copy();
    for (version, remedy) in [
        (1, "open the store with the application once"),
        (9, "use a newer `es`"),
    ] {
        shop.sql(&format!(
            "UPDATE es_meta SET value = {version} WHERE name = 'tables_version'"
        ));
        let (code, err) = said(&shop.file());
        assert!(code == 4 && err.contains(remedy), "{err}");
    }
    let shop = Place::copy();
    shop.sql("UPDATE es_projection_schema SET version = 2");
    let (code, err) = said(&shop.file());
    assert!(
        code == 4 && err.contains("the state of its projections has version 2"),
        "{err}"
    );
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn databases_that_are_no_stores() {
    let database = es_tests::server::database();
    let ran = es(&["--store", &database.url(), "stats"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.err
            .contains("this database has no tables of a store in schema `es`"),
        "{}",
        ran.err
    );
    let shop = Place::postgres();
    let ran = shop.es(&["--schema", "another", "stats"]);
    assert!(
        ran.code == 4 && ran.err.contains("schema `another`"),
        "{}",
        ran.err
    );
    let ran = shop.es(&["--schema", "a\"b", "stats"]);
    assert!(
        ran.code == 2 && ran.err.contains("is no name of a schema"),
        "{}",
        ran.err
    );

    let ran = es(&["--store", "postgres://es:secret@127.0.0.1:1/shop", "stats"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(
        ran.err.contains("postgres://127.0.0.1:1/shop: "),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("secret"), "{}", ran.err);
    let ran = es(&["--store", "postgres://es:sec:ret@[/shop", "stats"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        !ran.err.contains("ret"),
        "a password may be a part of it: {}",
        ran.err
    );
}

/// The session of a damaged program could not write either.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_role_that_may_only_read_is_enough() {
    let Place::Postgres(database) = Place::postgres() else {
        return;
    };
    let grant = "CREATE ROLE looker LOGIN; GRANT USAGE ON SCHEMA es TO looker; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA es, public TO looker";
    database.query(grant).expect("granted");
    let store = database.url().replace("user=es", "user=looker");
    for verb in ["stats", "readers", "verify"] {
        let ran = es(&["--store", &store, verb]);
        assert_eq!(ran.code, 0, "{verb}: {}", ran.err);
    }
}

/// An application says of it what `es` says.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_database_that_is_being_filled_is_not_called_damaged() {
    let place = Place::new_postgres();
    place.sql("UPDATE es.es_meta SET value = -value WHERE name = 'tables_version'");
    let opened = block_on(PostgresStore::open(&place.address()));
    let error = opened.expect_err("it is being filled").to_string();
    let ran = place.es(&["stats"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    for said in [error, ran.err] {
        assert!(
            said.contains("it is being filled by `es copy`") && !said.contains("damaged"),
            "{said}"
        );
    }
}

/// What is not readable is not said to be missing, and the statements that mend it are there to be copied.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_role_that_may_not_read_learns_what_it_lacks() {
    let place = Place::new_postgres();
    let Place::Postgres(database) = &place else {
        return;
    };
    database.query("CREATE ROLE stranger LOGIN").expect("made");
    let store = database.url().replace("user=es", "user=stranger");
    // The read models are where the search path of the role `es` says.
    let named = ["--store", &store, "--read-schema", "es"];
    let stranger = |args: &[&str]| es(&[&named[..], args].concat());
    let usage = "GRANT USAGE ON SCHEMA es TO stranger";
    let select = "GRANT SELECT ON ALL TABLES IN SCHEMA es TO stranger";
    let ran = stranger(&["stats"]);
    assert!(
        ran.code == 4 && ran.err.contains(usage) && ran.err.contains(select),
        "{}",
        ran.err
    );
    database.query(usage).expect("granted");
    let ran = stranger(&["stats"]);
    assert!(
        ran.code == 4 && ran.err.contains("permission denied") && ran.err.contains(select),
        "{}",
        ran.err
    );
    database.query(select).expect("granted");
    let revoke = "REVOKE SELECT ON es.es_projection_schema, es.es_checkpoints, es.es_builds, es.es_parked FROM stranger";
    database.query(revoke).expect("revoked");
    for args in [
        &["stats"][..],
        &["streams"],
        &["events"],
        &["show", "order/4711"],
        &["sagas", "list"],
    ] {
        let ran = stranger(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    }
    for args in [&["readers"][..], &["parked", "list"], &["verify"]] {
        let ran = stranger(args);
        assert!(
            ran.code == 4 && ran.err.contains(select),
            "{args:?}: {} {}",
            ran.code,
            ran.err
        );
    }
    database.query(select).expect("granted");
    for args in [&["readers"][..], &["parked", "list"], &["verify"]] {
        let ran = stranger(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    }
    let ran = stranger(&["verify", "file"]);
    assert!(
        ran.code == 2 && ran.err.contains("pg_amcheck"),
        "{}",
        ran.err
    );
}

/// An error names the parameter, and what is said here instead.
#[test]
fn parameters_that_other_drivers_know() {
    for (rest, said) in [
        ("db/shop?schema=shop", "`schema`"),
        ("db/shop?schema=shop", "--schema"),
        ("db/shop?currentSchema=shop", "--schema"),
        ("db/shop?pgbouncer=true", "`pgbouncer`"),
        ("db/shop?statement_timeout=5", "`statement_timeout`"),
        ("db/shop?connect_timeout=abc", "a number of seconds"),
        ("db:5433x/shop", "`port` can be a number"),
        (
            "db/shop?sslmode=require&foo=1",
            "a parameter that is not known",
        ),
    ] {
        let store = format!("postgres://u:secret@{rest}");
        let ran = es(&["--store", &store, "stats"]);
        assert_eq!(ran.code, 2, "{rest}: {}", ran.err);
        assert!(ran.err.contains(said), "{rest}: {}", ran.err);
        for never in ["secret", "neither", "PostgresOptions"] {
            assert!(!ran.err.contains(never), "{rest}: {}", ran.err);
        }
    }
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_store_in_a_schema_of_its_own() {
    let database = es_tests::server::database();
    block_on(async {
        let options = PostgresStore::options(&database.url()).expect("a url");
        let store = options
            .schema("tenant")
            .expect("a name")
            .open()
            .await
            .expect("opens");
        let read = AnyReadDatabase::new(store.read_database());
        shop::fill(&AnyStore::new(store), read).await;
    });
    let store = database.url();
    let tenant = |args: &[&str]| {
        let mut all = vec!["--store", &store, "--schema", "tenant"];
        all.extend(args);
        es(&all)
    };
    for (args, out) in [
        (vec!["readers"], "order_totals"),
        (vec!["parked", "list"], "13 cents are no price"),
        (vec!["streams"], "order/4711"),
    ] {
        let ran = tenant(&args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert!(ran.out.contains(out), "{args:?}: {}", ran.out);
    }
    let ran = tenant(&["verify"]);
    assert!(
        ran.code == 0 && ran.err.contains("readers: 4 looked at"),
        "{}",
        ran.err
    );
    let ran = tenant(&["--read-schema", "public", "verify"]);
    assert!(
        ran.code == 0 && ran.err.contains("readers: 2 looked at"),
        "{}",
        ran.err
    );
}

/// Read models that are not in the file of the store.
fn elsewhere(models: &Place) {
    let folder = es_tests::tiers::folder();
    let store = folder.path().join("shop.db");
    block_on(async {
        let opened = SqliteStore::open(&store).await.expect("opens");
        shop::fill(&AnyStore::new(opened), models.read_models().await).await;
    });
    let store = format!("sqlite:{}", store.display());
    let read = models.address();
    let alone = es(&["--store", &store, "readers"]);
    assert!(
        alone.code == 0 && !alone.out.contains("order_totals"),
        "{}",
        alone.out
    );
    let both = es(&["--store", &store, "--read-store", &read, "readers"]);
    assert!(
        both.code == 0 && both.out.contains("order_totals"),
        "{}",
        both.err
    );
    let ran = es(&["--store", &store, "--read-store", &read, "verify"]);
    assert!(
        ran.code == 0 && ran.err.contains("readers: 4 looked at"),
        "{}",
        ran.err
    );
}

#[test]
fn read_models_in_a_file_of_their_own() {
    elsewhere(&Place::Sqlite(es_tests::tiers::folder()));
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn read_models_in_a_database_of_another_kind() {
    elsewhere(&Place::Postgres(es_tests::server::database()));
}

#[test]
fn stores_have_names_in_a_file() {
    let folder = es_tests::tiers::folder();
    let config = folder.path().join("stores.conf");
    let shop = Place::sqlite().address();
    fs::write(
        &config,
        format!("# ours\n[other]\nstore = sqlite:x.db\n\n[shop]\nstore = \"{shop}\"\n"),
    )
    .expect("written");
    let config = config.display().to_string();
    let named = |name: &str| es(&["--config", &config, "--store", name, "stats"]);
    assert_eq!(named("shop").code, 0, "{}", named("shop").err);
    let ran = named("shp");
    assert!(
        ran.code == 2 && ran.err.contains("has no [shp], but: other, shop"),
        "{}",
        ran.err
    );
    let file = Place::sqlite().file().display().to_string();
    let ran = named(&file);
    assert!(
        ran.code == 2 && ran.err.contains(&format!("--store sqlite:{file}")),
        "{}",
        ran.err
    );
    fs::write(&config, "[shop]\nstor = x\n").expect("written");
    let ran = named("shop");
    assert!(
        ran.code == 2 && ran.err.contains("line 2: the keys are"),
        "{}",
        ran.err
    );
}

/// A program that may write moves what is in the log into the file when it is the last one to close it.
#[test]
fn a_file_and_its_log_stay_as_they_are() {
    let shop = Place::copy();
    let writer = Connection::open(shop.file()).expect("opens");
    let append = "INSERT INTO events SELECT 19, aggregate, 'new', 1, event, 1, recorded_at, 'x', metadata, content_type, \
                  payload FROM events WHERE position = 2";
    writer.execute_batch(append).expect("appended");
    let folder = es_tests::tiers::folder();
    let log = |path: &std::path::Path| path.with_extension("db-wal");
    let path = folder.path().join("shop.db");
    fs::copy(shop.file(), &path).expect("copied");
    fs::copy(log(&shop.file()), log(&path)).expect("copied");
    let before = [fs::read(&path), fs::read(log(&path))].map(|read| read.expect("the file"));
    let store = format!("sqlite:{}", path.display());
    let ran = es(&["--store", &store, "tail", "-n", "1"]);
    assert!(ran.out.contains("order/new"), "{}{}", ran.out, ran.err);
    let after = [fs::read(&path), fs::read(log(&path))].map(|read| read.expect("the file"));
    assert!(before == after && !after[1].is_empty());
}

#[test]
fn commands_that_mean_nothing() {
    let shop = Place::sqlite();
    for (args, said) in [
        (
            vec!["events", "--where", "cents"],
            "a condition is a path and a comparison",
        ),
        (
            vec!["events", "--where", "$"],
            "a condition is a path and a comparison",
        ),
        (vec!["events", "--since", "yesterday"], "a time is a day"),
        (vec!["show", "order"], "a stream is an aggregate and an id"),
        (
            vec!["verify", "nothing"],
            "possible values: file, events, streams",
        ),
        (vec!["strems"], "'streams'"),
        (vec!["stats", "--json"], "-o json"),
    ] {
        let ran = shop.es(&args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

#[test]
fn help_and_completions() {
    let help = es(&["help"]);
    assert_eq!(help.code, 0);
    for word in ["First steps:", "Exit codes:", "verify", "stores.conf"] {
        assert!(help.out.contains(word), "{word}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = es(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.out.contains("readers"), "{shell}");
    }
}

/// Nobody has such a file unless they made one.
#[test]
fn a_file_of_names_that_is_not_there_is_not_spoken_of() {
    let ran = program(&["--store", "shop", "stats"], |es| {
        es.env("XDG_CONFIG_HOME", es_tests::tiers::folder().path());
    });
    assert!(
        ran.code == 2 && ran.err.contains("`shop` is no store") && !ran.err.contains("stores.conf"),
        "{}",
        ran.err
    );
    // One that was named has to be there.
    let ran = es(&["--config", "none.conf", "--store", "shop", "stats"]);
    assert!(
        ran.code == 2 && ran.err.contains("none.conf, which cannot be read"),
        "{}",
        ran.err
    );
}

/// Runs `es` in a process of its own.
fn program(args: &[&str], set: impl FnOnce(&mut std::process::Command)) -> crate::place::Ran {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_programs"));
    command.arg("es").args(args);
    set(&mut command);
    let output = command.output().expect("ran");
    crate::place::Ran {
        code: u8::try_from(output.status.code().expect("a code")).expect("small"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// In a container and under cron there is no variable with the name of the user.
#[cfg(target_os = "linux")]
#[test]
fn the_name_that_is_stored_is_that_of_the_user() {
    let id = std::process::Command::new("id").arg("-un").output();
    let user = String::from_utf8(id.expect("ran").stdout).expect("text");
    let by = |set: &dyn Fn(&mut std::process::Command)| {
        let place = Place::copy();
        let store = place.address();
        let skip = [
            "--store",
            &store,
            "sagas",
            "abandon",
            "fulfil-order",
            "4712",
        ];
        let args = [&skip[..], &["--why", "x", "-y"]].concat();
        let ran = program(&args, |es| {
            es.env_remove("USER")
                .env_remove("LOGNAME")
                .env_remove("USERNAME");
            set(es);
        });
        assert_eq!(ran.code, 0, "{}", ran.err);
        let shown = place.es(&["show", "saga:fulfil-order/4712", "-o", "ndjson"]);
        shown.out.lines().last().expect("an event").to_owned()
    };
    let event = by(&|_| ());
    assert!(event.contains(&format!("\"{}\"", user.trim())), "{event}");
    let event = by(&|es| {
        es.env("USER", "").env("LOGNAME", "grace");
    });
    assert!(event.contains("\"grace\""), "{event}");
}

/// Whoever mistypes a name must not read that all is well.
#[test]
fn names_of_no_reader_and_no_saga() {
    let shop = Place::sqlite();
    for (args, known) in [
        (&["readers", "nope"][..], "order_totals"),
        (&["parked", "list", "nope"], "order_totals"),
        (&["parked", "show", "nope", "3"], "order_totals"),
        (
            &["parked", "discard", "nope", "x", "--why", "x", "-y"],
            "order_totals",
        ),
        (&["sagas", "list", "nope"], "fulfil-order, welcome"),
        (&["sagas", "counts", "nope"], "fulfil-order, welcome"),
        (&["sagas", "show", "nope", "1"], "fulfil-order, welcome"),
        (
            &["sagas", "abandon", "nope", "1", "--why", "x", "-y"],
            "fulfil-order, welcome",
        ),
    ] {
        let ran = shop.es(args);
        assert!(
            ran.code == 3 && ran.err.contains(known),
            "{args:?}: {} {}{}",
            ran.code,
            ran.out,
            ran.err
        );
    }
    let app = shop::app(false);
    let retry = ["sagas", "retry", "nope", "--all", "--why", "x", "-y"];
    let ran = shop.app(&app, &retry);
    assert!(
        ran.code == 3 && ran.err.contains("fulfil-order, welcome"),
        "{} {}{}",
        ran.code,
        ran.out,
        ran.err
    );
    // One that is known and has nothing is no mistake.
    for args in [
        &["sagas", "list", "welcome", "--status", "parked"][..],
        &["parked", "list", "order_totals", "--discarded"],
    ] {
        assert_eq!(shop.es(args).code, 0, "{args:?}");
    }
}

/// Somebody waits for an answer.
#[test]
fn a_file_that_is_locked_is_waited_for_as_long_as_documented() {
    let place = Place::copy();
    let other = Connection::open(place.file()).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let skip = ["sagas", "abandon", "fulfil-order", "4712"];
    let ran = place.es(&[&skip[..], &["--why", "x", "-y"]].concat());
    assert_eq!(ran.code, 6, "{}", ran.err);
    for part in ["another program writes", "for 5 s", "nothing was done"] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    other.execute_batch("ROLLBACK").expect("free");
    let ran = place.es(&[&skip[..], &["--why", "x", "-y"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// A program that reads a table gets all of it.
#[test]
fn tables_are_whole_where_nobody_looks() {
    let shop = Place::copy();
    let id = "a".repeat(200);
    shop.sql(&format!(
        "INSERT INTO events SELECT 1000, aggregate, '{id}', 2, event, 1, recorded_at, 'x', metadata, content_type, \
         payload FROM events WHERE position = 1"
    ));
    let ran = shop.es(&["verify", "streams"]);
    assert!(ran.out.contains(&id), "{}", ran.out);
}

/// A stored text cannot change what a terminal shows.
#[test]
fn control_characters_are_escaped_in_tables() {
    let shop = Place::copy();
    shop.sql(
        "INSERT INTO events SELECT 1000, aggregate, 'evil', 1, 'bad' || char(27) || '[2J', 1, recorded_at, 'x', \
         metadata, content_type, payload FROM events WHERE position = 1",
    );
    let ran = shop.es(&["show", "customer/evil"]);
    assert!(ran.out.contains(r"bad\u{1b}[2J"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'));
    shop.sql(
        "INSERT INTO events SELECT 1001, aggregate, 'evil', 2, 'good' || char(0x202e) || 'dab', 1, recorded_at, 'y', \
         metadata, content_type, payload FROM events WHERE position = 1",
    );
    let ran = shop.es(&["show", "customer/evil"]);
    assert!(ran.out.contains(r"good\u{202e}dab"), "{}", ran.out);
}
