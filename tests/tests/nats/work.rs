//! Work items of several processes: each test opens the store several times, so that nothing but the server keeps the handles
//! apart.

use crate::support::{in_front_of, node, open, order, own_node, passing_on, placed, small};
use es_nats::NatsStore;
use es_runtime::{
    Claim, Claimed, Commit, CommitError, CommitStore, EventFilter, EventStore, ExpectedVersion,
    ReadLimit, StreamId, Timestamp, WorkChange, WorkFilter, WorkItem, WorkQueue, WorkStatus,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const KIND: &str = "saga:tried";
const LEASE: Duration = Duration::from_secs(600);

fn instance(id: &str) -> StreamId {
    StreamId::new(KIND, id).expect("usable")
}

fn past() -> Timestamp {
    Timestamp::from_unix_micros(1).expect("a time")
}

/// An item that is due.
fn due(id: &str) -> WorkChange {
    let mut change = WorkChange::new(instance(id), "1:x");
    change.due_at = Some(past());
    change
}

async fn put(store: &NatsStore, change: WorkChange) {
    let stored = store.commit(Commit::new().work(change)).await;
    stored.expect("stored");
}

async fn claim(store: &NatsStore, lease: Duration, most: usize) -> Vec<Claimed> {
    let claim = Claim::new(vec![KIND.to_owned()], "tester", lease, most);
    store.claim(claim).await.expect("a claim")
}

async fn item(store: &NatsStore, id: &str) -> WorkItem {
    let mut filter = WorkFilter::of(vec![KIND.to_owned()]);
    filter.id = Some(id.to_owned());
    let items = store.work_items(&filter).await.expect("readable");
    items.into_iter().next().expect("it is there")
}

async fn is_fenced(store: &NatsStore, id: &str, epoch: u64) -> bool {
    let mut change = due(id);
    change.epoch = Some(epoch);
    let stored = store.commit(Commit::new().work(change)).await;
    matches!(stored, Err(CommitError::Fenced { .. }))
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn each_item_goes_to_one_of_several_processes() {
    const ITEMS: usize = 60;
    let mut handles = Vec::new();
    for _ in 0..4 {
        handles.push(open("WORK-RACE").await);
    }
    for number in 0..ITEMS {
        put(&handles[0], due(&number.to_string())).await;
    }
    let tasks = handles.into_iter().map(|store| {
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = claim(&store, LEASE, 3).await;
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed);
            }
        })
    });
    let mut ids = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        for claimed in task.await.expect("no panic") {
            assert_eq!((claimed.epoch, claimed.lease_expired), (1, false));
            assert!(ids.insert(claimed.instance), "it has two owners");
        }
    }
    assert_eq!(ids.len(), ITEMS);
}

/// Epochs only grow: a worker that comes back late neither gets its lease back nor writes, whatever has become of the item.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_worker_that_comes_late_stays_out() {
    let (late, other) = (open("WORK-LATE").await, open("WORK-LATE").await);
    put(&late, due("1")).await;
    let lost = claim(&late, Duration::ZERO, 1).await.remove(0);
    let own = claim(&other, LEASE, 1).await.remove(0);
    assert_eq!((own.epoch, own.lease_expired), (2, true));
    assert!(!late.renew(&lost, LEASE).await.expect("an answer"));
    assert!(is_fenced(&late, "1", lost.epoch).await);
    assert!(other.renew(&own, LEASE).await.expect("an answer"));

    // Given back, ended, and begun anew by an operator.
    for (status, release) in [
        (WorkStatus::Running, true),
        (WorkStatus::Done, true),
        (WorkStatus::Running, false),
    ] {
        let mut change = due("1");
        (change.status, change.release) = (status, release);
        put(&other, change).await;
        assert!(is_fenced(&late, "1", lost.epoch).await, "{status}");
        assert!(!late.renew(&lost, LEASE).await.expect("an answer"));
    }
    let next = claim(&late, LEASE, 1).await.remove(0);
    assert_eq!((next.epoch, next.lease_expired), (3, false));
    assert!(is_fenced(&other, "1", own.epoch).await);
}

/// A clock that is wrong costs a lease. It never makes two owners.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_wrong_clock_takes_a_lease_and_fences_its_owner() {
    let right = open("WORK-CLOCK").await;
    let hour = Duration::from_secs(3_600);
    let ahead = small()
        .stream("WORK-CLOCK")
        .clock(move || Timestamp::now().after(hour));
    let ahead = ahead.open(&node().url()).await.expect("opens");
    put(&right, due("1")).await;
    let own = claim(&right, LEASE, 1).await.remove(0);
    assert!(claim(&right, LEASE, 1).await.is_empty());
    let stolen = claim(&ahead, LEASE, 1).await.remove(0);
    assert_eq!((stolen.epoch, stolen.lease_expired), (2, true));
    assert!(!right.renew(&own, LEASE).await.expect("an answer"));
    assert!(is_fenced(&right, "1", own.epoch).await);
    // What it has written is seen as later than now.
    let mut filter = WorkFilter::of(vec![KIND.to_owned()]);
    let now = right.now().await.expect("a time");
    filter.changed_after = Some(now.after(Duration::from_secs(60)));
    filter.status = Some(WorkStatus::Running);
    let found = right.work_items(&filter).await.expect("readable");
    assert_eq!(found.len(), 1);
    assert!(claim(&right, LEASE, 1).await.is_empty(), "its lease holds");
}

/// The items of one commit, and their events, are there or none of it.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn an_item_and_its_events_change_together() {
    let (one, two) = (open("WORK-BATCH").await, open("WORK-BATCH").await);
    put(&one, due("1")).await;
    let own = claim(&one, Duration::ZERO, 1).await.remove(0);
    claim(&two, LEASE, 1).await;
    let mut change = due("1");
    change.epoch = Some(own.epoch);
    let commit = Commit::new()
        .append(placed("mine", ExpectedVersion::NoStream))
        .work(change)
        .work(due("2"));
    let refused = one.commit(commit).await;
    assert!(matches!(
        refused,
        Err(CommitError::Fenced {
            epoch: 1,
            actual: 2,
            ..
        })
    ));
    let found = one.list_streams("order", "", 9).await.expect("listed");
    assert!(found.is_empty());
    assert_eq!(one.work_counts(Vec::new()).await.expect("counted").len(), 1);
    let stale = Commit::new()
        .append(placed("mine", ExpectedVersion::Exact(3)))
        .work(due("3"));
    one.commit(stale).await.expect_err("a conflict");
    let counts = two.work_counts(vec![KIND.to_owned()]).await;
    assert_eq!(
        counts.expect("counted"),
        [(KIND.to_owned(), WorkStatus::Running, 1)]
    );
}

/// A process that begins reads the newest message of each item, more than fit into one request, and keeps none that has ended.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_process_that_begins_knows_all_items() {
    const ITEMS: usize = 1_100;
    let store = open("WORK-FILL").await;
    let change = |number: usize| {
        let mut change = due(&format!("{number:04}"));
        if !number.is_multiple_of(10) {
            change.status = WorkStatus::Done;
        }
        change
    };
    for start in (0..ITEMS).step_by(550) {
        let changes = (start..start + 550).map(change);
        let commit = changes.fold(Commit::new(), Commit::work);
        store.commit(commit).await.expect("stored");
    }
    let new = open("WORK-FILL").await;
    let counts = new.work_counts(Vec::new()).await.expect("counted");
    let numbers: Vec<_> = counts.iter().map(|(_, status, n)| (*status, *n)).collect();
    assert_eq!(
        numbers,
        [(WorkStatus::Running, 110), (WorkStatus::Done, 990)]
    );
    assert_eq!(claim(&new, LEASE, ITEMS).await.len(), 110);
    let mut filter = WorkFilter::of(vec![KIND.to_owned()]);
    filter.status = Some(WorkStatus::Done);
    filter.after = Some(instance("0700"));
    let ended = new.work_items(&filter).await.expect("readable");
    assert_eq!(ended.len(), 360);
    assert!(ended.is_sorted_by_key(|item| item.instance.clone()));
}

/// The index follows what other processes write, also when the server was gone meanwhile, and when a due time comes nearer.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_process_goes_on_after_its_server_was_gone() {
    let node = own_node();
    let url = node.url();
    let open = || async { small().stream("WORK").open(&url).await.expect("opens") };
    let (one, two) = (open().await, open().await);
    let mut later = due("1");
    later.due_at = Some(one.now().await.expect("a time").after(LEASE));
    put(&one, later).await;
    assert!(claim(&two, LEASE, 9).await.is_empty());
    node.kill(0).expect("killed");
    node.restart(0).expect("back");
    put(&one, due("1")).await;
    put(&one, due("2")).await;
    assert_eq!(claim(&two, LEASE, 9).await.len(), 2);
    assert_eq!(item(&one, "2").await.owner.as_deref(), Some("tester"));
}

/// Counts the requests of a client.
async fn counting() -> (NatsStore, Arc<AtomicUsize>) {
    const REQUEST: &[u8] = b"PUB $JS.API.";
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let url = in_front_of(&node().url(), move |client, server| {
        let asked = Arc::clone(&counted);
        let see = move |bytes: &mut [u8]| {
            let requests = bytes.windows(REQUEST.len()).filter(|part| *part == REQUEST);
            asked.fetch_add(requests.count(), Ordering::SeqCst);
        };
        passing_on(client, server, see, |_| {})
    })
    .await;
    let store = small().stream("WORK-FEED").open(&url).await;
    (store.expect("opens"), asked)
}

/// Claims and renewals are no events. What comes after the last event is passed over once, not each time somebody looks.
#[tokio::test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn work_does_not_disturb_the_feed() {
    let (store, asked) = counting().await;
    let other = open("WORK-FEED").await;
    let done = store.append(placed("1", ExpectedVersion::NoStream)).await;
    let end = done.expect("stored").position;
    put(&other, due("1")).await;
    let own = claim(&other, LEASE, 1).await.remove(0);
    for _ in 0..300 {
        assert!(other.renew(&own, LEASE).await.expect("an answer"));
    }
    let all = EventFilter::all();
    let read = || store.read_feed(end, &all, ReadLimit::default());
    for _ in 0..2 {
        assert_eq!(store.head().await.expect("a head"), end);
        let page = read().await.expect("a page");
        assert!(page.events.is_empty() && page.at_end);
        assert_eq!(page.next, end);
    }
    assert!(other.renew(&own, LEASE).await.expect("an answer"));
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(store.head().await.expect("a head"), end);
    read().await.expect("a page");
    let requests = asked.load(Ordering::SeqCst) - before;
    assert!(requests < 8, "{requests} requests");
    // What comes after all of them is found.
    let next = other.append(placed("1", ExpectedVersion::Exact(1))).await;
    let next = next.expect("stored").position;
    assert_eq!(store.head().await.expect("a head"), next);
    let page = read().await.expect("a page");
    assert_eq!(page.events.len(), 1);
    assert_eq!((page.events[0].position, page.next), (next, next));
    assert_eq!(page.events[0].stream, order("1"));
}
