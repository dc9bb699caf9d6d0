//! `shop saga ..` as a person meets it: services that fail, workers that are killed, ledgers that
//! balance, on a file, on a server and on JetStream.

use super::{Place, server, shop, tiers};
use es_testkit::nats::Cluster;
use std::path::Path;

fn balances(db: &str, folder: &Path) {
    let run = [
        "saga", "run", "--db", db, "--orders", "40", "--fail", "0.3", "--kill",
    ];
    let ran = shop(&run, folder);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}{wrong}");
    assert!(said.trim_end().ends_with("the ledgers balance"), "{said}");
    assert!(!said.contains(" 0 workers killed"), "{said}");
    let listed = shop(&["saga", "list", "--db", db], folder);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.matches("web-").count(), 40, "{listed}");
    let id = listed
        .split_whitespace()
        .find(|word| word.starts_with("web-"))
        .expect("an order");
    let shown = shop(&["saga", "show", id, "--db", db], folder);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("flowchart LR"), "{shown}");
    // The other one that follows each order.
    let other = ["saga", "list", "--saga", "settlement", "--db", db];
    let settled = shop(&other, folder);
    let settled = String::from_utf8_lossy(&settled.stdout).into_owned();
    assert_eq!(settled.matches("ended").count(), 40, "{settled}");
    let other = ["saga", "show", id, "--saga", "settlement", "--db", db];
    let shown = shop(&other, folder);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("order.placed"), "{shown}");
    let repair = [
        "saga", "unwind", id, "--by", "ada", "--reason", "test", "--db", db,
    ];
    let refused = shop(&repair, folder);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{why}");
    assert!(why.contains("it has ended"), "{why}");
}

#[test]
fn the_ledgers_balance_on_a_file() {
    let folder = tiers::folder();
    balances("shop.db", folder.path());
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn the_ledgers_balance_on_a_server() {
    let folder = tiers::folder();
    let database = server::database();
    balances(&database.url(), folder.path());
}

/// With read models in a file of their own, and the sagas' work in the stream of the events.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn the_ledgers_balance_on_jetstream() {
    let place = Place::jetstream(Cluster::shared_node().expect("a server"));
    balances(&place.db, place.folder.path());
}
