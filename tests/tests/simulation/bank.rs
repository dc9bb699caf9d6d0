//! Commands, a decision, a saga, a process manager and a subscription by processes that die. What is stored must be right in
//! each history, and an application with a fault must be caught.

use es_decisions::{Decide, Decision, Emitted};
use es_projections::{Delivery, HandlerError, React, Subscription};
use es_runtime::{Aggregate, AppendId, Apply, Envelope, Event, Events, Handle, RecordedEvent};
use es_sagas::{
    AggregateCommand, Effect, Fail, ProcessManager, ReactTo, Reactions, Start, StepCx, saga,
};
use es_testkit::sim::{Faults, Process, Sim, histories};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    panic::catch_unwind,
    sync::{Arc, Mutex},
};

/// Money came from outside.
#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
pub(crate) struct Deposited {
    pub(crate) cents: u64,
    pub(crate) request: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.sent")]
pub(crate) struct Sent {
    pub(crate) cents: u64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.received")]
pub(crate) struct Received {
    pub(crate) cents: u64,
}

/// Money went outside.
#[derive(Event, Serialize, Deserialize)]
#[event("account.paid_out")]
pub(crate) struct PaidOut {
    pub(crate) cents: u64,
}

#[derive(Clone)]
pub(crate) struct Deposit(pub(crate) u64, pub(crate) String);

#[derive(Clone)]
pub(crate) struct Send(pub(crate) u64);

#[derive(Clone)]
pub(crate) struct Receive(pub(crate) u64);

#[derive(Clone)]
pub(crate) struct TakeOut(pub(crate) u64);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("not enough money")]
pub(crate) struct NotEnough;

#[derive(Aggregate, Clone, Default)]
#[aggregate("account", id = String, error = NotEnough, events(Deposited, Sent, Received, PaidOut))]
pub(crate) struct Account {
    pub(crate) cents: u64,
}

impl Account {
    fn has(&self, cents: u64) -> Result<(), NotEnough> {
        if self.cents < cents {
            Err(NotEnough)
        } else {
            Ok(())
        }
    }
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

impl Apply<Sent> for Account {
    fn apply(&mut self, event: &Sent) {
        self.cents -= event.cents;
    }
}

impl Apply<Received> for Account {
    fn apply(&mut self, event: &Received) {
        self.cents += event.cents;
    }
}

impl Apply<PaidOut> for Account {
    fn apply(&mut self, event: &PaidOut) {
        self.cents -= event.cents;
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, Deposit(cents, request): Deposit) -> Result<Events<Self>, NotEnough> {
        Ok(Deposited { cents, request }.into())
    }
}

impl Handle<Send> for Account {
    fn handle(&self, Send(cents): Send) -> Result<Events<Self>, NotEnough> {
        self.has(cents)?;
        Ok(Sent { cents }.into())
    }
}

impl Handle<Receive> for Account {
    fn handle(&self, Receive(cents): Receive) -> Result<Events<Self>, NotEnough> {
        Ok(Received { cents }.into())
    }
}

impl Handle<TakeOut> for Account {
    fn handle(&self, TakeOut(cents): TakeOut) -> Result<Events<Self>, NotEnough> {
        self.has(cents)?;
        Ok(PaidOut { cents }.into())
    }
}

#[derive(Decision)]
#[decision("transfer", error = NotEnough, reads(from: Account(from), to: Account(to)))]
struct Transfer {
    from: String,
    to: String,
    cents: u64,
}

impl Decide for Transfer {
    fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, NotEnough> {
        let out = read.from.handle(Send(self.cents))?;
        let into = read.to.handle(Receive(self.cents))?;
        Ok(Emitted::new().on(&self.from, out).on(&self.to, into))
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("payout.requested")]
struct PayoutRequested {
    account: String,
    cents: u64,
}

#[derive(Clone)]
struct RequestPayout(String, u64);

#[derive(Aggregate, Clone, Default)]
#[aggregate("payout", id = String, error = Infallible, events(PayoutRequested))]
struct Payout {
    requested: bool,
}

impl Apply<PayoutRequested> for Payout {
    fn apply(&mut self, _: &PayoutRequested) {
        self.requested = true;
    }
}

impl Handle<RequestPayout> for Payout {
    fn handle(
        &self,
        RequestPayout(account, cents): RequestPayout,
    ) -> Result<Events<Self>, Infallible> {
        if self.requested {
            return Ok(Events::none());
        }
        Ok(PayoutRequested { account, cents }.into())
    }
}

/// What was paid out, and for whom cash is held. It knows the keys of its requests, as the services of sagas must.
#[derive(Default)]
struct Ledger {
    paid: BTreeMap<String, u64>,
    held: BTreeMap<String, String>,
    /// What was taken back under its key is not done any more.
    taken_back: BTreeSet<String>,
    /// Cash that was let go while the payment was still there.
    let_go_first: usize,
}

#[derive(Clone, Default)]
struct Bank(Arc<Mutex<Ledger>>);

impl Bank {
    fn ask<T>(&self, ask: impl FnOnce(&mut Ledger) -> T) -> Result<T, Fail> {
        let mut books = self.0.lock().map_err(|_| Fail::transient("poisoned"))?;
        Ok(ask(&mut books))
    }
}

#[derive(Serialize, Deserialize)]
struct PayOut {
    account: String,
    cents: u64,
}

#[saga("pay-out", version = 1, deps = Bank, timeout = "5s")]
#[allow(clippy::unused_async, reason = "steps of a test")]
impl PayOut {
    #[start]
    fn requested(requested: &Envelope<PayoutRequested>) -> Option<Start<Self>> {
        let PayoutRequested { account, cents } = &requested.event;
        let (account, cents) = (account.clone(), *cents);
        Some(Start::new(requested.stream.id(), Self { account, cents }))
    }

    #[step(undo = let_go)]
    async fn hold(&self, bank: &Bank, cx: &StepCx) -> Result<String, Fail> {
        let (key, payout) = (cx.key().to_string(), cx.id().to_owned());
        bank.ask(|books| {
            // A request that comes late.
            if books.taken_back.contains(&key) {
                return Err(Fail::fatal("it was let go"));
            }
            books.held.insert(key.clone(), payout);
            Ok(key)
        })?
    }

    #[undo]
    async fn let_go(&self, bank: &Bank, cx: &StepCx, did: Effect<&String>) -> Result<(), Fail> {
        bank.ask(|books| {
            books.held.remove(&did.key().to_string());
            books.taken_back.insert(did.key().to_string());
            books.let_go_first += usize::from(books.paid.contains_key(cx.id()));
        })
    }

    #[step(undo = take_back)]
    async fn pay(&self, bank: &Bank, cx: &StepCx, hold: &String) -> Result<String, Fail> {
        let key = cx.key().to_string();
        bank.ask(|books| {
            if books.taken_back.contains(&key) {
                return Err(Fail::fatal("it was taken back"));
            }
            books.paid.insert(cx.id().to_owned(), self.cents);
            Ok(format!("{key} out of {hold}"))
        })?
    }

    #[undo]
    async fn take_back(&self, bank: &Bank, cx: &StepCx, did: Effect<&String>) -> Result<(), Fail> {
        bank.ask(|books| {
            books.taken_back.insert(did.key().to_string());
            books.paid.remove(cx.id());
        })
    }

    /// Rejected where the account has too little. Then the payment is taken back.
    #[command(pivot)]
    fn take_out(&self) -> AggregateCommand {
        AggregateCommand::new::<Account, _>(&self.account, TakeOut(self.cents))
    }
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("audit.noted")]
struct Noted {
    event: String,
}

/// Notes each payment of an account.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("audit", id = String, error = Infallible, events(ignore(Noted)))]
#[process_manager(reacts(all of Account::{PaidOut, ignore(Deposited, Sent, Received)}))]
struct Audit {}

impl ReactTo<PaidOut> for Audit {
    fn correlate(paid: &Envelope<PaidOut>) -> Option<String> {
        Some(paid.stream.id().to_owned())
    }

    fn react(&self, paid: &Envelope<PaidOut>) -> Reactions<Self> {
        let event = paid.event_id.to_string();
        Reactions::none().event(Noted { event })
    }
}

/// The sum of all deposits, as a service that gets each of them.
#[derive(Subscription, Clone, Default)]
#[subscription("sums", events(Deposited))]
struct Sums {
    delivered: Arc<Mutex<BTreeMap<String, u64>>>,
    sum: Arc<Mutex<u64>>,
}

impl React<Deposited> for Sums {
    async fn react(
        &self,
        deposited: &Envelope<Deposited>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let cents = deposited.event.cents;
        let mut delivered = self
            .delivered
            .lock()
            .map_err(|_| HandlerError::new("poisoned"))?;
        delivered.insert(delivery.id().to_owned(), cents);
        *self.sum.lock().map_err(|_| HandlerError::new("poisoned"))? += cents;
        Ok(())
    }
}

const ACCOUNTS: [&str; 3] = ["ann", "bob", "eve"];

/// What the application does wrong, where it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// A request that is repeated after a crash is a new one.
    NoAppendIds,
    /// Two commands instead of a decision.
    TransferInTwoSteps,
    /// What is delivered again counts again.
    NotIdempotent,
}

/// The requests that were answered with success.
#[derive(Clone, Default)]
struct Answered(Arc<Mutex<BTreeSet<String>>>);

fn client(process: &Process, seed: u64, answered: &Answered, fault: Fault) {
    let accounts = process.repository::<Account>();
    let cached = process.repository::<Account>().cached(2);
    let payouts = process.repository::<Payout>();
    let decisions = process.decisions();
    // A client that starts again repeats its requests.
    let mut random = fastrand::Rng::with_seed(seed);
    let answered = answered.clone();
    process.spawn(async move {
        for request in 0..8 {
            let request = format!("{seed}-{request}");
            let id = match fault {
                Fault::NoAppendIds => {
                    AppendId::new(es_runtime::EventId::new().to_string()).expect("an id")
                }
                _ => AppendId::new(&request).expect("an id"),
            };
            let mut account = || ACCOUNTS[random.usize(..ACCOUNTS.len())].to_owned();
            let (account, other) = (account(), account());
            let (cents, what) = (random.u64(1..20), random.u8(..4));
            let accounts = if random.bool() { &cached } else { &accounts };
            match what {
                0 | 1 => {
                    let deposit = Deposit(cents, request.clone());
                    let done = accounts.execute(&account, deposit).append_id(id).await;
                    if done.is_ok() {
                        answered.0.lock().expect("not poisoned").insert(request);
                    }
                }
                2 => {
                    let payout = RequestPayout(account, cents);
                    let _ = payouts.execute(&request, payout).append_id(id).await;
                }
                _ if account == other => {}
                _ if fault == Fault::TransferInTwoSteps => {
                    let sent = accounts
                        .execute(&account, Send(cents))
                        .append_id(id.clone());
                    if sent.await.is_ok() {
                        let received = accounts.execute(&other, Receive(cents));
                        let _ = received.append_id(id).await;
                    }
                }
                _ => {
                    let (from, to) = (account, other);
                    let transfer = Transfer { from, to, cents };
                    let _ = decisions.execute(transfer).append_id(id).await;
                }
            }
        }
    });
}

/// The events of one kind, decoded.
fn of<E: Event>(events: &[RecordedEvent]) -> Vec<E> {
    let of_name = events.iter().filter(|event| *event.name == *E::NAME);
    let decoded = of_name.map(|event| E::from_payload(event.stored_payload()));
    decoded.collect::<Result<_, _>>().expect("decodes")
}

/// Two clients, two workers and a mailer; and what must be true in the end.
fn bank(sim: &Sim, fault: Fault) {
    let (answered, paid, sums) = (Answered::default(), Bank::default(), Sums::default());
    for number in 0..2 {
        let (seed, answered) = (2 * sim.seed() + number, answered.clone());
        sim.process(move |process| client(process, seed, &answered, fault));
    }
    for _ in 0..2 {
        let bank = paid.clone();
        sim.process(move |process| {
            let sagas = process.sagas().from_the_beginning(true);
            let sagas = sagas.with::<PayOut>(bank.clone());
            process.run_sagas(sagas.with_process_manager::<Audit>());
        });
    }
    let mailer = sums.clone();
    sim.process(move |process| process.subscribe(mailer.clone()));
    sim.run();

    let events = sim.events();
    let deposits = of::<Deposited>(&events);
    let requests: BTreeSet<_> = deposits.iter().map(|deposit| &deposit.request).collect();
    assert_eq!(requests.len(), deposits.len(), "a request counts twice");
    let answered = answered.0.lock().expect("not poisoned");
    let lost = answered.iter().find(|request| !requests.contains(request));
    assert_eq!(lost, None, "a confirmed request is lost");

    let deposited: u64 = deposits.iter().map(|event| event.cents).sum();
    let sent: u64 = of::<Sent>(&events).iter().map(|event| event.cents).sum();
    let received: u64 = of::<Received>(&events)
        .iter()
        .map(|event| event.cents)
        .sum();
    assert_eq!(sent, received, "a transfer came half");
    let payments = of::<PaidOut>(&events);
    let paid_out: u64 = payments.iter().map(|event| event.cents).sum();
    let accounts = ACCOUNTS.map(|account| sim.load::<Account>(account).state.cents);
    assert_eq!(accounts.iter().sum::<u64>(), deposited - paid_out);

    let books = paid.0.lock().expect("not poisoned");
    let paid: u64 = books.paid.values().sum();
    assert_eq!(paid, paid_out, "the bank paid something else");
    assert_eq!(books.held.len(), payments.len(), "cash is held for nobody");
    assert_eq!(books.let_go_first, 0, "cash was let go before it came back");
    let notes: BTreeSet<_> = of::<Noted>(&events)
        .into_iter()
        .map(|note| note.event)
        .collect();
    assert_eq!(
        of::<Noted>(&events).len(),
        notes.len(),
        "a payment is noted twice"
    );
    assert_eq!(notes.len(), payments.len(), "a payment is not noted");

    let delivered: u64 = sums.delivered.lock().expect("not poisoned").values().sum();
    assert_eq!(delivered, deposited, "a deposit was not delivered");
    if fault == Fault::NotIdempotent {
        let sum = *sums.sum.lock().expect("not poisoned");
        assert_eq!(sum, deposited, "a deposit was counted twice");
    }
}

/// The application without a fault.
pub(crate) fn right(sim: &Sim) {
    bank(sim, Fault::None);
}

/// Whether one of a hundred histories fails.
fn is_found(fault: Fault) -> bool {
    catch_unwind(|| histories(0..100, |sim| bank(sim, fault))).is_err()
}

#[test]
fn every_history_is_right() {
    histories(0..es_tests::tries(3_000, 200), |sim| bank(sim, Fault::None));
}

#[test]
fn a_seed_gives_the_same_history_again() {
    let run = |seed| {
        let sim = Sim::new(seed, Faults::default());
        bank(&sim, Fault::None);
        let events = sim.events().into_iter();
        let events =
            events.map(|event| (event.stream, event.version, event.name, event.recorded_at));
        (sim.log(), events.collect::<Vec<_>>())
    };
    let mut different = BTreeSet::new();
    for seed in 0..50 {
        let (first, again) = (run(seed), run(seed));
        assert_eq!(first, again, "seed {seed}");
        different.insert(first.0);
    }
    assert!(
        different.len() > 40,
        "{} of 50 histories differ",
        different.len()
    );
}

#[test]
fn requests_without_ids_are_found_within_a_hundred_seeds() {
    assert!(is_found(Fault::NoAppendIds));
}

#[test]
fn a_transfer_in_two_steps_is_found_within_a_hundred_seeds() {
    assert!(is_found(Fault::TransferInTwoSteps));
}

#[test]
fn a_subscription_that_counts_twice_is_found_within_a_hundred_seeds() {
    assert!(is_found(Fault::NotIdempotent));
}
