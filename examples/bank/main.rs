//! A bank account: three events, three commands, stored in SQLite.

use self::Command::{Deposit, Open, Withdraw};
use es_runtime::{
    Aggregate, AppendId, Apply, Event, Events, Handle, Metadata, ReadLimit, Repository,
};
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
    let file = std::env::temp_dir().join("bank.db");
    let accounts = Repository::<Account, _>::new(SqliteStore::open(&file).await?);
    let id = "DE02-1203".to_owned();

    // Under the same append id a request that comes again returns its first result.
    let owner = "Alice".to_owned();
    let request = AppendId::new("open-DE02-1203")?;
    let opened = accounts.execute(&id, Open { owner }).append_id(request);
    opened.await?;

    let who = Metadata::new().with_user("teller 7");
    let deposit = accounts.execute(&id, Deposit { cents: 2_000 });
    let done = deposit.metadata(who).await?;
    println!("version {}: {:?} cents", done.version, done.state.balance);

    if let Err(rejected) = accounts.execute(&id, Withdraw { cents: u64::MAX }).await {
        println!("rejected: {rejected}");
    }
    for event in accounts.history(&id, 0, ReadLimit::events(5)).await? {
        println!("{} {} {:?}", event.version, event.recorded_at, event.event);
    }
    println!("sqlite3 {} 'select * from events'", file.display());
    Ok(())
}
