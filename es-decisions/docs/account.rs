# use es_runtime::{Aggregate, Apply, Event, Events, Handle};
# use serde::{Deserialize, Serialize};
# #[derive(Event, Serialize, Deserialize)]
# #[event("account.deposited")]
# struct Deposited { cents: u64 }
# #[derive(Event, Serialize, Deserialize)]
# #[event("account.withdrawn")]
# struct Withdrawn { cents: u64 }
# #[derive(Debug, thiserror::Error)]
# #[error("overdrawn")]
# struct Overdrawn;
# #[derive(Aggregate, Clone, Default)]
# #[aggregate("account", id = String, error = Overdrawn, events(Deposited, Withdrawn))]
# struct Account { cents: u64 }
# impl Apply<Deposited> for Account {
#     fn apply(&mut self, event: &Deposited) { self.cents += event.cents; }
# }
# impl Apply<Withdrawn> for Account {
#     fn apply(&mut self, event: &Withdrawn) { self.cents -= event.cents; }
# }
# #[derive(Clone)]
# struct Deposit { cents: u64 }
# #[derive(Clone)]
# struct Withdraw { cents: u64 }
# impl Handle<Deposit> for Account {
#     fn handle(&self, deposit: Deposit) -> Result<Events<Self>, Overdrawn> {
#         Ok(Deposited { cents: deposit.cents }.into())
#     }
# }
# impl Handle<Withdraw> for Account {
#     fn handle(&self, withdraw: Withdraw) -> Result<Events<Self>, Overdrawn> {
#         if self.cents < withdraw.cents { return Err(Overdrawn); }
#         Ok(Withdrawn { cents: withdraw.cents }.into())
#     }
# }