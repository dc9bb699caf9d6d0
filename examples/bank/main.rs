//! A bank account: three events, three commands, stored in SQLite.

use Command::{Deposit, Open, Withdraw};
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Metadata, Repository};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
enum AccountEvent {
    #[event("account.opened")]
    Opened { owner: String },
    #[event("account.deposited")]
    Deposited { cents: u64 },
    #[event("account.withdrawn")]
    Withdrawn { cents: u64 },
}

#[derive(Clone)]
enum Command {
    Open { owner: String },
    Deposit { cents: u64 },
    Withdraw { cents: u64 },
}

#[derive(thiserror::Error, Debug, PartialEq)]
enum AccountError {
    #[error("the account is not open")]
    NotOpen,
    #[error("the account is already open")]
    AlreadyOpen,
    #[error("the account does not hold that much")]
    Overdrawn,
}

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, error = AccountError, events = AccountEvent)]
struct Account {
    balance: Option<u64>,
}

impl Apply<AccountEvent> for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.balance = Some(0),
            AccountEvent::Deposited { cents } => self.balance = self.balance.map(|b| b + cents),
            AccountEvent::Withdrawn { cents } => self.balance = self.balance.map(|b| b - cents),
        }
    }
}

impl Handle<Command> for Account {
    fn handle(&self, command: Command) -> Result<Events<Self>, AccountError> {
        match (command, self.balance) {
            (Open { owner }, None) => Ok(AccountEvent::Opened { owner }.into()),
            (Open { .. }, Some(_)) => Err(AccountError::AlreadyOpen),
            (_, None) => Err(AccountError::NotOpen),
            (Deposit { cents }, Some(_)) => Ok(AccountEvent::Deposited { cents }.into()),
            (Withdraw { cents }, Some(held)) if cents > held => Err(AccountError::Overdrawn),
            (Withdraw { cents }, Some(_)) => Ok(AccountEvent::Withdrawn { cents }.into()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("bank.db")).await?;
    let accounts = Repository::<Account, _>::new(store);
    let id = "DE02-1203".to_owned();

    let owner = "Alice".to_owned();
    accounts.execute(&id, Open { owner }).await?;
    let who = Metadata::new().with_user("teller 7");
    let done = accounts
        .execute(&id, Deposit { cents: 2_000 })
        .metadata(who)
        .await?;
    assert_eq!((done.version, done.state.balance), (2, Some(2_000)));

    if let Err(refused) = accounts.execute(&id, Withdraw { cents: 9_900 }).await {
        println!("refused: {refused}");
    }
    Ok(())
}
