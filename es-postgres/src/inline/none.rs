//! The stand-in without projections: there are no read models.
#![allow(
    clippy::unused_async,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signatures are those of the implementation with projections"
)]

use crate::{
    connection::{Connector, Session},
    identifier::SchemaName,
    statements::Statements,
};
use es_runtime::StorageError;
use std::time::Duration;

/// Nothing of the application's runs inside transactions.
pub(crate) fn refuse_reentry() -> Result<(), StorageError> {
    Ok(())
}

/// How read models are used, as the options say.
#[derive(Clone, Default)]
pub(crate) struct ReadOptions {}

impl ReadOptions {
    pub(crate) fn of_schema(&mut self, _schema: &SchemaName) {}

    pub(crate) fn search_path(&self) -> Option<String> {
        None
    }

    pub(crate) fn is_inline(&self) -> bool {
        false
    }

    pub(crate) fn of_store(self, _connector: Connector, _busy_timeout: Duration) -> ReadModels {
        ReadModels
    }
}

/// The read models of a store.
pub(crate) struct ReadModels;

impl ReadModels {
    pub(crate) async fn prepare(&self, _session: &Session) -> Result<(), StorageError> {
        Ok(())
    }
}

/// The projections that run inside appends.
pub(crate) struct Running;

impl Running {
    pub(crate) async fn open(
        _read: &ReadModels,
        session: Session,
        _begin: &str,
        _statements: &Statements,
    ) -> Result<(Self, Session), StorageError> {
        Ok((Self, session))
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }
}
