//! Turns purchases into commands. Safe to kill at any point and to run again: every command has an
//! id that comes from the purchase, so what was done is not done twice.

use crate::{
    domain::{
        CustomerId,
        customer::{Credit, Customer, Register},
        order::{Order, PayOrder, PlaceOrder, ShipOrder},
    },
    purchases::{Purchase, Purchases},
};
use es_runtime::{AnyStore, AppendId, ExecuteError, InvalidAppendId, Metadata, Repository};
use indicatif::ProgressBar;
use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::{self, BufRead},
};
use tokio::{sync::mpsc, task::JoinSet};

/// Purchases that are under way at once. A customer always has the same lane, so each customer's
/// purchases happen in the order of the file; the store writes the lanes' commands together.
const LANES: usize = 64;
/// Purchases that may wait in a lane before reading pauses.
const WAITING: usize = 16;
/// States that are kept in memory: an order gets three commands in a row, and a customer comes back.
const STATES: usize = 4_096;

/// What an import did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Purchases that were new, wholly or in part.
    pub new: u64,
    /// Purchases that an earlier import had finished.
    pub known: u64,
    /// Lines that are no purchase.
    pub malformed: u64,
    /// Purchases that the shop's rules rejected.
    pub rejected: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("line {line}: {reason}")]
    Failed { line: u64, reason: String },
}

/// Why one purchase was not imported.
enum Stopped {
    Refused(String),
    Failed(String),
}

enum Outcome {
    Imported { new: bool },
    Refused { line: u64, reason: String },
}

/// Imports every purchase of `input`; `complain` hears of each line that is left out.
pub async fn import(
    store: &AnyStore,
    input: impl BufRead,
    progress: &ProgressBar,
    mut complain: impl FnMut(&str),
) -> Result<Imported, ImportError> {
    let shop = Shop {
        customers: Repository::new(store.clone()).cached(STATES),
        orders: Repository::new(store.clone()).cached(STATES),
    };
    let mut tasks = JoinSet::new();
    let (results, mut outcomes) = mpsc::unbounded_channel();
    let mut lanes = Vec::new();
    for _ in 0..LANES {
        let (lane, purchases) = mpsc::channel(WAITING);
        lanes.push(lane);
        tasks.spawn(work(shop.clone(), purchases, results.clone()));
    }
    drop(results);

    let mut imported = Imported::default();
    let mut purchases = Purchases::new(input);
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    while let Some(line) = purchases.next() {
        match line? {
            Ok(purchase) => {
                let lane = hasher.hash_one(&purchase.customer) % LANES as u64;
                let lane = usize::try_from(lane).unwrap_or_default();
                if let Some(lane) = lanes.get(lane)
                    && lane.send(purchase).await.is_err()
                {
                    // The lane has ended early; its error is among the tasks' results.
                    break;
                }
            }
            Err(malformed) => {
                imported.malformed += 1;
                complain(&malformed.to_string());
            }
        }
        progress.set_position(purchases.bytes());
        while let Ok(outcome) = outcomes.try_recv() {
            imported.count(outcome, &mut complain);
        }
    }
    drop(lanes);
    while let Some(outcome) = outcomes.recv().await {
        imported.count(outcome, &mut complain);
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(imported)
}

impl Imported {
    fn count(&mut self, outcome: Outcome, complain: &mut impl FnMut(&str)) {
        match outcome {
            Outcome::Imported { new: true } => self.new += 1,
            Outcome::Imported { new: false } => self.known += 1,
            Outcome::Refused { line, reason } => {
                self.rejected += 1;
                complain(&format!("{line}:1: {reason}"));
            }
        }
    }
}

/// Imports the purchases of one lane, one after the other.
async fn work(
    shop: Shop,
    mut purchases: mpsc::Receiver<Purchase>,
    results: mpsc::UnboundedSender<Outcome>,
) -> Result<(), ImportError> {
    let mut registered = HashSet::new();
    while let Some(purchase) = purchases.recv().await {
        let line = purchase.line;
        let outcome = match shop.buy(&purchase, &mut registered).await {
            Ok(new) => Outcome::Imported { new },
            Err(Stopped::Refused(reason)) => Outcome::Refused { line, reason },
            Err(Stopped::Failed(reason)) => return Err(ImportError::Failed { line, reason }),
        };
        // The receiver goes only when the import itself ends.
        let _ = results.send(outcome);
    }
    Ok(())
}

#[derive(Clone)]
struct Shop {
    customers: Repository<Customer>,
    orders: Repository<Order>,
}

impl Shop {
    /// Registers the customer, places, pays and ships the order, credits the customer. Says
    /// whether any of it was new.
    async fn buy(
        &self,
        purchase: &Purchase,
        registered: &mut HashSet<CustomerId>,
    ) -> Result<bool, Stopped> {
        let Purchase {
            order,
            customer,
            date,
            cds,
            total,
            ..
        } = purchase;
        let metadata = || {
            Metadata::new()
                .with_user("import")
                .with_correlation(&order.0)
        };
        let mut new = false;
        if !registered.contains(customer) {
            let register = Register { on: *date };
            let done = self.customers.execute(customer, register);
            let done = done.metadata(metadata()).append_id(id("register")?).await?;
            new |= !done.repeated;
            registered.insert(customer.clone());
        }
        let place = PlaceOrder {
            customer: customer.clone(),
            placed_on: *date,
            cds: *cds,
            total: *total,
        };
        let done = self.orders.execute(order, place);
        let done = done.metadata(metadata()).append_id(id("place")?).await?;
        new |= !done.repeated;
        let pay = PayOrder {
            paid_on: *date,
            amount: *total,
        };
        let done = self.orders.execute(order, pay);
        let done = done.metadata(metadata()).append_id(id("pay")?).await?;
        new |= !done.repeated;
        let ship = ShipOrder { shipped_on: *date };
        let done = self.orders.execute(order, ship);
        let done = done.metadata(metadata()).append_id(id("ship")?).await?;
        new |= !done.repeated;
        let credit = Credit {
            order: order.clone(),
            amount: *total,
        };
        let done = self.customers.execute(customer, credit);
        let done = done.metadata(metadata()).append_id(id(&order.0)?).await?;
        Ok(new || !done.repeated)
    }
}

fn id(text: &str) -> Result<AppendId, InvalidAppendId> {
    AppendId::new(text)
}

impl<E: std::error::Error> From<ExecuteError<E>> for Stopped {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Rejected(reason) => Self::Refused(reason.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<InvalidAppendId> for Stopped {
    fn from(error: InvalidAppendId) -> Self {
        Self::Refused(error.to_string())
    }
}
