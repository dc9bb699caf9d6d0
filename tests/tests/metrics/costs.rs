//! What a command costs with metrics. `tests/costs.rs` has what it costs without them.

use crate::{
    app::{Order, Place},
    recorder,
};
use es_runtime::{MemoryStore, Repository};
use futures_executor::block_on;

#[test]
fn a_command_makes_some_more_allocations() {
    recorder();
    let orders = Repository::<Order, _>::new(MemoryStore::new());
    let ids: Vec<String> = (0..20).map(|number| format!("cost-{number}")).collect();
    let mut runs = ids.iter().map(|id| {
        let command = || {
            block_on(orders.execute(&**id, Place(1)).into_future()).expect("placed");
        };
        allocation_counter::measure(command).count_total
    });
    // The first one makes the series.
    let first = runs.next().expect("a run");
    let fewest = runs.min().expect("runs");
    println!("allocations of a command with metrics: {fewest}, the first one: {first}");
    assert!(fewest <= 26, "{fewest}");
}
