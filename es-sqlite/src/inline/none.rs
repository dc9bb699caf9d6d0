//! The stand-in without projections: every write is done as it is.
#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    clippy::needless_pass_by_ref_mut,
    reason = "the signatures are those of the implementation with projections"
)]

use crate::{
    errors::TransactionFailure,
    settings::StoreSettings,
    task::{self, Done, Task},
};
use es_runtime::StorageError;
use rusqlite::Connection;
use std::time::Duration;

/// The projections that a store is opened with.
#[derive(Clone, Default)]
pub(crate) struct Registered {}

/// The connection that writes.
pub(crate) struct WriterConnection(Connection);

impl WriterConnection {
    pub(crate) fn new(connection: Connection, _: Duration) -> rusqlite::Result<Self> {
        Ok(Self(connection))
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }
}

/// The projections that run inside appends.
pub(crate) struct Running;

impl Running {
    pub(crate) fn open(
        _registered: &Registered,
        _tx: &mut WriterConnection,
    ) -> Result<Self, StorageError> {
        Ok(Self)
    }

    pub(crate) fn catch_up(
        &mut self,
        _tx: &mut WriterConnection,
    ) -> Result<(), TransactionFailure> {
        Ok(())
    }

    pub(crate) fn run(
        &self,
        tx: &mut WriterConnection,
        task: &Task,
        settings: &StoreSettings,
    ) -> Result<Done, TransactionFailure> {
        Ok(task::run(tx.connection(), task, settings)?)
    }
}
