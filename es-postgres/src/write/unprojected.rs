//! Writes of a store without projections: the counterpart of `projected.rs`.
#![allow(
    clippy::unused_async,
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "the signatures are those of the implementation with projections"
)]

use super::{
    commits::{CommitVerdict, NotDone},
    decide::Known,
    queue::Verdict,
    transaction::Decided,
    writer::{Abandoned, Writer},
};
use crate::connection::Session;
use es_runtime::{Append, Commit, Timestamp};

impl Writer {
    pub(super) async fn append_known(
        &mut self,
        session: Session,
        appends: &[Append],
        known: Known,
        clock: Option<Timestamp>,
    ) -> Result<Vec<Verdict>, Abandoned> {
        self.append_directly(session, appends, known, clock).await
    }

    pub(super) async fn write_projected(
        &mut self,
        session: Session,
        _commits: &[Commit],
        _verdicts: &[CommitVerdict],
        _decided: &mut Decided<'_>,
    ) -> Result<Session, NotDone> {
        Ok(session)
    }
}
