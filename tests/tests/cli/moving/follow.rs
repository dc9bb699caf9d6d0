//! `copy --follow` goes on while the application writes, and ends when the application is gone.

use super::{done, empty, export, program};
use crate::{
    place::{Place, block_on, es},
    shop,
};
use es_runtime::EventStore;
use std::io::{BufRead, BufReader, Read};

/// Copies while an application has the store open, writes, and closes it.
fn follows(from: &Place, to: &str) {
    let mut child = block_on(async {
        let (store, _) = from.open().await;
        let mut child = program(&[
            "copy",
            &from.address(),
            to,
            "-y",
            "--follow",
            "--projections",
        ])
        .spawn()
        .expect("runs");
        let mut said = BufReader::new(child.stderr.take().expect("an output"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.contains("stop the application now"), "{line}");
        // It has caught up. What comes now is copied, too, and changes what was there.
        for number in 0..20 {
            shop::place(&store, &format!("late-{number}"), 5, "late").await;
        }
        shop::sagas(&store).run_until_idle().await.expect("idle");
        shop::register(&store, "zoe", "zoe@example.org", "signup-z").await;
        assert!(
            child.try_wait().expect("known").is_none(),
            "it goes on while the application is there"
        );
        store.close().await;
        child.stderr = Some(said.into_inner());
        child
    });
    let ended = child.wait().expect("ends");
    let mut err = String::new();
    child
        .stderr
        .take()
        .expect("an output")
        .read_to_string(&mut err)
        .expect("text");
    assert!(ended.success(), "{err}");
    assert!(export(to) == export(&from.address()), "the same");
    done(es(&["--store", to, "verify"]));
}

#[test]
fn a_copy_of_a_file_follows_its_application() {
    let (_folder, new) = empty();
    follows(&Place::copy(), &new);
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_copy_from_and_to_postgresql_follows_its_application() {
    let database = es_tests::server::database();
    follows(&Place::copy(), &database.url());
    let (_folder, new) = empty();
    follows(&Place::new_postgres(), &new);
}

/// Where others use the server, quiet is what there is to go by.
#[test]
fn a_quiet_store_is_enough_where_that_was_asked_for() {
    let place = Place::copy();
    let open = rusqlite::Connection::open(place.file()).expect("opens");
    let count = |sql: &str| -> i64 { open.query_row(sql, [], |row| row.get(0)).expect("counted") };
    assert!(count("SELECT count(*) FROM events") > 0);
    let (_folder, new) = empty();
    done(es(&[
        "copy",
        &place.address(),
        &new,
        "-y",
        "--follow",
        "--quiet",
        "0s",
    ]));
    assert!(export(&new).lines().count() > 10);
}
