//! What the old releases of the shop have in common.

use es_runtime::{AppendId, Event, Handle, Repository};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::{error::Error, ops::Range};

const SAMPLE: &str = include_str!("../../data/cdnow_sample.txt");

/// What is done with one line of the sample.
#[derive(Clone)]
pub struct Sell {
    pub step: Step,
    pub customer: String,
    pub day: String,
    pub cds: u32,
    pub dollars: f64,
    cents: i64,
}

#[derive(Clone, Copy)]
pub enum Step {
    Place,
    Pay,
    Ship,
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.paid")]
pub struct OrderPaid {
    pub paid_on: String,
    pub amount_cents: i64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
pub struct OrderShipped {
    pub shipped_on: String,
}

impl Sell {
    fn read(line: &str) -> Option<Self> {
        let [customer, _, date, cds, dollars] =
            <[&str; 5]>::try_from(line.split_whitespace().collect::<Vec<_>>()).ok()?;
        let (year, month_and_day) = date.split_at_checked(4)?;
        let (month, day) = month_and_day.split_at_checked(2)?;
        Some(Self {
            step: Step::Place,
            customer: customer.to_owned(),
            day: format!("{year}-{month}-{day}"),
            cds: cds.parse().ok()?,
            dollars: dollars.parse().ok()?,
            cents: dollars.replace('.', "").parse().ok()?,
        })
    }

    /// The id that the purchase has in every release.
    fn order(&self) -> String {
        let day = self.day.replace('-', "");
        format!("{}-{day}-{}-{}", self.customer, self.cds, self.cents)
    }

    pub fn paid(&self) -> OrderPaid {
        OrderPaid {
            paid_on: self.day.clone(),
            amount_cents: self.cents,
        }
    }

    pub fn shipped(&self) -> OrderShipped {
        OrderShipped {
            shipped_on: self.day.clone(),
        }
    }
}

/// Sells these lines of the sample, into the file that the command line names.
pub async fn sell<A>(lines: Range<usize>) -> Result<(), Box<dyn Error>>
where
    A: Handle<Sell, Id = String>,
{
    let file = std::env::args().nth(1).ok_or("which file?")?;
    let store = SqliteStore::open(&file).await?;
    let orders = Repository::<A, _>::new(store.clone());
    let mut sold = 0;
    for line in SAMPLE.lines().skip(lines.start).take(lines.len()) {
        let sell = Sell::read(line).ok_or("the sample is well-formed")?;
        for (step, request) in [
            (Step::Place, "place"),
            (Step::Pay, "pay"),
            (Step::Ship, "ship"),
        ] {
            let command = Sell {
                step,
                ..sell.clone()
            };
            let request = AppendId::new(request)?;
            let done = orders.execute(&sell.order(), command).append_id(request);
            done.await?;
        }
        sold += 1;
    }
    store.close().await;
    println!("{sold} purchases sold");
    Ok(())
}
