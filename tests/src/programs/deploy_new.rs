//! The release after it: it reads and writes version 2.

use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("account.deposited", version = 2)]
struct Deposited {
    #[event(was(name = "dollars", type = f64, with = to_cents, back = to_dollars, before = 2))]
    cents: i64,
    #[event(since = 2, default = "USD")]
    currency: String,
}

fn to_cents(dollars: f64) -> i64 {
    (dollars * 100.0).round() as i64
}

fn to_dollars(cents: &i64) -> f64 {
    f64::from(i32::try_from(*cents).unwrap_or(i32::MAX)) / 100.0
}

impl Deposited {
    fn new(cents: i64) -> Self {
        Self {
            cents,
            currency: "USD".to_owned(),
        }
    }

    fn cents(&self) -> i64 {
        self.cents
    }
}

include!("deploy_program.rs");
