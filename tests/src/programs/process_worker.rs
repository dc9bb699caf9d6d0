//! A process that runs the process manager of `fulfilment.rs` until everything rests, or until it is
//! killed.
//!
//! `process_worker STORE rest|serve FAULTS [POINT before|after]`
//!
//! `FAULTS` is `none`, or the names of faults of the store, separated by commas; or `inline`, with a
//! projection inside of its transactions. At the point it says so and waits to be killed.

use es_runtime::AnyStore;
use es_sagas::Sagas;
use es_testkit::saga::{Fuse, MortalStore};
use es_tests::{
    done_orders::DoneOrders,
    faulty::{Fault, Faulty, faults},
    fulfilment::Fulfilment,
    places::{Act, say, with_inline},
    program::Stops,
};
use std::time::Duration;

/// Short, since the next process waits for it after each kill.
const LEASE: Duration = Duration::from_millis(150);
/// So long at most, when nobody kills it.
const LIFE: Duration = Duration::from_secs(600);

#[tokio::main]
pub(crate) async fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [store, mode, wrong, point @ ..] = args.as_slice() else {
        panic!("STORE MODE FAULTS [POINT SIDE]");
    };
    let stops = match point {
        [at, side] => Stops::numbered(at.parse().expect("a number"), side),
        _ => Stops::none(),
    };
    let faults = match wrong.as_str() {
        "none" | "inline" => Vec::new(),
        names => faults(names),
    };
    let work = Work {
        stops,
        faults,
        serves: mode == "serve",
    };
    let inline = (wrong == "inline").then(DoneOrders::new);
    let worked = tokio::time::timeout(LIFE, with_inline(store, inline, work)).await;
    worked.expect("it comes to rest");
}

struct Work {
    stops: Stops,
    faults: Vec<Fault>,
    serves: bool,
}

impl Act<()> for Work {
    async fn run(self, store: AnyStore) {
        let stops = self.stops;
        let fuse = Fuse::new(None).watched(move |point| stops.pass(point));
        let store = Faulty::store(store, self.faults);
        let sagas = Sagas::new(MortalStore::new(store, fuse))
            .from_the_beginning(true)
            .lease(LEASE)
            .poll_every(Duration::from_millis(20))
            .with_process_manager::<Fulfilment>();
        if self.serves {
            let _running = sagas.start().await.expect("starts");
            return std::future::pending().await;
        }
        while sagas.run_until_idle().await.expect("runs").running > 0 {
            // What another process died with is free when its lease has run out.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        say("done");
    }
}
