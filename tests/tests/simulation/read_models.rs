//! Projections of accounts while transactions are rolled back, processes die and handlers fail. Their rows must be those of a
//! rebuild, and those that the accounts say. A projection with a fault must be caught.

use crate::bank::{Account, Deposit, Deposited, PaidOut, Receive, Received, Send, Sent, TakeOut};
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::{AppendId, Envelope, Event};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};
use es_testkit::{
    VirtualClock,
    sim::{Faults, Process, Sim, histories},
};
use std::{
    panic::catch_unwind,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

const ACCOUNTS: [&str; 3] = ["ann", "bob", "eve"];

/// What a projection does wrong, where it does.
#[derive(Clone, Default)]
enum Fault {
    #[default]
    None,
    /// It counts in memory, outside of the transaction.
    CountsInMemory(Arc<AtomicI64>),
    /// It writes the time at which it handles an event.
    AsksTheClock(VirtualClock),
    /// It does nothing for one kind of event.
    IgnoresPayments,
}

/// The balance of each account, and up to which version it was counted.
#[derive(Projection)]
#[projection("balances", events(Deposited, Sent, Received, PaidOut))]
#[projection(schema = "
    CREATE TABLE {balances} (account TEXT PRIMARY KEY, cents BIGINT NOT NULL, version BIGINT NOT NULL);
    CREATE TABLE {entries} (account TEXT, version BIGINT, cents BIGINT NOT NULL, at BIGINT NOT NULL,
                            PRIMARY KEY (account, version));
")]
struct Balances(Fault);

impl Balances {
    async fn count<E: Event>(
        &self,
        event: &Envelope<E>,
        cents: i64,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let (account, version) = (event.stream.id(), event.version);
        let mut at = event.recorded_at.unix_micros();
        if let Fault::AsksTheClock(clock) = &self.0 {
            at = clock.now().unix_micros() / 86_400_000_000;
        }
        let entry = values![account, version, cents, at];
        tx.run("INSERT INTO {entries} VALUES ($1, $2, $3, $4)", entry)
            .await?;
        let add = "INSERT INTO {balances} VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE SET
                       cents = {balances}.cents + excluded.cents, version = excluded.version";
        tx.run(add, values![account, cents, version]).await?;
        if let Fault::CountsInMemory(sum) = &self.0 {
            let sum = sum.fetch_add(cents, Ordering::SeqCst) + cents;
            let total =
                "INSERT INTO {balances} VALUES ('', $1, 0) ON CONFLICT (account) DO UPDATE SET
                             cents = excluded.cents";
            tx.run(total, values![sum]).await?;
        }
        Ok(())
    }
}

macro_rules! counts {
    ($($event:ty: $sign:tt),*) => {
        $(impl Project<$event> for Balances {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                self.count(event, 0 $sign event.event.cents.cast_signed(), tx).await
            }
        })*
    };
}

counts!(Deposited: +, Sent: -, Received: +);

impl Project<PaidOut> for Balances {
    async fn project(
        &self,
        event: &Envelope<PaidOut>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        match self.0 {
            Fault::IgnoresPayments => Ok(()),
            _ => {
                let cents = event.event.cents.cast_signed();
                self.count(event, -cents, tx).await
            }
        }
    }
}

/// How often each account got money, in two partitions and with handlers for SQLite alone.
#[derive(Projection)]
#[projection("incomes", events(Deposited), partitions = 2)]
#[projection(schema(
    SqliteReadDatabase = "CREATE TABLE {incomes} (account TEXT PRIMARY KEY, times INTEGER)"
))]
struct Incomes;

impl Project<Deposited, SqliteReadDatabase> for Incomes {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let add =
            "INSERT INTO {incomes} VALUES (?1, 1) ON CONFLICT DO UPDATE SET times = times + 1";
        tx.execute(add, params![deposited.stream.id()])?;
        Ok(())
    }
}

fn client(process: &Process, seed: u64) {
    let accounts = process.repository::<Account>();
    // A client that starts again repeats its requests.
    let mut random = fastrand::Rng::with_seed(seed);
    process.spawn(async move {
        for request in 0..8 {
            let request = format!("{seed}-{request}");
            let id = AppendId::new(&request).expect("an id");
            let account = ACCOUNTS[random.usize(..ACCOUNTS.len())];
            let cents = random.u64(1..20);
            let _ = match random.u8(..6) {
                0 => accounts.execute(account, Send(cents)).append_id(id).await,
                1 => {
                    accounts
                        .execute(account, Receive(cents))
                        .append_id(id)
                        .await
                }
                2 => {
                    accounts
                        .execute(account, TakeOut(cents))
                        .append_id(id)
                        .await
                }
                _ => {
                    let deposit = Deposit(cents, request);
                    accounts.execute(account, deposit).append_id(id).await
                }
            };
        }
    });
}

/// Two clients, and two processes that would like to run the projections.
fn accounts(sim: &Sim, fault: &Fault) {
    for number in 0..2 {
        let seed = 2 * sim.seed() + number;
        sim.process(move |process| client(process, seed));
    }
    for _ in 0..2 {
        let fault = fault.clone();
        sim.process(move |process| {
            process.project(Balances(fault.clone()));
            process.project_in_sqlite(Incomes);
        });
    }
    sim.run();
    for account in ACCOUNTS {
        let stored = sim.load::<Account>(account);
        let found = sim.select(
            "SELECT cents, version FROM balances WHERE account = $1",
            values![account],
        );
        let found = found.first().map(|row| (row.get(0), row.get(1)));
        let expected = (Ok(stored.state.cents), Ok(stored.version));
        let expected = Some(expected).filter(|_| stored.version > 0);
        assert_eq!(found, expected, "the balance of {account}");
    }
    let times = sim.select("SELECT coalesce(sum(times), 0) FROM incomes", &[]);
    let deposits = sim.events().into_iter();
    let deposits = deposits.filter(|event| *event.name == *Deposited::NAME);
    let deposits = u64::try_from(deposits.count()).expect("few");
    assert_eq!(times[0].get(0), Ok(deposits));
}

/// The projections without a fault.
pub(crate) fn right(sim: &Sim) {
    accounts(sim, &Fault::None);
}

/// Whether one of a hundred histories fails.
fn is_found(fault: impl Fn(&Sim) -> Fault + Sync) -> bool {
    let tell = |sim: &Sim| accounts(sim, &fault(sim));
    catch_unwind(std::panic::AssertUnwindSafe(|| histories(0..100, tell))).is_err()
}

#[test]
fn the_rows_of_every_history_are_those_of_a_rebuild() {
    histories(0..es_tests::tries(2_000, 60), right);
}

#[test]
fn a_history_with_projections_is_the_same_again() {
    let run = |seed| {
        let sim = Sim::new(seed, Faults::default());
        right(&sim);
        sim.log()
    };
    for seed in 0..es_tests::tries(100, 8) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn a_projection_that_counts_in_memory_is_found_within_a_hundred_seeds() {
    assert!(is_found(|_| Fault::CountsInMemory(Arc::default())));
}

#[test]
fn a_projection_that_asks_the_clock_is_found_within_a_hundred_seeds() {
    assert!(is_found(|sim| Fault::AsksTheClock(sim.clock().clone())));
}

#[test]
fn a_projection_that_ignores_an_event_is_found_within_a_hundred_seeds() {
    assert!(is_found(|_| Fault::IgnoresPayments));
}
