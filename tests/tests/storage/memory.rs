//! A long history is loaded in the memory of a short one.

use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use es_tests::tries;
use std::{path::Path, process::Command};

/// Writes a stream of so many events of about so many bytes.
async fn write(file: &Path, events: u64, bytes: usize) {
    let store = SqliteStore::open(file).await.expect("opens");
    let stream = StreamId::new("notes", "n").expect("a good id");
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
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
    let output = Command::new(env!("CARGO_BIN_EXE_programs"))
        .arg("replay")
        .arg(file)
        .arg(how)
        // What the allocator holds back for each thread would differ from run to run.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a number of KiB")
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc: run it on Linux")]
async fn a_long_history_takes_no_more_memory_than_a_short_one() {
    let folder = es_tests::tiers::folder();
    let (short, long) = (
        folder.path().join("short.db"),
        folder.path().join("long.db"),
    );
    write(&short, 1_000, 190).await;
    let events = tries(200_000, 60_000);
    write(&long, events, 190).await;
    let grown = |how| peak(&long, how).saturating_sub(peak(&short, how));
    let (fold, collect) = (grown("fold"), grown("collect"));
    println!(
        "{events} events, not 1000: {fold} KiB more when folded, {collect} KiB more when kept"
    );
    assert!(fold < 8 * 1024, "folding took {fold} KiB more");
    // The control: keeping the events does show in this measure.
    assert!(
        collect > events * 32 * 1024 / 200_000,
        "keeping took only {collect} KiB more"
    );
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc: run it on Linux")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_read_model_of_a_long_history_is_built_in_the_memory_of_a_short_one() {
    let folder = es_tests::tiers::folder();
    let (short, long) = (
        folder.path().join("short.db"),
        folder.path().join("long.db"),
    );
    // Both are longer than several pages of the feed and than the caches of SQLite's connections.
    write(&short, 20_000, 1_000).await;
    let events = tries(120_000, 60_000);
    write(&long, events, 1_000).await;
    let grown = |how| peak(&long, how).saturating_sub(peak(&short, how));
    let (project, hoard) = (grown("project"), grown("hoard"));
    println!(
        "{events} events, not 20000: {project} KiB more when projected, {hoard} KiB more when kept"
    );
    // The control: a handler that keeps the events does show in this measure.
    let kept = (events - 20_000) * 64 * 1024 / 100_000;
    assert!(hoard > kept, "keeping took only {hoard} KiB more");
    assert!(project < hoard / 5, "projecting took {project} KiB more");
}
