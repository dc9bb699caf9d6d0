//! What sagas and process managers write claims its unique values, as what a command writes does.

use es_runtime::{
    Aggregate, AnyStore, Envelope, Event, EventStore, Events, Handle, Repository,
    command::AggregateCommand,
};
use es_sagas::{OnRejected, ProcessManager, ReactTo, Reactions, Rejected, Sagas, Start, saga};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("member.joined")]
struct Joined {
    #[unique("member.email")]
    email: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("member.left", releases("member.email"))]
struct Left {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("member", id = String, error = Infallible, events(ignore(Joined, Left)))]
struct Member {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("card.printed")]
struct Printed {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("card.shredded")]
struct Shredded {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("card", id = String, error = Infallible, events(ignore(Printed, Shredded)))]
struct Card {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("form.sent")]
struct Sent {
    email: String,
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("form", id = String, error = Infallible, events(ignore(Sent)))]
struct Form {}

/// A command that stores an event.
#[derive(Clone)]
struct Say<E>(E);

macro_rules! says {
    ($($aggregate:ident: $($event:ident)+;)*) => {$($(
        impl Handle<Say<$event>> for $aggregate {
            fn handle(&self, Say(event): Say<$event>) -> Result<Events<Self>, Infallible> {
                Ok(event.into())
            }
        }
    )+)*};
}

says! {
    Member: Joined Left;
    Card: Printed Shredded;
    Form: Sent;
}

#[derive(Serialize, Deserialize)]
struct Admission {
    member: String,
    email: String,
}

#[saga("admission", version = 1)]
impl Admission {
    #[start]
    fn sent(sent: &Envelope<Sent>) -> Option<Start<Self>> {
        let (member, email) = (sent.stream.id().to_owned(), sent.event.email.clone());
        Some(Start::new(member.clone(), Self { member, email }))
    }

    #[command(undo = shred)]
    fn print(&self) -> AggregateCommand {
        AggregateCommand::new::<Card, _>(&self.member, Say(Printed {}))
    }

    #[undo]
    fn shred(&self) -> AggregateCommand {
        AggregateCommand::new::<Card, _>(&self.member, Say(Shredded {}))
    }

    #[command(undo = leave)]
    fn join(&self) -> AggregateCommand {
        let email = self.email.clone();
        AggregateCommand::new::<Member, _>(&self.member, Say(Joined { email }))
    }

    #[undo]
    fn leave(&self) -> AggregateCommand {
        AggregateCommand::new::<Member, _>(&self.member, Say(Left {}))
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("desk.saw")]
struct Saw {}

/// It admits whoever sends a form.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("desk", id = String, error = Infallible, events(ignore(Saw)))]
#[process_manager(reacts(Sent))]
struct Desk {}

impl ReactTo<Sent> for Desk {
    fn correlate(sent: &Envelope<Sent>) -> Option<String> {
        Some(sent.stream.id().to_owned())
    }

    fn react(&self, sent: &Envelope<Sent>) -> Reactions<Self> {
        let (member, email) = (sent.stream.id().to_owned(), sent.event.email.clone());
        Reactions::none()
            .event(Saw {})
            .command::<Member, _>(&member, Say(Joined { email }))
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("clerk.saw")]
struct Noticed {
    rejected: bool,
}

/// It admits whoever sends a form, and prints a card for who cannot be admitted.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("clerk", id = String, error = Infallible, events(ignore(Noticed)))]
#[process_manager(reacts(Sent), rejections)]
struct Clerk {}

impl ReactTo<Sent> for Clerk {
    fn correlate(sent: &Envelope<Sent>) -> Option<String> {
        Some(sent.stream.id().to_owned())
    }

    fn react(&self, sent: &Envelope<Sent>) -> Reactions<Self> {
        let (member, email) = (sent.stream.id().to_owned(), sent.event.email.clone());
        Reactions::none()
            .event(Noticed { rejected: false })
            .command::<Member, _>(&member, Say(Joined { email }))
    }
}

impl OnRejected for Clerk {
    fn rejected(&self, rejected: &Rejected) -> Reactions<Self> {
        let stream = rejected.stream.as_ref().expect("a stream");
        assert_eq!(stream.aggregate(), "member");
        assert!(rejected.reason.contains("member.email"), "{rejected}");
        Reactions::none()
            .event(Noticed { rejected: true })
            .command::<Card, _>(&stream.id().to_owned(), Say(Printed {}))
    }
}

/// Sends three forms, the first two with one address.
async fn send(store: &AnyStore) {
    let forms = Repository::<Form>::new(store.clone()).cached(10);
    for (id, email) in [
        ("1", "ada@example.com"),
        ("2", "ada@example.com"),
        ("3", "bob@example.com"),
    ] {
        let email = email.to_owned();
        forms
            .execute(id, Say(Sent { email }))
            .await
            .expect("stored");
    }
}

async fn versions(store: &AnyStore, id: &str) -> (u64, u64) {
    let members: Repository<Member> = Repository::new(store.clone());
    let cards: Repository<Card> = Repository::new(store.clone());
    let member = members.load(id).await.expect("read").version;
    (member, cards.load(id).await.expect("read").version)
}

async fn holder(store: &AnyStore, email: &str) -> Option<String> {
    let holder = store.unique_holder("member.email", email).await;
    holder.expect("read").map(|stream| stream.id().to_owned())
}

/// A step whose value is taken did not happen, like one that the aggregate rejects: the steps before it are undone, and it is not.
async fn a_saga_whose_value_is_taken_is_undone(store: AnyStore) {
    send(&store).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<Admission>(());
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (0, 0));
    assert_eq!(
        holder(&store, "ada@example.com").await.as_deref(),
        Some("1")
    );
    assert_eq!(
        holder(&store, "bob@example.com").await.as_deref(),
        Some("3")
    );
    assert_eq!(versions(&store, "1").await, (1, 1));
    assert_eq!(versions(&store, "2").await, (0, 2));
    let shown = sagas.show("admission", "2").await.expect("shown");
    assert_eq!(shown.state.phase_text(), "compensated");
    let failure = format!("{:?}", shown.state.failure.expect("a reason"));
    assert!(
        failure.contains("member.email") && !failure.contains("ada"),
        "{failure}"
    );
}

/// Nothing of the reaction is stored, and the instance waits for an operator.
async fn a_process_manager_whose_value_is_taken_is_parked(store: AnyStore) {
    send(&store).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Desk>();
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!(idle.parked, 1);
    assert_eq!(
        holder(&store, "ada@example.com").await.as_deref(),
        Some("1")
    );
    assert_eq!(
        holder(&store, "bob@example.com").await.as_deref(),
        Some("3")
    );
    assert_eq!(versions(&store, "2").await.0, 0);
    let desks: Repository<Desk> = Repository::new(store.clone());
    assert_eq!(desks.load("2").await.expect("read").version, 0);
    let shown = sagas.show_process("desk", "2").await.expect("shown");
    let reason = format!("{shown:?}");
    assert!(
        reason.contains("member.email") && !reason.contains("ada"),
        "{reason}"
    );
}

/// A process manager that handles rejections gets this one, as if the aggregate had rejected its command.
async fn a_process_manager_reacts_to_a_value_that_is_taken(store: AnyStore) {
    send(&store).await;
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Clerk>();
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!(idle.parked, 0);
    for (id, expected) in [("1", (1, 0)), ("2", (0, 1)), ("3", (1, 0))] {
        assert_eq!(versions(&store, id).await, expected, "{id}");
    }
}

on_each_store! {
    a_saga_whose_value_is_taken_is_undone
    a_process_manager_whose_value_is_taken_is_parked
    a_process_manager_reacts_to_a_value_that_is_taken
}
