//! The release before: it knows version 1 only.

use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("account.deposited")]
struct Deposited {
    dollars: f64,
}

impl Deposited {
    fn new(cents: i64) -> Self {
        Self {
            dollars: f64::from(i32::try_from(cents).unwrap_or(i32::MAX)) / 100.0,
        }
    }

    fn cents(&self) -> i64 {
        (self.dollars * 100.0).round() as i64
    }
}

include!("deploy_program.rs");
