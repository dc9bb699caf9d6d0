# use es_runtime::{Aggregate, Apply, Event, Events, Handle, Recorder, events};
# use serde::{Deserialize, Serialize};
# #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
# #[event("jar.filled")]
# struct Filled { drops: u32 }
# #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
# #[event("jar.spilled")]
# struct Spilled {}
# #[derive(Aggregate, Default, Clone)]
# #[aggregate("jar", id = u32, error = std::convert::Infallible, events(Filled, Spilled))]
# struct Jar { drops: u32 }
# impl Apply<Filled> for Jar {
#     fn apply(&mut self, event: &Filled) { self.drops += event.drops; }
# }
# impl Apply<Spilled> for Jar {
#     fn apply(&mut self, _: &Spilled) { self.drops = 0; }
# }