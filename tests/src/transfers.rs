//! Accounts and transfers between them, for processes that are killed.

use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted};
use es_runtime::{
    Aggregate, AnyStore, AppendId, Apply, Event, Events, ExecuteError, Handle, Repository,
    RetryPolicy,
};
use serde::{Deserialize, Serialize};

/// Money came in.
#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
pub struct Deposited {
    cents: u64,
    transfer: String,
}

/// Money went out.
#[derive(Event, Serialize, Deserialize)]
#[event("account.withdrawn")]
pub struct Withdrawn {
    cents: u64,
    transfer: String,
}

/// An account.
#[derive(Aggregate, Clone, Default)]
#[aggregate("account", id = String, error = Overdrawn, events(Deposited, Withdrawn))]
pub struct Account {
    pub(crate) cents: u64,
}

/// There is not enough on the account.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("overdrawn")]
pub struct Overdrawn;

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

impl Apply<Withdrawn> for Account {
    fn apply(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

/// Puts money on an account.
#[derive(Clone)]
pub struct Deposit {
    /// How much.
    pub cents: u64,
    /// What it belongs to.
    pub transfer: String,
}

impl Handle<Deposit> for Account {
    fn handle(&self, deposit: Deposit) -> Result<Events<Self>, Overdrawn> {
        let Deposit { cents, transfer } = deposit;
        Ok(Deposited { cents, transfer }.into())
    }
}

/// Takes money from an account.
#[derive(Clone)]
pub struct Withdraw {
    /// How much.
    pub cents: u64,
    /// What it belongs to.
    pub transfer: String,
}

impl Handle<Withdraw> for Account {
    fn handle(&self, withdraw: Withdraw) -> Result<Events<Self>, Overdrawn> {
        let Withdraw { cents, transfer } = withdraw;
        if self.cents < cents {
            return Err(Overdrawn);
        }
        Ok(Withdrawn { cents, transfer }.into())
    }
}

/// Moves money, in one commit.
#[derive(Decision)]
#[decision("transfer", error = Overdrawn, reads(from: Account(from), to: Account(to)))]
pub struct Transfer {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cents: u64,
    pub(crate) name: String,
}

impl Decide for Transfer {
    fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, Overdrawn> {
        let (cents, transfer) = (self.cents, self.name.clone());
        let out = read.from.handle(Withdraw { cents, transfer })?;
        let transfer = self.name.clone();
        let into = read.to.handle(Deposit { cents, transfer })?;
        Ok(Emitted::new().on(&self.from, out).on(&self.to, into))
    }
}

/// So many accounts there are.
pub const ACCOUNTS: u64 = 6;
/// So much each of them has at first.
pub const AT_FIRST: u64 = 300;

/// Opens the accounts.
pub async fn open(store: &AnyStore) {
    let accounts: Repository<Account> = Repository::new(store.clone());
    for account in 0..ACCOUNTS {
        let deposit = Deposit {
            cents: AT_FIRST,
            transfer: "opened".into(),
        };
        accounts
            .execute(account.to_string(), deposit)
            .await
            .expect("opened");
    }
}

/// The transfer of this worker with this number: the same in each life of the worker.
fn transfer(worker: u64, number: u64) -> Transfer {
    let mut dice = fastrand::Rng::with_seed(worker * 10_000 + number);
    let from = dice.u64(..ACCOUNTS);
    let to = (from + dice.u64(1..ACCOUNTS)) % ACCOUNTS;
    Transfer {
        from: from.to_string(),
        to: to.to_string(),
        cents: dice.u64(1..=120),
        name: format!("{worker}-{number}"),
    }
}

fn patient() -> RetryPolicy {
    RetryPolicy::default().with_attempts(std::num::NonZeroU32::MAX)
}

/// Does one transfer. A rejected one is done.
pub async fn once(store: &AnyStore, worker: u64, number: u64) {
    let transfer = transfer(worker, number);
    let id = AppendId::new(&transfer.name).expect("an id");
    let decisions = Decisions::new(store.clone()).with_retry(patient());
    match decisions.execute(transfer).append_id(id).await {
        Ok(_) | Err(DecisionError::Rejected(Overdrawn)) => {}
        Err(wrong) => panic!("{wrong}"),
    }
}

/// The control: two commands, one after the other, each safe to repeat.
pub async fn apart(store: &AnyStore, worker: u64, number: u64) {
    let Transfer {
        from,
        to,
        cents,
        name: transfer,
    } = transfer(worker, number);
    let id = AppendId::new(&transfer).expect("an id");
    let accounts = Repository::<Account>::new(store.clone()).with_retry(patient());
    let withdraw = Withdraw {
        cents,
        transfer: transfer.clone(),
    };
    match accounts.execute(from, withdraw).append_id(id.clone()).await {
        Ok(_) => {}
        Err(ExecuteError::Rejected(Overdrawn)) => return,
        Err(wrong) => panic!("{wrong}"),
    }
    let deposit = Deposit { cents, transfer };
    accounts
        .execute(to, deposit)
        .append_id(id)
        .await
        .expect("stored");
}
