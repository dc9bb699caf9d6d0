//! Tags of several processes, what they cost, and what becomes of a query when messages are missing or a replica is behind.

use crate::{
    racing::{HANDLES, ROUNDS, concurrently, handles},
    reading::{self, FROM_ANY, FROM_LEADER, OF_STREAM},
    support::{changing, client, in_front_of, node, open, order, small},
};
use es_nats::NatsStore;
use es_runtime::{
    Append, Commit, CommitError, CommitStore, EventStore, EventTag, ExpectedVersion, NewEvent,
    Position, ReadError, ReadLimit, RecordedEvent, StorageErrorKind, Tag, TagQuery,
};
use es_testkit::nats::Cluster;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::TcpStream,
};

struct Club<'a>(&'a str);
struct Member<'a>(&'a str);

impl Tag for Club<'_> {
    const KIND: &'static str = "club";

    fn value(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

impl Tag for Member<'_> {
    const KIND: &'static str = "member";

    fn value(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

fn named(name: &str, clubs: &[&str]) -> NewEvent {
    let new = EventTag::new("club");
    let tag = clubs.iter().fold(new, |tag, club| tag.with(*club));
    NewEvent::json(name.to_owned(), 1, "{}").with_tags(vec![tag])
}

pub(crate) fn joined_event(club: &str) -> NewEvent {
    named("club.joined", &[club])
}

pub(crate) fn of_club(club: &str) -> TagQuery {
    TagQuery::of(&Club(club), ["club.joined"]).expect("a name")
}

pub(crate) fn one(id: &str, event: NewEvent) -> Append {
    Append::new(order(id), ExpectedVersion::Any).with_event(event)
}

pub(crate) async fn found(store: &NatsStore, query: &TagQuery) -> Vec<RecordedEvent> {
    let page = store.read_tagged(query, Position::START, ReadLimit::default());
    let page = page.await.expect("readable");
    assert!(page.at_end);
    page.events
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn one_of_several_processes_passes_a_guard() {
    let handles = handles("TAGRACE").await;
    for round in 0..ROUNDS {
        let club = format!("c{round}");
        let done = concurrently(&handles, |index, store| {
            let own = one(&format!("{index}-{round}"), joined_event(&club));
            let commit = Commit::new().append(own);
            let commit = commit.guard(of_club(&club), Position::START);
            async move { store.commit(commit).await }
        });
        let done = done.await;
        let found = found(&handles[0], &of_club(&club)).await;
        assert_eq!(found.len(), 1, "round {round}");
        for answer in done {
            match answer {
                Ok(done) => assert_eq!(done.appended[0].position, found[0].position),
                Err(CommitError::Guarded { by, .. }) => assert_eq!(by, found[0].position),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Each of several writes the tag that the others only read.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn tags_that_are_only_read_are_compared() {
    let handles = handles("TAGSKEW").await;
    for round in 0..ROUNDS {
        let clubs: Vec<String> = (0..HANDLES).map(|at| format!("{at}-{round:02}")).collect();
        let won = concurrently(&handles, |mine, store| {
            let own = one(&format!("{mine}-{round}"), joined_event(&clubs[mine]));
            let commit = Commit::new().append(own);
            let commit = clubs.iter().fold(commit, |commit, club| {
                commit.guard(of_club(club), Position::START)
            });
            async move { store.commit(commit).await.is_ok() }
        });
        let won = won.await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "write skew in round {round}");
    }
}

/// Others go on writing the tag, and nothing that the guard excludes.
async fn passes_while_others_write(handles: &[NatsStore]) {
    const COMMITS: usize = 5;
    let is_over = Arc::new(AtomicBool::new(false));
    let meanwhile = concurrently(handles, |index, store| {
        let is_over = Arc::clone(&is_over);
        async move {
            let id = format!("s{index}");
            if index == 0 {
                for _ in 0..COMMITS {
                    let own = one(&id, NewEvent::json("club.closed", 1, "{}"));
                    let commit = Commit::new().append(own);
                    let commit = commit.guard(of_club("c"), Position::START);
                    store.commit(commit).await.expect("nobody joined");
                }
                is_over.store(true, Ordering::SeqCst);
                return COMMITS;
            }
            let mut others = 0;
            loop {
                let noted = one(&id, named("club.noted", &["c"]));
                store.append(noted).await.expect("appended");
                others += 1;
                if is_over.load(Ordering::SeqCst) {
                    return others;
                }
            }
        }
    });
    let written = meanwhile.await;
    assert!(written[1..].iter().all(|count| *count > 0), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_guard_passes_while_others_write_its_tag() {
    passes_while_others_write(&handles("TAGBUSY").await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_guard_passes_on_three_servers_while_others_write_its_tag() {
    let cluster = Cluster::shared().expect("a cluster");
    let mut handles = Vec::new();
    for _ in 0..HANDLES {
        let options = NatsStore::options().stream("TAGBUSY").unchecked_syncs();
        handles.push(options.open(&cluster.url()).await.expect("opens"));
    }
    passes_while_others_write(&handles).await;
}

/// One guards a name that has no events, and another one writes its first event without the kind.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_name_gets_no_event_without_the_kind_under_a_guard() {
    let handles = handles("TAGNAME").await;
    let mut passed = 0;
    for round in 0..ROUNDS {
        let name = format!("round.{round}");
        let done = concurrently(&handles[..2], |index, store| {
            let name = name.clone();
            async move {
                let own = format!("{index}-{round}");
                if index == 0 {
                    let first = one(&own, NewEvent::json(name, 1, "{}"));
                    return Ok(store.append(first).await.expect("appended").position);
                }
                let query = TagQuery::of(&Club("c"), [name]).expect("a name");
                let own = one(&own, NewEvent::json("club.noticed", 1, "{}"));
                let commit = Commit::new().append(own).guard(query, Position::START);
                let done = store.commit(commit).await;
                done.map(|done| done.appended[0].position)
            }
        });
        let mut done = done.await;
        let (guarded, first) = (done.pop().expect("two"), done.pop().expect("two"));
        let first = first.expect("appended");
        match guarded {
            Ok(guarded) => {
                assert!(guarded < first, "{guarded} passed after {first}");
                passed += 1;
            }
            Err(CommitError::TagsNotReady { event, .. }) => assert_eq!(event, name),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(passed < ROUNDS, "no commit came second");
}

/// The messages of tags come before all commits of their batch.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn reads_go_on_within_a_commit() {
    let store = open("TAGPART").await;
    for round in 0..2 {
        let parts = ["a", "b", "c"].map(|id| {
            let append = one(&format!("{id}-{round}"), named("club.joined", &["c", id]));
            append.with_event(named("club.joined", &["c"]))
        });
        let commit = parts.into_iter().fold(Commit::new(), Commit::append);
        store.commit(commit).await.expect("committed");
        store
            .append(one("plain", NewEvent::json("club.noticed", 1, "{}")))
            .await
            .expect("appended");
    }
    let query = of_club("c");
    let all = found(&store, &query).await;
    assert_eq!(all.len(), 12);
    // A handle that remembers nothing has to look where the batch of a position begins.
    for known in [store, open("TAGPART").await] {
        for (index, event) in all.iter().enumerate() {
            let rest = &all[index + 1..];
            let limit = ReadLimit::events(2);
            let page = known.read_tagged(&query, event.position, limit).await;
            let page = page.expect("readable");
            assert_eq!(page.events, rest[..rest.len().min(2)]);
            assert_eq!(page.at_end, rest.len() <= 2);
            let newest = known.read_tagged_backward(
                &query,
                event.position,
                Bound::Unbounded,
                ReadLimit::default(),
            );
            let newest = newest.await.expect("readable").events;
            assert!(newest.iter().rev().eq(rest));
            let look = Commit::new().guard(query.clone(), event.position);
            match (known.commit(look).await, rest.first()) {
                (Ok(_), None) => {}
                (Err(CommitError::Guarded { by, .. }), Some(next)) => {
                    assert_eq!(by, next.position);
                }
                (wrong, next) => panic!("{next:?} comes next, and not {wrong:?}"),
            }
        }
    }
}

async fn messages(stream: &str) -> u64 {
    let stream = client().await.get_stream(stream).await.expect("there");
    stream.get_info().await.expect("asked").state.messages
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn what_tags_cost() {
    const STREAM: &str = "TAGCOST";
    let (store, said) = reading::open(STREAM).await;
    let plain = || one("plain", NewEvent::json("club.noticed", 1, "{}"));
    let tagged = || one("tagged", named("club.joined", &["c", "d"]));
    let calls = [FROM_ANY, FROM_LEADER, OF_STREAM];
    let mut before = 0;
    let mut counted = async |what: &str, wanted: u64, asked: [usize; 3]| {
        let now = messages(STREAM).await;
        assert_eq!(now - before, wanted, "messages of {what}");
        assert_eq!(said.take(calls), asked, "requests of {what}");
        before = now;
    };
    let append = async |append: Append| store.append(append).await.expect("appended").position;
    append(plain()).await;
    let first = append(tagged()).await;
    let _ = said.take(calls);
    // The first event of each name is registered.
    counted("the first ones", 2 + 4, [0, 0, 0]).await;
    append(plain()).await;
    counted("an append without tags", 1, [0, 0, 0]).await;
    let last = append(tagged()).await;
    counted("an append with two tags", 3, [0, 1, 0]).await;
    // Where the store ends, where the tag ends, its messages, and the events.
    let query = of_club("c");
    let events = found(&store, &query).await;
    let places: Vec<_> = events.iter().map(|event| event.position).collect();
    assert_eq!(places, [first, last]);
    counted("a query", 0, [1 + 1 + 2, 1, 0]).await;
    let page = store.read_tagged(&query, last, ReadLimit::default());
    assert_eq!(page.await.expect("readable").events, []);
    counted("a query that finds nothing new", 0, [1, 1, 0]).await;
    let newest = ReadLimit::events(1);
    let newest = store.read_tagged_backward(&query, Position::START, Bound::Unbounded, newest);
    assert_eq!(newest.await.expect("readable").events[0].position, last);
    counted("the newest event", 0, [1 + 1, 1, 0]).await;
    // A tag that the commit writes is compared by its own message.
    let commit = Commit::new().append(tagged()).guard(of_club("c"), last);
    store.commit(commit).await.expect("committed");
    counted("a guard of an own tag", 3, [1, 2, 0]).await;
    let head = store.head().await.expect("a head");
    let commit = Commit::new().append(plain()).guard(of_club("c"), head);
    store.commit(commit).await.expect("committed");
    counted("a guard of another tag", 2, [1, 3, 0]).await;
}

/// A commit under a guard of its own tag names the message before it, so one that is lost is noticed.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_message_of_a_tag_that_is_missing_or_foreign_is_noticed() {
    const CANARY: &str = "canary-5d1e";
    let store = open("TAGLOST").await;
    for id in ["a", "b", "c"] {
        let after = store.head().await.expect("a head");
        let commit = Commit::new().append(one(id, joined_event(CANARY)));
        let commit = commit.guard(of_club(CANARY), after);
        store.commit(commit).await.expect("committed");
    }
    assert_eq!(found(&store, &of_club(CANARY)).await.len(), 3);
    let corrupt = async |what: &str| {
        let query = of_club(CANARY);
        let read = store.read_tagged(&query, Position::START, ReadLimit::default());
        match read.await {
            Err(ReadError::Storage(error)) => {
                assert_eq!(error.kind, StorageErrorKind::Corrupt, "{what}");
                assert!(!error.to_string().contains(CANARY), "{error}");
            }
            wrong => panic!("{what}, and not {wrong:?}"),
        }
    };
    let context = client().await;
    let stream = context.get_stream("TAGLOST").await.expect("there");
    // Of three messages the first two are gone.
    let subject = format!("TAGLOST.t.club.{CANARY}");
    stream
        .purge()
        .filter(&subject)
        .keep(1)
        .await
        .expect("purged");
    corrupt("messages are missing").await;
    let ack = context.publish(subject, "{}".into()).await.expect("sent");
    ack.await.expect("stored");
    corrupt("a message is foreign").await;
}

/// Passes on what a client says. Where it is armed, another store writes `club.noted` before the next batch of the client
/// ends, and `club.left` before the client looks for the second time at the tag of both.
#[derive(Clone)]
struct Between {
    other: NatsStore,
    step: Arc<AtomicUsize>,
}

impl Between {
    const IDLE: usize = 0;
    const ARMED: usize = 1;
    const NOTED: usize = 2;
    const LOOKED: usize = 3;
    const LEFT: usize = 4;

    async fn pass(self, client: TcpStream, server: TcpStream) {
        const LOOK: &[u8] = br#""next_by_subj":"TAGBETWEEN.t.club.c""#;
        const BATCH: &[u8] = b"Nats-Batch-Commit";
        let (mut asks, mut hears) = client.into_split();
        let (mut answers, mut takes) = server.into_split();
        tokio::spawn(async move { copy(&mut answers, &mut hears).await });
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = asks.read(&mut bytes).await {
            let said = bytes.get(..read).expect("read");
            let has = |wanted: &[u8]| said.windows(wanted.len()).any(|part| part == wanted);
            let step = self.step.load(Ordering::SeqCst);
            let (next, name) = match step {
                Self::ARMED if has(BATCH) => (Self::NOTED, Some("club.noted")),
                Self::NOTED if has(LOOK) => (Self::LOOKED, None),
                Self::LOOKED if has(LOOK) => (Self::LEFT, Some("club.left")),
                same => (same, None),
            };
            if let Some(name) = name {
                let event = one("others", named(name, &["c"]));
                self.other.append(event).await.expect("appended");
            }
            self.step.store(next, Ordering::SeqCst);
            if takes.write_all(said).await.is_err() {
                return;
            }
        }
    }
}

/// Each guard looks at the tag for itself. The second one sees an event that the first one has not seen, and excludes.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn guards_of_one_tag_have_seen_the_same_events() {
    let between = Between {
        other: open("TAGBETWEEN").await,
        step: Arc::new(AtomicUsize::new(Between::IDLE)),
    };
    let url = {
        let between = between.clone();
        in_front_of(&node().url(), move |client, server| {
            between.clone().pass(client, server)
        })
        .await
    };
    let store = small().stream("TAGBETWEEN").open(&url).await;
    let store = store.expect("opens");
    // All names have their kind of tags.
    for name in ["club.joined", "club.left", "club.noted"] {
        let event = one("others", named(name, &["c"]));
        store.append(event).await.expect("appended");
    }
    let after = store.head().await.expect("a head");
    let left = TagQuery::of(&Club("c"), ["club.left"]).expect("a name");
    let commit = Commit::new().append(one("own", NewEvent::json("club.closed", 1, "{}")));
    let commit = commit.guard(left.clone(), after).guard(of_club("c"), after);
    between.step.store(Between::ARMED, Ordering::SeqCst);
    let done = store.commit(commit).await;
    assert_eq!(between.step.load(Ordering::SeqCst), Between::LEFT);
    let found = found(&store, &left).await;
    let newest = found.last().expect("found").position;
    assert!(newest > after);
    match done {
        Err(CommitError::Guarded { by, .. }) => assert_eq!(by, newest),
        wrong => panic!("`club.left` is excluded: {wrong:?}"),
    }
}

/// Makes an answer say that the replica has looked up to sequence 0 only.
fn up_to_nothing(answer: &mut [u8]) -> bool {
    const HEADER: &[u8] = b"Nats-UpTo-Sequence: ";
    let mut parts = answer.windows(HEADER.len());
    let Some(at) = parts.position(|part| part == HEADER) else {
        return false;
    };
    let digits = answer.iter_mut().skip(at + HEADER.len());
    for digit in digits.take_while(|digit| digit.is_ascii_digit()) {
        *digit = b'0';
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn a_replica_that_is_behind_is_asked_again() {
    let (url, changes) = changing(&node().url(), up_to_nothing).await;
    let store = small().stream("TAGLATE").open(&url).await.expect("opens");
    store
        .append(one("a", joined_event("c")))
        .await
        .expect("appended");
    for (club, wanted) in [("c", 1), ("none", 0)] {
        changes.store(3, Ordering::SeqCst);
        assert_eq!(found(&store, &of_club(club)).await.len(), wanted);
        assert_eq!(changes.load(Ordering::SeqCst), 0, "it was believed");
    }
}

/// A batch has at most a thousand messages.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn more_tags_than_a_batch_has_messages_are_refused_before_anything_is_written() {
    let store = open("TAGMANY").await;
    let events = |count: usize| (0..count).map(|number| joined_event(&number.to_string()));
    let append = |count| Append::new(order("one"), ExpectedVersion::Any).with_events(events(count));
    let refused = store.append(append(999)).await.expect_err("too many");
    assert!(refused.to_string().contains("1000"), "{refused}");
    assert_eq!(store.head().await.expect("a head"), Position::START);
    // The name, its tags and the commit.
    store.append(append(998)).await.expect("appended");
    assert_eq!(found(&store, &of_club("997")).await.len(), 1);
    // One tag of all events is one message.
    let same = (0..1_000).map(|_| joined_event("same"));
    let same = Append::new(order("two"), ExpectedVersion::Any).with_events(same);
    store.append(same).await.expect("appended");
    let page = store
        .read_tagged(&of_club("same"), Position::START, ReadLimit::events(1_000))
        .await;
    let numbers: BTreeSet<_> = page
        .expect("readable")
        .events
        .iter()
        .map(|event| event.version)
        .collect();
    assert_eq!(numbers.len(), 1_000);
}

/// A query by two tags reads those of the rarer one.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
async fn the_rarest_tag_of_a_query_is_read() {
    let (store, said) = reading::open("TAGRARE").await;
    let member = |name: &str| {
        let tags = vec![EventTag::of(&Club("all")), EventTag::of(&Member(name))];
        NewEvent::json("club.joined", 1, "{}").with_tags(tags)
    };
    for part in 0..6 {
        let events = (0..50).map(|number| member(&format!("{part}-{number}")));
        let append = Append::new(order("many"), ExpectedVersion::Any).with_events(events);
        store.append(append).await.expect("appended");
        store
            .append(one("few", member("rare")))
            .await
            .expect("appended");
    }
    let query = of_club("all").and(&Member("rare"));
    let _ = said.take([FROM_ANY]);
    assert_eq!(found(&store, &query).await.len(), 6);
    // Both ends, both counts, one list, and the events.
    assert_eq!(said.take([FROM_ANY]), [2 + 2 + 1 + 6]);
    let other = TagQuery::of(&Member("rare"), ["club.joined"]).expect("a name");
    assert_eq!(found(&store, &other.and(&Club("all"))).await.len(), 6);
}
