//! Three processes of ten tasks move money and are killed. What is stored is added up afterwards from the rows alone.

use crate::places::{Row, rows, store_in};
use es_tests::{
    places::Place,
    transfers::{ACCOUNTS, AT_FIRST, open},
    tries,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

const WORKERS: usize = 3;

/// A worker and what it says.
struct Worker {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Worker {
    fn start(store: &str, mode: &str, number: usize, count: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .args(["transfer_worker", store, mode])
            .args([number.to_string(), count.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let says = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, says }
    }

    /// Whether it moved something; otherwise it is done.
    fn moved(&mut self) -> bool {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("a line");
        match line.trim_end() {
            "moved" => true,
            "done" => false,
            other => panic!("the worker says {other:?}"),
        }
    }

    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

/// Starts the workers, kills one of them again and again after some transfers, and lets all come to their end.
fn work(store: &str, mode: &str, kills: usize) {
    let count = tries(100, 60);
    let start = |number| Worker::start(store, mode, number, count);
    let mut workers: Vec<Worker> = (0..WORKERS).map(start).collect();
    for _ in 0..kills {
        let victim = fastrand::usize(..WORKERS);
        for _ in 0..fastrand::u64(..count / 2) {
            if !workers[victim].moved() {
                break;
            }
        }
        std::mem::replace(&mut workers[victim], start(victim)).kill();
    }
    for mut worker in workers {
        while worker.moved() {}
        worker.child.wait().expect("ended");
    }
}

/// What is wrong with the rows, by arithmetic on them alone.
fn audit(rows: &[Row]) -> Result<usize, String> {
    let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
    let mut transfers = BTreeSet::new();
    let opened = rows.iter().take(ACCOUNTS as usize);
    let read = |(account, event, payload): &'_ Row| {
        let payload: serde_json::Value = serde_json::from_str(payload).expect("JSON");
        let cents = payload["cents"].as_i64().expect("a number");
        let transfer = payload["transfer"].as_str().expect("a text").to_owned();
        let signed = if event == "account.withdrawn" {
            -cents
        } else {
            cents
        };
        (account.clone(), signed, transfer)
    };
    for row in opened {
        balances.insert(&row.0, read(row).1);
    }
    let moves = rows
        .get(ACCOUNTS as usize..)
        .expect("the accounts were opened");
    for pair in moves.chunks(2) {
        let [out, into] = pair else {
            return Err("a withdrawal without its deposit".into());
        };
        let ((_, took, transfer), (_, gave, other)) = (read(out), read(into));
        if transfer != other || took >= 0 || took + gave != 0 {
            return Err(format!("{out:?} and {into:?} are not one transfer"));
        }
        if !transfers.insert(transfer) {
            return Err(format!("{out:?} counts twice"));
        }
        for (row, cents) in [(out, took), (into, gave)] {
            let balance = balances
                .get_mut(&*row.0)
                .ok_or("an account that was not opened")?;
            *balance += cents;
            if *balance < 0 {
                return Err(format!("{} is overdrawn", row.0));
            }
        }
    }
    let sum: i64 = balances.values().sum();
    if sum != (ACCOUNTS * AT_FIRST) as i64 {
        return Err(format!("{sum} cents are there"));
    }
    Ok(transfers.len())
}

async fn on(place: Place, mode: &str, kills: usize) -> Result<usize, String> {
    open(&store_in(&place).await).await;
    work(&place.address(), mode, kills);
    audit(&rows(&place))
}

#[tokio::test]
async fn killed_anywhere_no_cent_is_lost_on_sqlite() {
    let transfers = on(Place::sqlite(), "once", tries(24, 8)).await;
    assert!(transfers.expect("the accounts balance") > 20);
}

#[tokio::test]
async fn two_commands_are_not_one_transfer_on_sqlite() {
    let wrong = on(Place::sqlite(), "apart", 2).await;
    wrong.expect_err("withdrawals and deposits are apart");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn killed_anywhere_no_cent_is_lost_on_postgres() {
    let transfers = on(Place::postgres(), "once", tries(24, 8)).await;
    assert!(transfers.expect("the accounts balance") > 20);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn two_commands_are_not_one_transfer_on_postgres() {
    let wrong = on(Place::postgres(), "apart", 2).await;
    wrong.expect_err("withdrawals and deposits are apart");
}
