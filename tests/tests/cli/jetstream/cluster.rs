//! `es` on three servers: with all of them, without any one of them, while the leader is lost, and without a majority.

use super::{
    Append, EventStore, ExpectedVersion, NatsStore, NewEvent, Ran, StreamId, block_on, copy, done,
    ended, es, export, fill, look::each_verb_shows_the_same, note, reported, sent, shop, start,
};
use es_sqlite::SqliteStore;
use es_testkit::nats::{Cluster, SyncInterval};
use std::{
    io::{BufRead, BufReader},
    thread,
    time::Duration,
};

const LOOK: Duration = Duration::from_millis(2);

fn three_servers() -> Cluster {
    let options = Cluster::options().sync(SyncInterval::Unset);
    let cluster = options.folder_in(es_tests::tiers::parent()).start();
    cluster.expect("a cluster")
}

/// A stream on all of them, for verbs that write, too.
fn on(cluster: &Cluster, stream: &str) -> String {
    format!("{}/{stream}?unchecked-syncs", cluster.url())
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn each_verb_works_without_any_one_of_the_servers() {
    let cluster = three_servers();
    let place = shop();
    let there = on(&cluster, "SHOP");
    let report = copy(&place.address(), &there);
    each_verb_shows_the_same(&place.address(), &there);
    // natscli#1543: a look at a stream showed other messages each time, and some of them twice.
    let dump = export(&there);
    for node in 0..cluster.nodes() {
        cluster.kill(node).expect("killed");
        each_verb_shows_the_same(&place.address(), &there);
        for _ in 0..3 {
            assert!(
                export(&there) == dump,
                "the same each time, without node {node}"
            );
        }
        let verified = done(es(&["--store", &there, "verify"]));
        assert_eq!(verified.out, "", "without node {node}");
        cluster.restart(node).expect("back");
    }
    // Verbs that write do it, too. The event goes into the file first, and then into the stream.
    for node in 0..cluster.nodes() {
        cluster.kill(node).expect("killed");
        block_on(async {
            let store = SqliteStore::open(place.file()).await.expect("opens");
            store
                .append(note(&format!("without {node}")))
                .await
                .expect("appended");
            store.close().await;
        });
        let ran = done(es(&["copy", &place.address(), &there, "-y", "-o", "json"]));
        assert_eq!(reported(&ran, "written")[0].1, 1, "{}", ran.out);
        cluster.restart(node).expect("back");
    }
    assert_ne!(copy(&place.address(), &there), report);
    each_verb_shows_the_same(&place.address(), &there);
    // A new stream is made while a server is down, and not where there will never be enough of them.
    cluster.kill(0).expect("killed");
    copy(&place.address(), &on(&cluster, "NEW"));
    let five = format!("{}&replicas=5", on(&cluster, "FIVE"));
    let ran = es(&["copy", &place.address(), &five, "-y"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("a server for each of its replicas"),
        "{}",
        ran.err
    );
}

/// Reading and writing verbs go on while the leader is killed under them.
#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn verbs_go_on_when_the_leader_is_lost() {
    let cluster = three_servers();
    let there = on(&cluster, "LARGE");
    block_on(fill(&there, 6_000, 4_000));
    let folder = es_tests::tiers::folder();
    let verbs: &[&[&str]] = &[
        &["export"],
        &["verify"],
        &["stats"],
        &["events", "-o", "ndjson"],
    ];
    for verb in verbs {
        let args = [&["--store", &there], *verb].concat();
        let before = done(es(&args));
        let ran = under_a_killed_leader(&cluster, "LARGE", &args, 3 << 20);
        assert_eq!(ran.code, 0, "{verb:?}: {}", ran.err);
        assert!(ran.out == before.out, "{verb:?}: the same");
    }
    // replicator#36: a copy hung when the connection was lost, and wrote events twice when it was begun again.
    let file = format!("sqlite:{}", folder.path().join("back.db").display());
    let ran = under_a_killed_leader(&cluster, "LARGE", &["copy", &there, &file, "-y"], 3 << 20);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let again = on(&cluster, "AGAIN");
    let ran = under_a_killed_leader(&cluster, "AGAIN", &["copy", &file, &again, "-y"], 8 << 20);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let events = |address: &str| -> Vec<String> {
        let dump = export(address);
        let events = dump
            .lines()
            .filter(|line| line.starts_with("{\"table\":\"events\""));
        events.map(str::to_owned).collect()
    };
    let first = events(&there);
    assert_eq!(first.len(), 6_000);
    assert!(
        events(&file) == first && events(&again) == first,
        "the same events"
    );
}

/// Runs `es`, and kills the leader of a stream once the servers have sent so many bytes. It comes back afterwards.
fn under_a_killed_leader(cluster: &Cluster, stream: &str, args: &[&str], bytes: u64) -> Ran {
    let mut tries = (0..5).map(|_| unless_it_ends(cluster, stream, args, bytes));
    let ran = tries.find_map(|ran| ran);
    ran.unwrap_or_else(|| panic!("{args:?} runs long enough"))
}

/// `None` where `es` ends before its leader is killed.
fn unless_it_ends(cluster: &Cluster, stream: &str, args: &[&str], bytes: u64) -> Option<Ran> {
    let before = sent(cluster);
    let mut child = start(args);
    // What it says is read all the time, so that it does not wait for that.
    let mut out = child.stdout.take().expect("an output");
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut out, &mut text).expect("read");
        String::from_utf8(text).expect("text")
    });
    while sent(cluster) - before < bytes {
        if child.try_wait().expect("known").is_some() {
            return None;
        }
        thread::sleep(LOOK);
    }
    let leader = cluster.wait_leader(stream).expect("one");
    cluster.kill(leader).expect("killed");
    let is_running = child.try_wait().expect("known").is_none();
    let mut ran = ended(child);
    ran.out = reader.join().expect("read");
    cluster.restart(leader).expect("back");
    is_running.then_some(ran)
}

/// jetstream-legacy#42: whoever followed got some messages not at all, and others in another order.
#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn tail_shows_each_event_once() {
    const EVENTS: usize = 400;
    let cluster = three_servers();
    let there = on(&cluster, "TAIL");
    block_on(fill(&there, 1, 1));
    let mut child = start(&["--store", &there, "-o", "ndjson", "tail", "-f", "-n", "1"]);
    let lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let mut lines = lines.map(|line| line.expect("read"));
    assert!(lines.next().expect("a line").contains("bulk.added"));
    block_on(async {
        let store = NatsStore::options().open(&there).await.expect("opens");
        let mut lost = None;
        for number in 1..=EVENTS {
            if number == EVENTS / 4 {
                let leader = cluster.wait_leader("TAIL").expect("one");
                cluster.kill(leader).expect("killed");
                lost = Some(leader);
            }
            if number == EVENTS / 2 {
                cluster
                    .restart(lost.expect("one was killed"))
                    .expect("back");
            }
            let stream = StreamId::new("counted", "1").expect("a stream");
            let event = NewEvent::json("counted.up", 1, number.to_string());
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            store.append(append).await.expect("appended");
        }
        store.close().await;
    });
    for number in 1..=EVENTS {
        let line = lines.next().expect("a line");
        assert!(
            line.contains(&format!("\"version\":{number},")),
            "{number}: {line}"
        );
    }
    // The server that it is connected to says nothing any more, and its connection stays.
    let connected = |node: usize| {
        let said = cluster.monitor(node, "/connz").expect("answers");
        let names = said["connections"].as_array().expect("rows").iter();
        names
            .filter(|connection| connection["name"] == "es")
            .count()
            > 0
    };
    let node = (0..cluster.nodes())
        .find(|node| connected(*node))
        .expect("one");
    cluster.pause(node).expect("paused");
    block_on(async {
        let store = NatsStore::options().open(&there).await.expect("opens");
        store.append(note("later")).await.expect("appended");
        store.close().await;
    });
    let line = lines.next().expect("a line");
    assert!(line.contains("\"stream\":\"note/later\""), "{line}");
    cluster.resume(node).expect("resumed");
    // Without a majority it ends, and says what to do.
    let leader = cluster.wait_leader("TAIL").expect("one");
    cluster
        .kill_many(&[leader, (leader + 1) % 3])
        .expect("killed");
    assert_eq!(lines.next(), None);
    let ran = ended(child);
    assert_eq!(ran.code, 5, "{}", ran.err);
    says_what_to_do(&ran.err);
}

fn says_what_to_do(error: &str) {
    for part in [
        "a majority of its replicas",
        "start the servers that are down",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn without_a_majority_it_is_said_what_to_do() {
    let cluster = three_servers();
    let place = shop();
    let there = on(&cluster, "SHOP");
    copy(&place.address(), &there);
    let dump = export(&there);
    let folder = es_tests::tiers::folder();
    let file = format!("sqlite:{}", folder.path().join("new.db").display());
    let address = place.address();
    let verbs: &[&[&str]] = &[
        &["--store", &there, "stats"],
        &["--store", &there, "show", "order/4711"],
        &["--store", &there, "tail", "-f"],
        &["--store", &there, "verify"],
        &["--store", &there, "export"],
        &[
            "--store",
            &there,
            "sagas",
            "abandon",
            "fulfil-order",
            "4712",
            "--why",
            "x",
            "-y",
        ],
        &["copy", &there, &file, "-y"],
        &["copy", &address, &there, "-y"],
    ];
    let all_say = |says: &dyn Fn(&Ran)| {
        let children: Vec<_> = verbs.iter().map(|verb| start(verb)).collect();
        for (verb, child) in verbs.iter().zip(children) {
            let ran = ended(child);
            assert_eq!(ran.code, 4, "{verb:?}: {}{}", ran.out, ran.err);
            assert_eq!(ran.out, "", "{verb:?}");
            says(&ran);
        }
    };
    let leader = cluster.wait_leader("SHOP").expect("one");
    cluster
        .kill_many(&[leader, (leader + 1) % 3])
        .expect("killed");
    all_say(&|ran| says_what_to_do(&ran.err));
    cluster.kill((leader + 2) % 3).expect("killed");
    all_say(&|ran| assert!(ran.err.contains("no connection to"), "{}", ran.err));
    // Nothing was changed by any of them.
    cluster.restart_all().expect("back");
    assert!(export(&there) == dump);
}
