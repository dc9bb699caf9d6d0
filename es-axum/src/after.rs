//! `?after=`: a query that sees what its caller wrote.

use crate::{Problem, problem::invalid_position};
use axum::{extract::FromRequestParts, http::request::Parts};
use es_projections::{Projection, ReadDatabase, WaitError, WaitFor};
use es_runtime::Position;
use std::time::Duration;

/// The position in `?after=` of a query, which its caller got from a [`Receipt`](crate::Receipt). A read model must
/// have reached it before it answers.
///
/// ```
/// use es_axum::{After, Problem};
/// use es_projections::{AnyReadDatabase, Projection};
///
/// async fn caught_up<P: Projection>(after: After, read: &AnyReadDatabase) -> Result<(), Problem> {
///     after.wait::<P>(read).await?;
///     Ok(()) // now query the tables of P
/// }
/// ```
///
/// # Rejections
///
/// A [`Problem`] with 400 where the value is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    position: Option<Position>,
    at_most: Duration,
}

impl After {
    /// How long a query waits unless [`at_most`](After::at_most) says otherwise. A read model is milliseconds behind;
    /// whoever waits for seconds waits for something that is broken, and keeps a connection.
    pub const DEFAULT: Duration = Duration::from_secs(3);

    /// The position, `None` where the query does not ask for one.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Waits for this long at most.
    #[must_use]
    pub const fn at_most(mut self, time: Duration) -> Self {
        self.at_most = time;
        self
    }

    /// Waits until the tables of `P` have every event up to the position. Without `?after=` it returns at once.
    ///
    /// # Errors
    /// [`WaitError`]. As a [`Problem`] a time-out is 503 with `Retry-After`: what the caller wrote is safe, and the same
    /// query succeeds a moment later. An answer without it would look as if it were lost.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn wait<P: Projection>(&self, read: &impl ReadDatabase) -> Result<(), WaitError> {
        match self.position {
            Some(position) => read.wait_for::<P>(position, self.at_most).await,
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for After {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut values = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("after="));
        let position = values.next().map(str::parse).transpose();
        let position = position.map_err(|error| invalid_position("after", error))?;
        Ok(Self {
            position,
            at_most: Self::DEFAULT,
        })
    }
}
