//! A projection under the law that a rebuild changes nothing.

use super::history::Stored;
use crate::projection::ProjectionTest;
use es_projections::Dispatch;
use es_runtime::{Append, ExpectedVersion, StreamId};
use std::{future::Future, pin::Pin};

type Later = Pin<Box<dyn Future<Output = ()>>>;

/// Runs a projection of any type on appends. It panics when a rebuild gives other rows.
pub(super) struct Rebuild(Box<dyn Fn(Vec<Append>) -> Later>);

impl Rebuild {
    pub(super) fn of<P: Dispatch>(
        projection: impl Fn() -> P + 'static,
        queries: Vec<&'static str>,
    ) -> Self {
        Self(Box::new(move |appends| {
            let mut test = ProjectionTest::new(projection());
            for append in appends {
                test = test.given_append(append);
            }
            for sql in &queries {
                test = test.same_after_rebuild(*sql);
            }
            Box::pin(test.into_future())
        }))
    }

    pub(super) async fn run(&self, stream: &StreamId, stored: &[Stored]) {
        let append = |stored: &Stored| {
            Append::new(stream.clone(), ExpectedVersion::Any).with_events([stored.new_event()])
        };
        self.0(stored.iter().map(append).collect()).await;
    }
}
