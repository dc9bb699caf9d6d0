//! A task that works for others, such as a worker of sagas. It ends when there is nothing left to do.

use super::world::World;
use std::sync::Arc;

pub(super) struct Service {
    world: Arc<World>,
    number: u64,
}

impl Service {
    pub(super) const fn new(world: Arc<World>, number: u64) -> Self {
        Self { world, number }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether all tasks that are no services have ended.
    pub(super) fn is_last(&self) -> bool {
        self.world.only_services()
    }

    /// It has nothing left to do. Whether it may end: what other services do may be work for this one.
    pub(super) fn may_end(&self) -> bool {
        self.world.settle(self.number)
    }
}
