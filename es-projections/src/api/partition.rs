//! Partitions of builds.

use super::{
    names::{Declared, Names},
    value::SqlValue,
};
use std::sync::Arc;

/// One partition of one build. Each has a checkpoint of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Partition {
    /// The projection.
    pub name: &'static str,
    /// The build.
    pub build: u32,
    /// The partition, from 0.
    pub partition: u32,
}

impl Partition {
    /// Stands for all of a projection, also where it has no build.
    pub(crate) const fn whole(name: &'static str) -> Self {
        Self {
            name,
            build: 0,
            partition: 0,
        }
    }

    /// What names in braces mean in its build.
    pub(crate) fn names(&self, declared: &Declared) -> Names {
        Names::declared_in(self.build, Arc::clone(declared))
    }

    pub(crate) fn values(&self) -> [SqlValue; 3] {
        [self.name.into(), self.build.into(), self.partition.into()]
    }
}
