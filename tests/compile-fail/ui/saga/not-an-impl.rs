use es_sagas::saga;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
const FULFIL: Option<Fulfil> = None;

fn main() {}
