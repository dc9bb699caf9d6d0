//! Private items that nothing else uses.

use ::renamed::{Aggregate, Apply, Event, Events, Handle};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("hidden.seen", crate = "::renamed")]
struct Seen {
    at: u64,
}

#[derive(Aggregate, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[aggregate("hidden", id = String, error = Infallible, events(Seen), commands(See))]
#[aggregate(snapshot(every = 10), crate = "::renamed")]
struct Hidden {
    last: u64,
}

#[derive(Debug)]
struct See;

impl Apply<Seen> for Hidden {
    fn apply(&mut self, event: &Seen) {
        self.last = event.at;
    }
}

impl Handle<See> for Hidden {
    fn handle(&self, _: See) -> Result<Events<Self>, Infallible> {
        Ok(Seen { at: self.last }.into())
    }
}

/// Uses each type once.
pub(crate) fn seen() -> Option<u64> {
    let hidden = Hidden::default();
    let events = hidden.handle(See).ok()?;
    let _ = deeper::State;
    events.into_iter().next().map(|event| match event {
        HiddenEvent::Seen(seen) => seen.at,
    })
}

mod deeper {
    use super::{Aggregate, Apply, Event};
    use ::serde::{Deserialize, Serialize};
    use ::std::{convert::Infallible, prelude::v1::*};

    #[derive(Event, Serialize, Deserialize, Debug)]
    #[event("hidden.deeper", crate = "::renamed")]
    pub(in crate::hidden) struct Deeper {}

    #[derive(Aggregate, Default, Debug)]
    #[aggregate("deeper", id = String, error = Infallible, crate = "::renamed")]
    #[aggregate(events(
        Deeper,
        super::Seen,
        ignore(self::super::super::paths::events::Renamed)
    ))]
    pub(in crate::hidden) struct State;

    impl Apply<Deeper> for State {
        fn apply(&mut self, _: &Deeper) {}
    }

    impl Apply<super::Seen> for State {
        fn apply(&mut self, _: &super::Seen) {}
    }
}
