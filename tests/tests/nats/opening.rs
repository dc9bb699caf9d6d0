//! What opening a store refuses, and what it says.

use crate::support::{client, in_front_of, node, own_node, passing_on, small};
use es_nats::{
    NatsOptions, NatsStore, Syncs,
    async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType},
};
use es_runtime::{EventStore, StorageError, StorageErrorKind};
use es_testkit::nats::{Cluster, SyncInterval};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

async fn refused(options: NatsOptions, servers: &str) -> StorageError {
    options.open(servers).await.expect_err("it loses events")
}

fn says(error: &StorageError, texts: &[&str]) {
    let said = error.to_string();
    for text in texts {
        assert!(said.contains(text), "`{text}` is missing in: {said}");
    }
}

/// A server that says that it has this version, and answers pings.
fn pretending(version: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let info = format!(
                "INFO {{\"server_id\":\"X\",\"version\":\"{version}\",\"headers\":true,\"max_payload\":8388608,\"jetstream\":true}}\r\n"
            );
            if stream.write_all(info.as_bytes()).is_err() {
                continue;
            }
            let Ok(reading) = stream.try_clone() else {
                continue;
            };
            for line in BufReader::new(reading).lines() {
                match line {
                    Ok(line) if line.starts_with("PING") => {
                        let _ = stream.write_all(b"PONG\r\n");
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
    });
    format!("nats://{address}")
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    for old in ["2.9.10", "2.11.11", "2.12.13", "2.14.3"] {
        let error = refused(small(), &pretending(old)).await;
        assert_eq!(error.kind, StorageErrorKind::Version, "{old}: {error}");
        says(&error, &[old, "2.12.14", "2.14.4", "every node"]);
    }
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn settings_that_lose_events_are_refused_by_name() {
    let node = own_node();
    let url = node.url();
    let monitor = node.monitor_url(0).expect("an address");
    let error = refused(NatsStore::options().one_replica(), &url).await;
    assert_eq!(error.kind, StorageErrorKind::CannotOpen);
    says(&error, &["monitoring", "unchecked_syncs"]);

    let monitored = || {
        NatsStore::options()
            .one_replica()
            .monitoring([monitor.clone()])
    };
    let error = refused(monitored(), &url).await;
    says(
        &error,
        &["sync_interval: always", "120s", &monitor, "interval_syncs"],
    );
    let store = monitored()
        .interval_syncs()
        .open(&url)
        .await
        .expect("accepted by name");
    assert_eq!(
        store.durability().syncs,
        Syncs::Every(Duration::from_secs(120))
    );
    assert!(!store.durability().is_full());

    // Three replicas need three servers, and the address of each of them.
    let error = refused(NatsStore::options().monitoring([monitor.clone()]), &url).await;
    says(&error, &["1 monitoring addresses for 3 replicas"]);
    let three = NatsStore::options().stream("THREE").unchecked_syncs();
    let error = refused(three, &url).await;
    assert_eq!(error.kind, StorageErrorKind::CannotOpen);
    says(&error, &["replicas > 1"]);
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_server_that_syncs_before_it_answers_is_accepted_and_reported() {
    let node = Cluster::options().nodes(1).start().expect("a server");
    let monitor = node.monitor_url(0).expect("an address");
    let options = NatsStore::options().one_replica().monitoring([monitor]);
    let store = options.open(&node.url()).await.expect("opens");
    assert_eq!(store.durability().syncs, Syncs::Always);
    assert_eq!(store.durability().replicas, 1);
    assert!(!store.durability().is_full(), "one copy is not full");
    let unchecked = small().open(&node.url()).await.expect("opens");
    assert_eq!(unchecked.durability().syncs, Syncs::Unchecked);
}

/// Programs start while one server of three is down, and not while two are: those would be a majority that nobody asks.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn one_server_of_three_may_be_down() {
    let node = Cluster::options().nodes(1).start().expect("a server");
    let monitor = node.monitor_url(0).expect("an address");
    let (up, down) = (monitor.as_str(), "http://127.0.0.1:1");
    for (ports, kind, said) in [
        // Asked for three replicas, one server says no: the check of the servers has passed.
        (
            format!("{up},{down},{up}"),
            StorageErrorKind::CannotOpen,
            "replicas > 1",
        ),
        (
            format!("{down},{up},{down}"),
            StorageErrorKind::Unreachable,
            "the monitoring address http://127.0.0.1:1/",
        ),
    ] {
        let server = node.url();
        let address = format!("{server},{server},{server}/DOWN?monitoring={ports}");
        let patience = NatsStore::options().patience(Duration::from_secs(5));
        let error = refused(patience, &address).await;
        assert_eq!(error.kind, kind, "{error}");
        says(&error, &[said]);
    }
}

/// What an operator writes after the servers takes the place of what the program says.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn an_address_has_the_options_of_an_operator() {
    let url = node().url();
    let address = format!("{url}/ADDRESSED?one-replica&unchecked-syncs");
    let store = NatsStore::options()
        .stream("OTHER")
        .open(&address)
        .await
        .expect("opens");
    let same = small()
        .stream("ADDRESSED")
        .create(false)
        .open(&url)
        .await
        .expect("is there");
    let ids = (store.store_id().await, same.store_id().await);
    assert_eq!(ids.0.expect("an id"), ids.1.expect("an id"));
    let wrong = refused(small(), "nats://u:hunter2@127.0.0.1:1/A?copies=3").await;
    says(&wrong, &["`copies` is not known"]);
    let nobody = small().patience(Duration::from_millis(200));
    let nobody = refused(nobody, "nats://u:hunter2@127.0.0.1:1").await;
    says(&nobody, &["127.0.0.1:1"]);
    assert!(!format!("{nobody:?}{wrong:?}").contains("hunter2"));
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_server_that_takes_small_messages_only_is_refused() {
    let node = Cluster::options()
        .nodes(1)
        .sync(SyncInterval::Unset)
        .setting("max_payload: 1MB");
    let node = node.start().expect("a server");
    let error = refused(small(), &node.url()).await;
    says(&error, &["max_payload: 8MB", "append_bytes"]);
    let mut limits = es_runtime::Limits::default();
    (limits.append_bytes, limits.payload_bytes) = (0, 0);
    small()
        .limits(limits)
        .open(&node.url())
        .await
        .expect("smaller appends fit");
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_stream_that_loses_events_is_refused() {
    let jetstream = client().await;
    type Change = fn(&mut Config);
    let changes: [(&str, &str, Change); 6] = [
        ("AGE", "removes old messages", |config| {
            config.max_age = Duration::from_secs(3600)
        }),
        ("COUNT", "removes old messages", |config| {
            config.max_messages = 1_000
        }),
        ("DISCARD", "when it is full", |config| {
            (config.max_bytes, config.discard) = (1 << 20, DiscardPolicy::Old);
        }),
        ("MEMORY", "on files", |config| {
            config.storage = StorageType::Memory
        }),
        ("DELETE", "can be deleted", |config| {
            config.deny_delete = false
        }),
        ("BATCH", "atomic batches", |config| {
            config.allow_atomic_publish = false
        }),
    ];
    for (name, wanted, change) in changes {
        let mut config = Config {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            num_replicas: 1,
            discard: DiscardPolicy::New,
            deny_delete: true,
            allow_direct: true,
            allow_atomic_publish: true,
            ..Config::default()
        };
        change(&mut config);
        jetstream.create_stream(config).await.expect("created");
        let error = refused(small().stream(name), &node().url()).await;
        assert_eq!(error.kind, StorageErrorKind::CannotOpen, "{error}");
        says(&error, &[name, wanted]);
    }
    // A stream that loses nothing, and was not made by this store, has no id.
    let foreign = Config {
        name: "FOREIGN".to_owned(),
        subjects: vec!["FOREIGN.>".to_owned()],
        deny_delete: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    };
    jetstream.create_stream(foreign).await.expect("created");
    says(
        &refused(small().stream("FOREIGN"), &node().url()).await,
        &["es-store-id"],
    );
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_stream_that_does_not_keep_snapshots_is_refused() {
    let jetstream = client().await;
    let right = |name: &str| Config {
        name: format!("{name}-snapshots"),
        subjects: vec![format!("{name}-snapshots.>")],
        num_replicas: 1,
        max_messages_per_subject: 1,
        ..Config::default()
    };
    type Change = fn(&mut Config);
    let changes: [(&str, &str, Change); 5] = [
        ("S-ALL", "more than the newest", |config| {
            config.max_messages_per_subject = -1;
        }),
        ("S-MEMORY", "on files", |config| {
            config.storage = StorageType::Memory;
        }),
        ("S-PURGE", "cannot be removed", |config| {
            config.deny_purge = true;
        }),
        ("S-FULL", "refuses new snapshots", |config| {
            (config.max_bytes, config.discard) = (1 << 20, DiscardPolicy::New);
        }),
        ("S-SUBJECTS", "other subjects", |config| {
            config.subjects = vec!["S-SUBJECTS-snapshots.one.>".to_owned()];
        }),
    ];
    for (name, wanted, change) in changes {
        let mut config = right(name);
        change(&mut config);
        jetstream.create_stream(config).await.expect("created");
        let error = refused(small().stream(name), &node().url()).await;
        assert_eq!(error.kind, StorageErrorKind::CannotOpen, "{error}");
        says(&error, &[&format!("{name}-snapshots"), wanted]);
    }
    // One that removes some of them does no harm.
    let mut config = right("S-RIGHT");
    config.max_age = Duration::from_secs(3600);
    (config.max_bytes, config.discard) = (1 << 20, DiscardPolicy::Old);
    jetstream.create_stream(config).await.expect("created");
    let options = small().stream("S-RIGHT");
    options.open(&node().url()).await.expect("opens");
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_missing_store_is_not_made_for_reading() {
    for options in [small().read_only(true), small().create(false)] {
        let error = refused(options.stream("NOWHERE"), &node().url()).await;
        assert_eq!(error.kind, StorageErrorKind::Missing, "{error}");
    }
    for bad in ["a.b", "", "*"] {
        let error = refused(small().stream(bad), &node().url()).await;
        assert_eq!(error.kind, StorageErrorKind::CannotOpen);
    }
    let patience = small().patience(Duration::from_millis(200));
    let error = refused(patience, "nats://127.0.0.1:1").await;
    assert_eq!(error.kind, StorageErrorKind::Unreachable);
    let one = small()
        .stream("ID")
        .open(&node().url())
        .await
        .expect("opens");
    let two = small()
        .stream("ID-2")
        .open(&node().url())
        .await
        .expect("opens");
    assert_ne!(
        one.store_id().await.expect("an id"),
        two.store_id().await.expect("an id")
    );
}

/// A server of a cluster that hears late of what another one has made: after each creation of a stream called `LATE` or
/// `LATE-..` it says for a while that there is none. Returns its address, and how often it has said so.
async fn hearing_late() -> (String, Arc<AtomicUsize>) {
    const NAMED: &[u8] = b"STREAM.INFO.LATE";
    let said = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&said);
    let address = in_front_of(&node().url(), move |client, server| {
        let said = Arc::clone(&counted);
        let mut late = 0;
        let see = move |bytes: &mut [u8]| {
            if bytes.windows(18).any(|part| part == b"STREAM.CREATE.LATE") {
                let always = bytes.windows(6).any(|part| part == b"LATE-2");
                late = if always { usize::MAX } else { 3 };
            }
            let found = bytes.windows(NAMED.len()).position(|part| part == NAMED);
            if let Some(at) = found.filter(|_| late > 0) {
                late -= 1;
                said.fetch_add(1, Ordering::SeqCst);
                // It is asked for a stream that is not there.
                bytes[at..at + NAMED.len()].copy_from_slice(b"STREAM.INFO.NONE");
            }
        };
        passing_on(client, server, see, |_| {})
    })
    .await;
    (address, said)
}

#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_stream_that_another_server_has_just_made_is_waited_for() {
    let (url, said) = hearing_late().await;
    let patient = small().stream("LATE").open(&url).await;
    patient.expect("it is there a moment later");
    let late = said.load(Ordering::SeqCst);
    assert!(late >= 6 && late % 3 == 0, "{late} times for each stream");
    // It does not wait for ever.
    let hasty = small().stream("LATE-2").patience(Duration::from_secs(5));
    let error = refused(hasty, &url).await;
    assert_eq!(error.kind, StorageErrorKind::Missing, "{error}");
    says(&error, &["LATE-2"]);
}
