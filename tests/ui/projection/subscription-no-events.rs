#![allow(unused_imports)]

use es_runtime::{Envelope, Event, HandlerError, React, Subscription, projection::Delivery};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Subscription)]
#[subscription("mailer")]
struct Mailer;

fn main() {}
