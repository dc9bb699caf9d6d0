use es_sagas::saga;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

trait Fulfils {}

#[saga("fulfil")]
impl Fulfils for Fulfil {}

fn main() {}
