//! Backups of a file while it is used, and what they are put in the place of.

use super::{done, empty, export, file_of};
use crate::{
    place::{Place, block_on, es},
    shop,
};
use es_runtime::EventStore;
use std::fs;

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn a_backup_of_a_store_in_use_is_whole() {
    let place = Place::copy();
    let folder = es_tests::tiers::folder();
    let backup = path(&folder, "backup.db");
    block_on(async {
        let (store, _) = place.open().await;
        shop::place(&store, "now", 7, "now").await;
        // The event is in the log, which a plain copy of the file has not.
        let made = done(place.es(&["backup", &backup]));
        assert!(
            made.err
                .contains(&format!("the backup {backup} is written")),
            "{}",
            made.err
        );
        let taken = export(&format!("sqlite:{backup}"));
        assert!(taken == export(&place.address()), "the same");
        shop::place(&store, "later", 7, "later").await;
        let again = place.es(&["backup", &backup]);
        assert_eq!(again.code, 2, "{}", again.err);
        done(place.es(&["backup", "--replace", &backup]));
        assert!(taken != export(&format!("sqlite:{backup}")));
        store.close().await;
    });
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|file| file.file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().contains(".part")),
        "{left:?}"
    );
}

#[test]
fn a_damaged_store_gives_no_backup() {
    let place = Place::copy();
    place.sql("DROP TRIGGER events_are_not_deleted; DELETE FROM events WHERE position = 2");
    let folder = es_tests::tiers::folder();
    let backup = path(&folder, "backup.db");
    let ran = place.es(&["backup", &backup]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("position 2") && ran.err.contains(".part"),
        "{} {}",
        ran.out,
        ran.err
    );
    assert!(!fs::exists(&backup).expect("known"));
}

#[test]
fn a_backup_is_restored_where_nothing_is_lost() {
    let place = Place::copy();
    let folder = es_tests::tiers::folder();
    let backup = path(&folder, "backup.db");
    done(place.es(&["backup", &backup]));
    let taken = export(&place.address());
    // Into a new file.
    let (_folder, new) = empty();
    done(es(&["--store", &new, "restore", "-y", &backup]));
    assert!(export(&new) == taken);
    // A store that has gone on, one in use, and another one.
    block_on(async {
        let (store, _) = place.open().await;
        shop::place(&store, "later", 7, "later").await;
        let ran = place.es(&["restore", "-y", "--overwrite", &backup]);
        assert!(
            ran.code == 4 && ran.err.contains("another program has it open"),
            "{}",
            ran.err
        );
        store.close().await;
    });
    let newer = export(&place.address());
    let ran = place.es(&["restore", "-y", &backup]);
    assert!(
        ran.code == 4 && ran.err.contains("has 1 events that the backup has not"),
        "{}",
        ran.err
    );
    assert!(export(&place.address()) == newer, "it is as it was");
    done(place.es(&["restore", "-y", "--overwrite", &backup]));
    assert!(export(&place.address()) == taken);
    let other = Place::copy();
    other.sql("UPDATE es_meta SET value = 'x' WHERE name = 'store_id'");
    let ran = other.es(&["restore", "-y", &backup]);
    assert!(
        ran.code == 4 && ran.err.contains("another store"),
        "{}",
        ran.err
    );
    // One that cannot be read any more, with a log that belongs to nothing.
    fs::write(file_of(&new), vec![7; 8192]).expect("damaged");
    fs::write(format!("{}-wal", file_of(&new)), vec![7; 8192]).expect("damaged");
    assert_eq!(es(&["--store", &new, "restore", "-y", &backup]).code, 4);
    done(es(&[
        "--store",
        &new,
        "restore",
        "-y",
        "--overwrite",
        &backup,
    ]));
    assert!(export(&new) == taken);
}

#[test]
fn a_backup_that_is_none_is_not_restored() {
    let place = Place::copy();
    let folder = es_tests::tiers::folder();
    let before = export(&place.address());
    let none = path(&folder, "none.db");
    assert_eq!(place.es(&["restore", "-y", &none]).code, 4);
    let damaged = Place::copy();
    damaged.sql("DROP TRIGGER events_are_not_deleted; DELETE FROM events WHERE position = 2");
    let ran = place.es(&[
        "restore",
        "-y",
        "--overwrite",
        &damaged.file().display().to_string(),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("shop.db.part") && ran.err.contains("as it was"),
        "{}",
        ran.err
    );
    assert!(export(&place.address()) == before, "it is as it was");
}

/// A disk that is full: what was begun is not left, and the message names the file.
#[cfg(unix)]
#[test]
fn a_copy_that_cannot_be_written_is_not_left() {
    let place = Place::copy();
    let folder = es_tests::tiers::folder();
    let new = path(&folder, "new.db");
    let es = env!("CARGO_BIN_EXE_programs");
    let from = place.file().display().to_string();
    // No file may have more than some blocks.
    let script = "trap '' XFSZ; ulimit -f 80; exec \"$@\"";
    let store = format!("sqlite:{new}");
    let ran = std::process::Command::new("sh")
        .args([
            "-c", script, "sh", es, "es", "--store", &store, "restore", "-y", &from,
        ])
        .output()
        .expect("ran");
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(5), "{err}");
    assert!(err.contains(&format!("{new}.part")), "{err}");
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "{err}");
}
