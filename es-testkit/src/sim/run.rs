//! Polls the tasks of a history, one at a time, in an order that the seed gives.

use super::{
    bound::Bound,
    world::{Next, World},
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long all tasks may wait for something outside of the simulation.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn all(world: &Arc<World>) {
    world.bound(Bound::begin);
    while !world.bound(|bound| bound.is_reached()) {
        world.bound(Bound::step);
        match world.next() {
            Next::None => return world.bound(Bound::end),
            Next::Wait => {
                let since = Instant::now();
                while !world.look_outside() {
                    assert!(
                        since.elapsed() < PATIENCE,
                        "the history of seed {} stands still: all tasks wait, {}",
                        world.seed,
                        world.at_work(),
                    );
                    thread::park_timeout(PATIENCE);
                }
            }
            Next::Task(mut task) => {
                if task.poll().is_pending() {
                    world.give_back(task);
                }
                world.bury();
            }
        }
    }
    panic!("{}", without_an_end(world));
}

/// Why a history was given up.
fn without_an_end(world: &World) -> String {
    let (most, calls) = world.bound(|bound| (bound.most(), bound.last_calls()));
    format!(
        "the history of seed {} does not come to an end: after {most} steps there are tasks, {}, and {} events. In the end \
         most of it was:{calls}\nSomething of the application goes on for ever; or, if the story is only a long one, give it \
         more steps (`Sim::at_most`).",
        world.seed,
        world.at_work(),
        world.store.len(),
    )
}
