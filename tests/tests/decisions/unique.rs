//! Customers whose e-mail addresses are unique: the derives on every store.

use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted, turn_on};
use es_runtime::{
    Aggregate, AnyStore, Append, AppendError, Apply, Codec, CommitError, Event, EventSet,
    EventStore, Events, ExecuteError, ExpectedVersion, Handle, NewEvent, OnDuplicates, Repository,
    StreamId,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, error::Error, fmt, sync::Mutex};

const EMAIL: &str = "customer.email";

fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.registered")]
struct Registered {
    #[unique(form = normal)]
    email: Option<String>,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.email_changed")]
struct EmailChanged {
    #[unique("customer.email", form = normal, keep = "3d")]
    email: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.email_swapped")]
struct EmailSwapped {
    #[unique("customer.email", form = normal)]
    email: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.closed", releases("customer.email"))]
struct Closed {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("customer.suspended", releases("customer.email", keep = "3d"))]
struct Suspended {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("customer", id = String, error = Infallible)]
#[aggregate(events(Registered, EmailChanged, EmailSwapped, ignore(Closed, Suspended)))]
struct Customer {
    email: String,
}

impl Apply<Registered> for Customer {
    fn apply(&mut self, event: &Registered) {
        self.email = event.email.clone().unwrap_or_default();
    }
}

impl Apply<EmailChanged> for Customer {
    fn apply(&mut self, event: &EmailChanged) {
        self.email.clone_from(&event.email);
    }
}

impl Apply<EmailSwapped> for Customer {
    fn apply(&mut self, event: &EmailSwapped) {
        self.email.clone_from(&event.email);
    }
}

/// A command that stores an event.
#[derive(Clone)]
struct Say(CustomerEvent);

impl Handle<Say> for Customer {
    fn handle(&self, say: Say) -> Result<Events<Self>, Infallible> {
        Ok(say.0.into())
    }
}

/// One customer gives the address to another one.
#[derive(Decision)]
#[decision("hand_over", error = Infallible, reads(from: Customer(from), to: Customer(to)))]
struct HandOver {
    from: String,
    to: String,
}

impl Decide for HandOver {
    fn decide(&self, read: &HandOverReads) -> Result<Emitted<Self>, Infallible> {
        let email = read.from.email.clone();
        let taken: Events<Customer> = EmailSwapped { email }.into();
        Ok(Emitted::new()
            .on::<Customer>(&self.from, Closed {}.into())
            .on(&self.to, taken))
    }
}

/// Each of two takes what the other one still has.
#[derive(Decision)]
#[decision("swap", error = Infallible, reads(one: Customer(one), other: Customer(other)))]
struct Swap {
    one: String,
    other: String,
}

impl Decide for Swap {
    fn decide(&self, read: &SwapReads) -> Result<Emitted<Self>, Infallible> {
        let takes = |of: &Customer| -> Events<Customer> {
            let email = of.email.clone();
            EmailSwapped { email }.into()
        };
        Ok(Emitted::new()
            .on(&self.one, takes(&read.other))
            .on(&self.other, takes(&read.one)))
    }
}

fn registered(email: &str) -> CustomerEvent {
    let email = Some(email.to_owned());
    Registered { email }.into()
}

fn changed(email: &str) -> CustomerEvent {
    let email = email.to_owned();
    EmailChanged { email }.into()
}

fn customer(id: &str) -> StreamId {
    StreamId::new("customer", id).expect("an id")
}

/// All that an error shows of itself, with its sources.
fn shown(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text += &format!(" {inner} {inner:?}");
        source = inner.source();
    }
    text
}

/// The stream that has the address, which no error shows.
fn holder(refused: Result<impl fmt::Debug, ExecuteError<Infallible>>) -> StreamId {
    let error = refused.expect_err("the address is taken");
    let text = shown(&error).to_lowercase();
    assert!(!text.contains("ada") && text.contains(EMAIL), "{text}");
    match error {
        ExecuteError::Append(AppendError::Taken { rule, holder, .. }) => {
            assert_eq!(rule, EMAIL);
            holder
        }
        wrong => panic!("the address is taken, and not {wrong}"),
    }
}

async fn has(store: &AnyStore, email: &str) -> Option<StreamId> {
    store.unique_holder(EMAIL, email).await.expect("read")
}

async fn two_customers_cannot_have_one_address(store: AnyStore) {
    let customers: Repository<Customer> = Repository::new(store.clone()).cached(10);
    let say = async |id: &str, event| customers.execute(id, Say(event)).await;
    say("1", registered("Ada@Example.com"))
        .await
        .expect("it is free");
    let refused = say("2", registered(" ada@example.COM ")).await;
    assert_eq!(holder(refused), customer("1"));
    assert_eq!(customers.load("2").await.expect("read").version, 0);
    assert_eq!(has(&store, "ada@example.com").await, Some(customer("1")));
    assert_eq!(has(&store, "Ada@Example.com").await, None);
    // The own address in other letters is no second claim.
    say("1", changed("ADA@example.com")).await.expect("its own");
}

async fn a_changed_address_stays_reserved_and_a_closed_one_is_free(store: AnyStore) {
    let customers: Repository<Customer> = Repository::new(store.clone()).cached(10);
    let say = async |id: &str, event| customers.execute(id, Say(event)).await;
    say("1", registered("ada@old.com")).await.expect("free");
    say("1", changed("ada@new.com")).await.expect("free");
    assert_eq!(
        holder(say("2", registered("ada@old.com")).await),
        customer("1")
    );
    say("1", changed("ada@old.com"))
        .await
        .expect("reserved for it");
    say("1", Closed {}.into()).await.expect("closed");
    say("2", registered("ada@old.com")).await.expect("free");
    say("2", Suspended {}.into()).await.expect("suspended");
    assert_eq!(
        holder(say("3", registered("ada@old.com")).await),
        customer("2")
    );
}

async fn a_customer_without_an_address_claims_none(store: AnyStore) {
    let customers: Repository<Customer> = Repository::new(store.clone()).cached(10);
    let say = async |id: &str, event| customers.execute(id, Say(event)).await;
    for id in ["1", "2"] {
        let event = Registered { email: None };
        say(id, event.into()).await.expect("nothing is claimed");
    }
    say("2", changed("ada@example.com")).await.expect("free");
    // `None` leaves the address with its customer.
    let event = Registered { email: None };
    say("2", event.into()).await.expect("nothing is claimed");
    assert_eq!(
        holder(say("1", changed("ada@example.com")).await),
        customer("2")
    );
}

async fn a_decision_hands_an_address_over(store: AnyStore) {
    let customers: Repository<Customer> = Repository::new(store.clone()).cached(10);
    let decisions = Decisions::new(store.clone());
    let say = async |id: &str, event| customers.execute(id, Say(event)).await;
    say("1", registered("ada@one.com")).await.expect("free");
    say("2", registered("ada@two.com")).await.expect("free");
    let (one, other) = ("1".to_owned(), "2".to_owned());

    // The first of two claims meets the other's address, which nobody has given back yet.
    let swap = Swap {
        one: one.clone(),
        other: other.clone(),
    };
    let refused = decisions.execute(swap).await.expect_err("taken");
    let text = shown(&refused).to_lowercase();
    assert!(!text.contains("ada") && text.contains(EMAIL), "{text}");
    assert!(
        matches!(&refused, DecisionError::Commit(CommitError::Append(AppendError::Taken { rule, holder, .. }))
            if rule == EMAIL && *holder == customer("2")),
        "{refused}"
    );
    assert_eq!(has(&store, "ada@one.com").await, Some(customer("1")));

    // In two steps they swap.
    let hand_over = HandOver {
        from: one,
        to: other,
    };
    decisions.execute(hand_over).await.expect("handed over");
    assert_eq!(has(&store, "ada@one.com").await, Some(customer("2")));
    assert_eq!(has(&store, "ada@two.com").await, None);
    say("1", changed("ada@two.com")).await.expect("free");
    assert_eq!(has(&store, "ada@two.com").await, Some(customer("1")));
}

/// Events that are older than their rule.
mod before {
    use super::{Deserialize, Event, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event("customer.registered")]
    pub(super) struct Registered {
        pub(super) email: Option<String>,
    }
}

/// An address that is made of what another customer has at the moment. `meanwhile` is called once.
#[derive(Decision)]
#[decision("numbered", error = Infallible, reads(own: Customer(own), counter: Customer(counter)))]
struct Numbered {
    own: String,
    counter: String,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Decide for Numbered {
    fn decide(&self, read: &NumberedReads) -> Result<Emitted<Self>, Infallible> {
        if let Some(meanwhile) = self.meanwhile.lock().expect("no panic").take() {
            meanwhile();
        }
        let next = |what: &str| -> Events<Customer> {
            let email = format!("{what}-{}@example.com", read.counter.version());
            EmailChanged { email }.into()
        };
        Ok(Emitted::new()
            .on(&self.own, next("number"))
            .on(&self.counter, next("counter")))
    }
}

/// The value was taken by the writer that was first at the counter, so it is no reason to give up.
async fn a_value_of_an_old_state_is_decided_again(store: AnyStore) {
    let numbered = |own: &str, meanwhile| Numbered {
        own: own.to_owned(),
        counter: "counter".to_owned(),
        meanwhile: Mutex::new(meanwhile),
    };
    let first = numbered("1", None);
    let other = Decisions::new(store.clone());
    let meanwhile: Box<dyn FnOnce() + Send> = Box::new(move || {
        let done = std::thread::spawn(move || {
            futures_executor::block_on(other.execute(first).into_future())
        });
        done.join().expect("no panic").expect("stored");
    });
    let decisions = Decisions::new(store.clone());
    let done = decisions.execute(numbered("2", Some(meanwhile))).await;
    assert_eq!(done.expect("decided again").attempts, 2);
    assert_eq!(
        has(&store, "number-0@example.com").await,
        Some(customer("1"))
    );
    assert_eq!(
        has(&store, "number-1@example.com").await,
        Some(customer("2"))
    );
}

async fn the_rule_of_a_set_is_turned_on_for_older_events(store: AnyStore) {
    for (id, email) in [("1", "Ada@Example.com"), ("2", "bob@example.com")] {
        let email = Some(email.to_owned());
        let payload = before::Registered { email }
            .to_payload(Codec::Json)
            .expect("encodes");
        let event = NewEvent::json("customer.registered", 1, payload);
        let append = Append::new(customer(id), ExpectedVersion::NoStream).with_event(event);
        store.append(append).await.expect("stored");
    }
    let rules = CustomerEvent::UNIQUE_RULES;
    assert!(
        rules.iter().all(|(_, rules)| *rules == [EMAIL]),
        "{rules:?}"
    );
    let walked = turn_on::<CustomerEvent>(&store, EMAIL, OnDuplicates::StayOff).await;
    assert!(walked.expect("walked").is_on);
    assert_eq!(has(&store, "ada@example.com").await, Some(customer("1")));
    let customers: Repository<Customer> = Repository::new(store).cached(10);
    let refused = customers
        .execute("3", Say(registered("ADA@EXAMPLE.COM")))
        .await;
    assert_eq!(holder(refused), customer("1"));
}

on_each!(
    two_customers_cannot_have_one_address,
    a_changed_address_stays_reserved_and_a_closed_one_is_free,
    a_customer_without_an_address_claims_none,
    a_decision_hands_an_address_over,
    a_value_of_an_old_state_is_decided_again,
    the_rule_of_a_set_is_turned_on_for_older_events,
);
