// The program of every release, included after the release's own `Deposited`: it answers lines on
// its standard input, `deposit ID CENTS` and `load ID`.

use es_runtime::{Aggregate, Apply, Events, Handle, Repository};
use es_sqlite::SqliteStore;
use std::{
    convert::Infallible,
    io::{BufRead, Write},
};

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, error = Infallible)]
#[aggregate(events(Deposited), commands(Deposit))]
struct Account {
    cents: i64,
}

#[derive(Clone)]
struct Deposit(i64);

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents();
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, Deposit(cents): Deposit) -> Result<Events<Self>, Infallible> {
        Ok(Deposited::new(cents).into())
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(2).ok_or("PATH")?;
    let accounts = Repository::<Account, _>::new(SqliteStore::open(path).await?);
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["deposit", id, cents] => accounts
                .execute((*id).to_owned(), Deposit(cents.parse()?))
                .await
                .map(|done| (done.version, done.state.cents))
                .map_err(|error| error.to_string()),
            ["load", id] => accounts
                .load(&(*id).to_owned())
                .await
                .map(|loaded| (loaded.version, loaded.state.cents))
                .map_err(|error| error.to_string()),
            _ => return Err("deposit ID CENTS or load ID".into()),
        };
        match answer {
            Ok((version, cents)) => writeln!(out, "{version} {cents}")?,
            Err(error) => writeln!(out, "refused: {error}")?,
        }
        out.flush()?;
    }
    Ok(())
}
