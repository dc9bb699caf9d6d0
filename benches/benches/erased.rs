//! What a repository without type parameters costs: the same commands and loads through `AnyStore` and
//! through the store's own type, in turn, in the same round.
//!
//! `cargo bench -p es-benches --bench erased [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop"
)]

use es_benches::{
    accounts::{Account, commands, loads, seed},
    table::Table,
};
use es_runtime::{AnyStore, EventStore, MemoryStore, Repository, SnapshotStore, WorkQueue};
use es_sqlite::SqliteStore;
use tokio::runtime::Runtime;

const LONG_STREAM: u64 = 1_000;

/// One round on one store: its own type is the baseline of `AnyStore`.
fn round<S: WorkQueue + SnapshotStore + EventStore>(
    table: &mut Table,
    runtime: &Runtime,
    store: &S,
    names: [&'static str; 3],
) {
    let any = AnyStore::new(store.clone());
    let baseline = "the store's own type";
    let [one, many, load] = names;
    let own = commands(runtime, store, 1).rate;
    table.add(one, "1/s", baseline, (commands(runtime, &any, 1).rate, own));
    let own = commands(runtime, store, 32).rate;
    table.add(
        many,
        "1/s",
        baseline,
        (commands(runtime, &any, 32).rate, own),
    );
    let typed = Repository::<Account, S, _>::without_snapshots(store.clone());
    let erased = Repository::<Account, AnyStore, _>::without_snapshots(any);
    let own = loads(runtime, &typed);
    table.add(load, "1/s", baseline, (loads(runtime, &erased), own));
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::default();
    let path = folder.path().join("accounts.db");
    let sqlite = runtime.block_on(SqliteStore::open(&path)).unwrap();
    runtime.block_on(seed(&sqlite, "long", LONG_STREAM));
    let memory = MemoryStore::new();
    runtime.block_on(seed(&memory, "long", LONG_STREAM));
    for _ in 0..rounds.unwrap_or(5_u32) {
        let names = [
            "SQLite: commands, 1 caller",
            "SQLite: commands, 32 callers",
            "SQLite: load of 1,000 events",
        ];
        round(&mut table, &runtime, &sqlite, names);
        let names = [
            "memory: commands, 1 caller",
            "memory: commands, 32 callers",
            "memory: load of 1,000 events",
        ];
        round(&mut table, &runtime, &memory, names);
    }
    table.print();
}
