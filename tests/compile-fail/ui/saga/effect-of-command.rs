use es_runtime::{Aggregate, Event, Events, Handle};
use es_sagas::{AggregateCommand, Effect, Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.cancelled")]
struct Cancelled {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = std::convert::Infallible, events(ignore(Cancelled)))]
struct Order {}

#[derive(Clone)]
struct Cancel;

impl Handle<Cancel> for Order {
    fn handle(&self, _: Cancel) -> Result<Events<Self>, std::convert::Infallible> {
        Ok(Cancelled {}.into())
    }
}

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(undo = refund)]
    async fn charge(&self) -> Result<String, Fail> {
        Ok(String::new())
    }

    #[undo]
    fn refund(&self, did: Effect<&String>) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(did.key().to_string(), Cancel)
    }
}

fn main() {}
