//! A long history is loaded in the memory of a short one.

use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use std::{path::Path, process::Command};

/// Writes a stream of so many events of about 200 bytes.
async fn write(file: &Path, events: u64) {
    let store = SqliteStore::open(file).await.expect("opens");
    let stream = StreamId::new("notes", "n").expect("a good id");
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(190));
    let mut left = events;
    while left > 0 {
        let count = left.min(1_000);
        let batch = (0..count).map(|_| NewEvent::json("note.added", 1, payload.clone()));
        let append = Append::new(stream.clone(), ExpectedVersion::Any).with_events(batch);
        store.append(append).await.expect("appends");
        left -= count;
    }
    store.close().await;
}

/// The peak memory of a program that reads the file, in KiB.
fn peak(file: &Path, how: &str) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_replay"))
        .arg(file)
        .arg(how)
        .output()
        .expect("runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a number of KiB")
}

#[tokio::test]
async fn a_long_history_takes_no_more_memory_than_a_short_one() {
    if !Path::new("/proc/self/status").exists() {
        eprintln!(
            "SKIPPED: this test reads /proc; run `cargo test -p es-tests --test memory` on Linux"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (short, long) = (
        folder.path().join("short.db"),
        folder.path().join("long.db"),
    );
    write(&short, 1_000).await;
    write(&long, 200_000).await;
    let grown = |how| peak(&long, how).saturating_sub(peak(&short, how));
    let (fold, collect) = (grown("fold"), grown("collect"));
    println!("200 times the events: {fold} KiB more when folded, {collect} KiB more when kept");
    assert!(fold < 8 * 1024, "folding took {fold} KiB more");
    // The control: keeping the events does show in this measure.
    assert!(collect > 32 * 1024, "keeping took only {collect} KiB more");
}

#[tokio::test]
async fn a_read_model_of_a_long_history_is_built_in_the_memory_of_a_short_one() {
    if !Path::new("/proc/self/status").exists() {
        eprintln!(
            "SKIPPED: this test reads /proc; run `cargo test -p es-tests --test memory` on Linux"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (short, long) = (
        folder.path().join("short.db"),
        folder.path().join("long.db"),
    );
    // A page is at most a thousand events: both are longer than several pages.
    write(&short, 10_000).await;
    write(&long, 200_000).await;
    let grown = peak(&long, "project").saturating_sub(peak(&short, "project"));
    println!("20 times the events: {grown} KiB more when projected");
    assert!(grown < 8 * 1024, "projecting took {grown} KiB more");
}
