//! `shop saga run`: orders, three services that fail, three workers that are killed, and the ledgers
//! that balance at the end.

use super::{
    FULFIL, SETTLE,
    fulfil::WEB,
    sagas,
    services::{Service, Services, chance},
};
use crate::{
    db::{Place, Shop},
    domain::{
        Cents, CustomerId, OrderId,
        customer::{Customer, Register},
        order::{Order, PlaceOrder},
    },
};
use es_runtime::WorkStatus;
use es_runtime::{CommitStore, EventId, EventStore, Repository};
use es_sagas::{Sagas, stream_of};
use jiff::civil::date;
use std::{
    error::Error,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// After so many workers were killed, those that are left may finish.
const MOST_KILLS: u32 = 20;

/// How much, and how badly it goes.
#[derive(clap::Args)]
pub struct Load {
    /// So many orders.
    #[arg(long, default_value_t = 100)]
    orders: u32,
    /// The part of the calls that fail, from 0 to 0.9.
    #[arg(long, default_value_t = 0.2, value_parser = rate)]
    fail: f64,
    /// How long a service takes for an answer, in milliseconds on average.
    #[arg(long, default_value_t = 5)]
    slow: u64,
    /// Kills the workers with `kill -9`, one after the other.
    #[arg(long)]
    kill: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=0.9).contains(&rate) => Ok(rate),
        _ => Err("a number from 0 to 0.9".to_owned()),
    }
}

/// A worker, killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(place: &Place, services: [SocketAddr; 3]) -> Result<Self, Box<dyn Error>> {
        let child = Command::new(std::env::current_exe()?)
            .args(["saga", "work"])
            .args(place.arguments())
            .arg("--services")
            .args(services.map(|service| service.to_string()))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // One that ended by itself needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs it, and fails where the ledgers do not balance.
pub async fn run(shop: &Shop, at: &Place, load: &Load) -> Result<(), Box<dyn Error>> {
    let slow = Duration::from_millis(load.slow);
    let all = ["payment", "inventory", "shipping"].map(|name| Service::new(name, load.fail, slow));
    let [payment, inventory, shipping] = &all;
    let services = [
        payment.clone().serve().await?,
        inventory.clone().serve().await?,
        shipping.clone().serve().await?,
    ];
    let sagas = sagas(shop, Services::at(services));
    // From now on orders are fulfilled.
    sagas.run_until_idle().await?;
    let run = EventId::new().to_string();
    let customers = Repository::<Customer>::new(shop.store.clone());
    let customer = CustomerId(format!("{WEB}{run}"));
    let register = Register {
        on: date(2026, 11, 25),
    };
    customers.execute(&customer, register).await?;
    let orders = place(shop, &run, &customer, load.orders).await?;
    let total: i64 = orders.iter().map(|(_, total)| total.0).sum();
    println!("{} orders over {} were placed", orders.len(), Cents(total));

    let began = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(Worker::start(at, services)?);
    }
    let mut kills = 0_u32;
    loop {
        tokio::time::sleep(Duration::from_millis(100).mul_f64(0.5 + chance())).await;
        // Not for ever, since a saga waits for the lease of the one that was killed.
        if load.kill && kills < MOST_KILLS {
            // Dropped is killed.
            drop(workers.remove(0));
            workers.push(Worker::start(at, services)?);
            kills += 1;
        }
        if is_at_rest(shop, &sagas).await? {
            break;
        }
    }
    drop(workers);
    let took = began.elapsed();

    let (mut completed, mut compensated, mut parked, mut earned) = (0, 0, 0, 0);
    for (order, total) in &orders {
        let saga = sagas.show(FULFIL, &order.0).await?;
        match saga.row.map(|row| row.status) {
            Some(WorkStatus::Parked) => parked += 1,
            _ if saga.state.phase_text() == "completed" => {
                completed += 1;
                earned += total.0;
            }
            _ => compensated += 1,
        }
    }
    let money = payment.sums();
    println!(
        "{completed} completed, {compensated} undone, {parked} parked in {:.1} s; {kills} workers killed",
        took.as_secs_f64()
    );
    println!(
        "charged {}, refunded {}: {} stay, for completed orders over {}",
        Cents(money.done),
        Cents(money.undone),
        Cents(money.done - money.undone),
        Cents(earned)
    );
    let credited = customers.load(&customer).await?.state.spent();
    println!("credited to the customer: {credited}");
    let doubled: usize = all.iter().map(|service| service.sums().doubled).sum();
    let parcels = shipping.sums();
    let balances = money.done - money.undone == earned
        && parcels.done - parcels.undone == completed
        && credited.0 == earned
        && doubled == 0;
    if balances && parked == 0 {
        println!("the ledgers balance");
        return Ok(());
    }
    if parked > 0 {
        return Err(format!("{parked} sagas are parked: `shop saga list --parked`").into());
    }
    Err("the ledgers do not balance".into())
}

async fn place(
    shop: &Shop,
    run: &str,
    customer: &CustomerId,
    orders: u32,
) -> Result<Vec<(OrderId, Cents)>, Box<dyn Error>> {
    let repository = Repository::<Order>::new(shop.store.clone());
    let mut placed = Vec::new();
    for number in 1..=orders {
        let id = OrderId(format!("{WEB}{run}-{number:04}"));
        let cds = number % 4 + 1;
        let total = Cents(i64::from(cds) * 1_449 + i64::from(number));
        let place = PlaceOrder {
            customer: customer.clone(),
            placed_on: date(2026, 11, 25),
            cds,
            total,
        };
        repository.execute(&id, place).await?;
        placed.push((id, total));
    }
    Ok(placed)
}

/// No saga runs, and everything was read.
async fn is_at_rest(shop: &Shop, sagas: &Sagas) -> Result<bool, Box<dyn Error>> {
    let running = sagas.list(Some(FULFIL), Some(WorkStatus::Running), None);
    if !running.await?.is_empty() {
        return Ok(false);
    }
    let head = shop.store.head().await?;
    for name in [FULFIL, SETTLE] {
        let stream = stream_of(name, "any")?;
        if shop.store.cursor(stream.aggregate()).await? < Some(head) {
            return Ok(false);
        }
    }
    Ok(true)
}
