//! The shop on JetStream: on one server, and on three of which one is killed under load.

use super::{
    IMPORTED, Place, Sample, answers, imports_nothing_again, makes_an_empty_shop,
    messages::{Stored, Stream},
    shop, stderr, stdout, tiers,
};
use es_testkit::nats::Cluster;
use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

impl Place {
    /// A stream of its own.
    pub fn jetstream(cluster: &Cluster) -> Self {
        let stream = Stream::new(cluster, "SHOP");
        Self {
            folder: tiers::folder(),
            database: None,
            db: stream.address(),
            stream: Some(stream),
        }
    }

    /// All rows of the read models.
    fn rows(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.read_models()).expect("opens");
        let rows = |sql: &str| {
            let mut statement = db.prepare(sql).expect("is SQL");
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| {
                let values =
                    (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
                values
                    .collect::<Result<Vec<_>, _>>()
                    .map(|values| format!("{values:?}"))
            });
            rows.expect("asked")
                .collect::<Result<Vec<_>, _>>()
                .expect("rows")
        };
        let tables = [
            "order_summaries",
            "sales_by_month",
            "customers",
            "customer_orders",
        ];
        let tables = tables.map(|table| rows(&format!("SELECT * FROM {table} ORDER BY 1, 2")));
        tables.concat()
    }
}

/// Counts what the stored events say of purchases, by arithmetic on them alone. `Err` says what is wrong.
fn counted(events: &[Stored]) -> Result<String, String> {
    let mut orders = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    let mut customers = std::collections::BTreeSet::new();
    let (mut cds, mut cents) = (0, 0);
    for stored in events.iter().filter(|stored| stored.aggregate == "order") {
        orders.entry(&stored.id).or_default().push(&stored.event);
        if stored.event == "order.placed" {
            let placed: serde_json::Value =
                serde_json::from_str(&stored.payload).map_err(|error| error.to_string())?;
            cds += placed["cds"].as_i64().ok_or("no CDs")?;
            cents += placed["total_cents"].as_i64().ok_or("no total")?;
            customers.insert(placed["customer"].as_str().ok_or("no customer")?.to_owned());
        }
    }
    for (order, events) in &orders {
        if *events != ["order.placed", "order.paid", "order.shipped"] {
            return Err(format!("{order} has {events:?}"));
        }
    }
    let (purchases, customers) = (orders.len(), customers.len());
    Ok(format!(
        "purchases={purchases} customers={customers} cds={cds} cents={cents}"
    ))
}

/// That what is lost or doubled would be seen.
fn a_lost_or_doubled_event_is_seen(events: &[Stored]) {
    let is_paid = |stored: &Stored| stored.event == "order.paid";
    let at = events.iter().position(is_paid).expect("one");
    let mut lost = events.to_vec();
    lost.remove(at);
    assert!(counted(&lost).is_err_and(|why| why.contains("has [")));
    let mut doubled = events.to_vec();
    doubled.push(events[at].clone());
    assert!(counted(&doubled).is_err());
    let is_of_it = |stored: &Stored| stored.id == events[at].id;
    let mut gone = events.to_vec();
    gone.retain(|stored| !is_of_it(stored));
    assert_ne!(counted(&gone), counted(events));
}

fn sample() -> &'static Sample {
    &IMPORTED
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn on_jetstream_it_is_the_same() {
    let place = Place::jetstream(Cluster::shared_node().expect("a server"));
    let missing = place.shop(&["report"]);
    let said = stderr(&missing);
    assert!(
        said.contains("there is no shop in the cluster; `shop import` creates one"),
        "{said}"
    );
    makes_an_empty_shop(&place);
    let import = place.shop(&["import", &sample().file]);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));
    imports_nothing_again(&place, sample());
    answers(&place, sample());
    let events = place.stream.as_ref().expect("on JetStream").events();
    assert_eq!(counted(&events).as_ref(), Ok(&sample().totals));
    a_lost_or_doubled_event_is_seen(&events);

    // A value that one customer has, and a commit of two customers.
    let email = |customer| place.shop(&["email", customer, "ann@example.com"]);
    assert_eq!(stdout(&email("00004")), "00004 has the address\n");
    assert!(stderr(&email("00018")).contains("customer 00004 has this address already"));
    let given = place.shop(&["credit", "give", "00004", "500"]);
    assert_eq!(stdout(&given), "00004 has $5.00\n", "{}", stderr(&given));
    let letter = [
        "credit",
        "send",
        "00004",
        "00018",
        "200",
        "--request",
        "letter-1",
    ];
    let sent = stdout(&place.shop(&letter));
    assert_eq!(sent, "00004 has $3.00\n00018 has $2.00\n");
    let again = stdout(&place.shop(&letter));
    assert!(again.starts_with("this was sent before\n"), "{again}");

    assert_eq!(place.totals(), sample().totals);
    let rows = place.rows();
    assert_eq!(
        stdout(&place.shop(&["rebuild"])),
        "the read models were built anew\n"
    );
    assert_eq!(place.rows(), rows);
    assert_eq!(place.tables(), Some(5));
}

#[test]
fn a_cluster_that_is_not_there_is_named_without_its_password() {
    let folder = tiers::folder();
    for (db, said) in [
        (
            "nats://es:hunter2@127.0.0.1:1/SHOP?unchecked-syncs",
            "127.0.0.1:1",
        ),
        (
            "nats://es:hunter2@127.0.0.1:1/SHOP?copies=2",
            "`copies` is not known",
        ),
        ("nats://es:hunter2@127.0.0.1:1", "monitoring"),
    ] {
        let output = shop(&["report", "--db", db], folder.path());
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(
            error.contains(said) && !error.contains("hunter2"),
            "{error}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 0);
}

/// Waits until more commits are stored than `commits`, unless the import has ended.
fn wait_for_more(cluster: &Cluster, stream: &Stream, commits: u64, import: &mut Child) -> u64 {
    let start = Instant::now();
    loop {
        let states = (0..cluster.nodes())
            .filter_map(|node| cluster.stream_state(node, &stream.name).ok()?);
        let last = states.map(|state| state.last).max().unwrap_or(0);
        if last > commits || import.try_wait().expect("can be asked").is_some() {
            return last;
        }
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "nothing is imported"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// Each server is killed while purchases are imported, the leader first, and comes back when the others have stored more.
#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn imports_survive_the_loss_of_servers() {
    let cluster = Cluster::options().folder_in(tiers::parent()).start();
    let cluster = cluster.expect("a cluster");
    let place = Place::jetstream(&cluster);
    let stream = place.stream.as_ref().expect("on JetStream");
    let import = ["import", &sample().file];
    let mut program = place
        .command(&import)
        .stdout(Stdio::null())
        .spawn()
        .expect("the shop runs");
    wait_for_more(&cluster, stream, 0, &mut program);
    let leader = cluster.wait_leader(&stream.name).expect("a leader");
    let mut stored = wait_for_more(&cluster, stream, 300, &mut program);
    let mut killed_on_the_way = 0;
    for node in [leader, (leader + 1) % 3] {
        cluster.kill(node).expect("killed");
        killed_on_the_way += u32::from(program.try_wait().expect("can be asked").is_none());
        // What begins while a server is down answers, too.
        assert!(place.totals().starts_with("purchases="));
        stored = wait_for_more(&cluster, stream, stored + 300, &mut program);
        cluster.restart(node).expect("back");
    }
    assert!(
        killed_on_the_way > 0,
        "the import ended before a server was killed"
    );
    let ended = program.wait().expect("ends");
    assert!(ended.success(), "{ended}");

    let events = stream.events();
    assert_eq!(counted(&events).as_ref(), Ok(&sample().totals));
    a_lost_or_doubled_event_is_seen(&events);
    imports_nothing_again(&place, sample());
    assert_eq!(place.totals(), sample().totals);
    let rows = place.rows();
    assert!(place.shop(&["rebuild"]).status.success());
    assert_eq!(place.rows(), rows);
    // The control: a row that is another one is seen.
    let db = rusqlite::Connection::open(place.read_models()).expect("opens");
    let table = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'customers__b*'";
    let table: String = db.query_row(table, [], |row| row.get(0)).expect("one");
    let change = format!("UPDATE {table} SET orders = orders + 1 WHERE rowid = 1");
    assert_eq!(db.execute(&change, []), Ok(1));
    assert_ne!(place.rows(), rows);
}
