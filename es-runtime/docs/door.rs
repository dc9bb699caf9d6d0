# use es_runtime::{Aggregate, Apply, Event, Events, Handle};
# use serde::{Deserialize, Serialize};
# #[derive(Event, Serialize, Deserialize)]
# #[event("door.opened")]
# struct Opened {}
# #[derive(Clone)]
# struct Open;
# #[derive(Aggregate, Clone, Default)]
# #[aggregate("door", id = u32, error = std::convert::Infallible, events(Opened))]
# struct Door { open: bool }
# impl Apply<Opened> for Door {
#     fn apply(&mut self, _: &Opened) { self.open = true; }
# }
# impl Handle<Open> for Door {
#     fn handle(&self, _: Open) -> Result<Events<Self>, std::convert::Infallible> {
#         Ok(if self.open { Events::none() } else { Opened {}.into() })
#     }
# }
