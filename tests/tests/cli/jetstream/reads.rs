//! How much of a stream verbs read: a look at one stream not all of it, and all of it not what is written meanwhile.

use super::{EventStore, NatsStore, block_on, done, ended, es, fill, note, sent, start};
use es_testkit::nats::{Cluster, SyncInterval};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

fn one_server() -> Cluster {
    let options = Cluster::options().nodes(1).sync(SyncInterval::Unset);
    let cluster = options.folder_in(es_tests::tiers::parent()).start();
    cluster.expect("a server")
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_look_at_one_stream_reads_that_stream() {
    const COMMITS: usize = 200;
    const BYTES: usize = 20_000;
    let server = one_server();
    let there = format!("{}/READS?one-replica&unchecked-syncs", server.url());
    block_on(fill(&there, COMMITS, BYTES));
    let all = u64::try_from(COMMITS * BYTES).expect("few");
    let reads = |args: &[&str]| {
        let before = sent(&server);
        done(es(&[&["--store", &there], args].concat()));
        sent(&server) - before
    };
    for verb in [
        &["show", "bulk/7"][..],
        &["events", "--stream", "bulk/7"],
        &["tail", "--stream", "bulk/7"],
    ] {
        let bytes = reads(verb);
        assert!(bytes < all / 8, "{verb:?} reads {bytes} bytes of {all}");
    }
    // The control: what looks at all of them.
    for verb in [&["stats"][..], &["verify"], &["streams"]] {
        let bytes = reads(verb);
        assert!(bytes > all, "{verb:?} reads {bytes} bytes of {all}");
    }
}

/// Writers that are faster than `es` reads do not keep it from coming to an end.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn it_ends_while_others_write() {
    const WRITERS: usize = 64;
    const MOST: usize = 2_000_000;
    let server = one_server();
    let there = format!("{}/WRITTEN?one-replica&unchecked-syncs", server.url());
    block_on(fill(&there, WRITERS, 10));
    let has_ended = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let store = NatsStore::options().open(&there).await.expect("opens");
                let mut writers = tokio::task::JoinSet::new();
                for writer in 0..WRITERS {
                    let (store, has_ended) = (store.clone(), has_ended.clone());
                    let written = written.clone();
                    writers.spawn(async move {
                        while !has_ended.load(SeqCst) && written.fetch_add(1, SeqCst) < MOST {
                            let append = note(&format!("written {writer}"));
                            store.append(append).await.expect("appended");
                        }
                    });
                }
                while let Some(done) = writers.join_next().await {
                    done.expect("written");
                }
                store.close().await;
            });
        });
        let ran = ended(start(&["--store", &there, "stats"]));
        has_ended.store(true, SeqCst);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    });
    let written = written.load(SeqCst);
    assert!(written < MOST, "it ended when the writers did");
}
