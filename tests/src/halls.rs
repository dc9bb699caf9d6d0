//! Halls with a number of seats, which processes with cached states fill together.

use es_runtime::{
    Aggregate, AnyStore, Append, AppendError, Appended, Apply, Event, EventStore, Events,
    ExecuteError, ExpectedVersion, Handle, NoSnapshots, Repository, RetryPolicy,
};
use es_testkit::{Layered, StoreLayer};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// So many seats each hall has.
pub const SEATS: usize = 40;
/// So many halls there are.
pub const HALLS: u64 = 3;
/// So many callers fill the halls in each process.
const CALLERS: u64 = 6;

/// A seat was taken.
#[derive(Event, Serialize, Deserialize)]
#[event("hall.taken")]
pub struct Taken {
    by: u64,
}

/// A hall.
#[derive(Aggregate, Clone, Default)]
#[aggregate("hall", id = u64, error = Full, events(Taken))]
pub struct Hall {
    /// Who has the seats.
    pub taken: Vec<u64>,
}

/// All seats are taken.
#[derive(Debug, thiserror::Error)]
#[error("all seats are taken")]
pub struct Full;

#[derive(Clone)]
struct Take {
    by: u64,
}

impl Apply<Taken> for Hall {
    fn apply(&mut self, event: &Taken) {
        self.taken.push(event.by);
    }
}

impl Handle<Take> for Hall {
    fn handle(&self, Take { by }: Take) -> Result<Events<Self>, Full> {
        if self.taken.len() >= SEATS {
            return Err(Full);
        }
        Ok(Taken { by }.into())
    }
}

/// The control: a store that does not compare versions, so that nothing finds a stale state.
#[derive(Clone)]
struct Careless(AnyStore);

impl StoreLayer for Careless {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.0
    }

    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        append.expected = ExpectedVersion::Any;
        self.0.append(append).await
    }
}

/// Takes seats through a repository with cached states until there are none. Returns how many it took. It takes one in
/// each hall, so that it has cached all of them, before it calls `wait`.
pub async fn fill(store: AnyStore, by: u64, careless: bool, wait: fn()) -> usize {
    if careless {
        let store = Layered(Careless(store));
        fill_through(Repository::without_snapshots(store), by, wait).await
    } else {
        fill_through(Repository::without_snapshots(store), by, wait).await
    }
}

async fn fill_through<S: EventStore>(
    halls: Repository<Hall, S, NoSnapshots>,
    by: u64,
    wait: fn(),
) -> usize {
    let patient = RetryPolicy::default().with_attempts(NonZeroU32::MAX);
    let halls = halls.with_retry(patient).cached(100);
    let mut taken = 0;
    for hall in 0..HALLS {
        halls.execute(hall, Take { by }).await.expect("a seat");
        taken += 1;
    }
    wait();
    let callers = (0..CALLERS).map(|caller| {
        let halls = halls.clone();
        crate::spawn(async move {
            let (mut taken, mut full) = (0, 0);
            for hall in (caller..).map(|number| number % HALLS) {
                match halls.execute(hall, Take { by }).await {
                    Ok(_) => (taken, full) = (taken + 1, 0),
                    Err(ExecuteError::Rejected(Full)) if full + 1 == HALLS => break,
                    Err(ExecuteError::Rejected(Full)) => full += 1,
                    Err(wrong) => panic!("{wrong}"),
                }
            }
            taken
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        taken += caller.await.expect("no panic");
    }
    taken
}
