//! The NATS cluster of the test kit: what happens to its nodes happens, and nothing of it stays behind.

use es_nats::async_nats::{
    ConnectOptions,
    jetstream::{self, Context, stream::Config},
};
use es_testkit::nats::{Cluster, NatsError, Side};
use es_tests::tiers;
use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const NAME: &str = "TRIED";

async fn connect(url: &str) -> Context {
    let servers: Vec<&str> = url.split(',').collect();
    let client = es_nats::async_nats::connect(servers).await;
    let mut context = jetstream::new(client.expect("connects"));
    // Longer than a busy machine takes, so that nothing is published again that has arrived.
    context.set_timeout(Duration::from_secs(60));
    context
}

/// The same, to this node only.
async fn connect_only(url: &str) -> Context {
    let options = ConnectOptions::new().ignore_discovered_servers();
    jetstream::new(options.connect(url).await.expect("connects"))
}

async fn create(context: &Context, nodes: usize) {
    let config = Config {
        name: NAME.to_owned(),
        subjects: vec!["tried".to_owned()],
        num_replicas: nodes,
        ..Config::default()
    };
    let end = Instant::now() + Duration::from_secs(180);
    // Servers that are choosing their leader give no answer at all, and a busy machine a late one. The same
    // stream is made once, however often it is asked for.
    let mut context = context.clone();
    context.set_timeout(Duration::from_secs(5));
    while let Err(error) = context.create_stream(&config).await {
        assert!(Instant::now() < end, "{error}");
    }
}

/// Publishes until it is acknowledged.
async fn publish(context: &Context) -> u64 {
    loop {
        if let Ok(ack) = context.publish("tried", "x".into()).await
            && let Ok(ack) = ack.await
        {
            return ack.sequence;
        }
        tokio::task::yield_now().await;
    }
}

fn listens(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("nats://")).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_node_is_killed_paused_and_comes_back() {
    let options = Cluster::options().nodes(1).folder_in(tiers::parent());
    let cluster = options.start().expect("a node");
    let mut context = connect(&cluster.url()).await;
    create(&context, 1).await;
    assert_eq!(publish(&context).await, 1);
    assert_eq!(cluster.leader(NAME), Some(0));
    assert_eq!(cluster.leader("ANOTHER"), None);

    cluster.kill(0).expect("killed");
    assert!(!cluster.is_running(0).expect("a node"));
    assert!(!listens(&cluster.url()));
    let twice = cluster.kill(0);
    assert!(matches!(twice, Err(NatsError::Refused { .. })), "{twice:?}");
    cluster.restart(0).expect("back");
    assert_eq!(publish(&context).await, 2);

    cluster.pause(0).expect("paused");
    context.set_timeout(Duration::from_millis(50));
    let ack = context.publish("tried", "x".into()).await.expect("sent");
    ack.await.expect_err("nobody answers");
    cluster.resume(0).expect("resumed");
    context.set_timeout(Duration::from_secs(30));
    assert_eq!(publish(&context).await, 4);

    cluster.stop_all().expect("stopped");
    cluster.wipe(0).expect("wiped");
    cluster.restart_all().expect("back");
    assert_eq!(cluster.stream_state(0, NAME).expect("asked"), None);
    assert!(cluster.memory(0).expect("asked") > 1 << 20);
    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn nodes_get_what_they_missed_from_the_others() {
    let options = Cluster::options().folder_in(tiers::parent());
    let cluster = options.start().expect("a cluster");
    let context = connect(&cluster.url()).await;
    let nodes = cluster.nodes();
    create(&context, nodes).await;
    let mut stored = publish(&context).await;
    let leader = cluster.wait_leader(NAME).expect("asked");
    let (one, other) = ((leader + 1) % nodes, (leader + 2) % nodes);
    let last = |node: usize| {
        let state = cluster.stream_state(node, NAME).expect("asked");
        state.map_or(0, |state| state.last)
    };

    // Two of three go on.
    for _ in 0..3 {
        cluster.kill(one).expect("killed");
        stored = publish(&context).await;
        cluster.restart(one).expect("back");
        assert!(last(one) >= stored);
    }
    cluster.pause(other).expect("paused");
    stored = stored.max(publish(&context).await);
    cluster.resume(other).expect("resumed");
    for _ in 0..3 {
        cluster.stop(one).expect("stopped");
        cluster.wipe(one).expect("wiped");
        cluster.restart(one).expect("back");
        assert!(last(one) >= stored);
    }

    cluster.kill_all().expect("killed");
    cluster.restart_all().expect("back");
    assert!(publish(&context).await > stored);
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn clusters_that_start_together_have_ports_of_their_own() {
    let start = || {
        let options = Cluster::options().nodes(1).folder_in(tiers::parent());
        options.start().expect("a node")
    };
    let clusters: Vec<Cluster> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        let started = starting
            .into_iter()
            .map(|start| start.join().expect("it ends"));
        started.collect()
    });
    let urls: HashSet<String> = clusters.iter().map(Cluster::url).collect();
    assert_eq!(urls.len(), clusters.len());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_node_that_is_cut_off_hears_later_what_was_sent() {
    let options = Cluster::options().nodes(1).partitions();
    let cluster = options.folder_in(tiers::parent()).start();
    let cluster = cluster.expect("a node");
    let mut context = connect(&cluster.url()).await;
    create(&context, 1).await;
    assert_eq!(publish(&context).await, 1);
    cluster.cut_off(0, Side::Clients).expect("cut off");
    context.set_timeout(Duration::from_millis(50));
    let ack = context.publish("tried", "x".into()).await.expect("sent");
    ack.await.expect_err("nobody heard it");
    cluster.heal().expect("healed");
    context.set_timeout(Duration::from_secs(30));
    assert_eq!(publish(&context).await, 3, "it came before this one");
    let absent = cluster.cut_off(1, Side::Both);
    assert!(matches!(absent, Err(NatsError::NoSuchNode { node: 1 })));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_leader_that_is_cut_off_from_the_others_loses_its_place() {
    let options = Cluster::options().partitions();
    let cluster = options.folder_in(tiers::parent()).start();
    let cluster = cluster.expect("a cluster");
    let nodes = cluster.nodes();
    create(&connect(&cluster.url()).await, nodes).await;
    let leader = cluster.wait_leader(NAME).expect("asked");
    let url = |node: usize| cluster.node_url(node % nodes).expect("a node");
    let mut there = connect_only(&url(leader)).await;
    let elsewhere = connect_only(&url(leader + 1)).await;
    publish(&there).await;

    // No route goes around the proxies: the other two choose a leader, which the old one does not know.
    cluster.cut_off(leader, Side::Peers).expect("cut off");
    while cluster.leader(NAME).is_none_or(|named| named == leader) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    there.set_timeout(Duration::from_secs(1));
    let sent = there.publish("tried", "x".into()).await.expect("sent");
    sent.await.expect_err("it cannot store it");
    let stored = publish(&elsewhere).await;

    cluster.heal().expect("healed");
    cluster.wait_ready().expect("ready");
    let state = |node: usize| {
        let state = cluster.stream_state(node, NAME).expect("asked");
        state.expect("it has the stream")
    };
    while (1..nodes).any(|node| state(node) != state(0)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(state(leader).last >= stored);
}

fn start_in(folder: &Path) -> Result<Cluster, NatsError> {
    Cluster::options().nodes(1).keep_in(folder).start()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn data_that_are_kept_are_found_again() {
    let folder = tiers::folder();
    let start = || start_in(folder.path()).expect("a node");
    let cluster = start();
    let context = connect(&cluster.url()).await;
    create(&context, 1).await;
    publish(&context).await;
    let url = cluster.url();
    let again = start_in(folder.path()).expect_err("it runs already");
    assert!(matches!(again, NatsError::InUse { .. }), "{again}");
    drop(cluster);
    assert!(!listens(&url));
    let cluster = start();
    assert_eq!(cluster.url(), url);
    let context = connect(&cluster.url()).await;
    assert_eq!(publish(&context).await, 2);
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn nothing_of_it_outlives_a_killed_process() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
        .args(["nats_cluster", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    let (url, folder) = (line(), line());
    assert!(listens(&url));
    child.kill().expect("killed");
    child.wait().expect("gone");
    let end = Instant::now() + Duration::from_secs(60);
    while listens(&url) || Path::new(&folder).exists() {
        assert!(Instant::now() < end, "it is still there");
        std::thread::yield_now();
    }
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn what_does_not_start_says_why() {
    let even = Cluster::options().nodes(2).start();
    assert!(matches!(even, Err(NatsError::Size { nodes: 2 })));
    let options = Cluster::options().nodes(1).setting("no_such_setting: 1");
    let error = options.start().expect_err("a setting that is none");
    let text = error.to_string();
    assert!(text.contains("no_such_setting"), "{text}");
}
