//! Prepared statements of handlers and queries.

use crate::{
    connection::{Prepared, Session, lock},
    errors::is_stale,
};
use tokio_postgres::{Error, Statement};

/// The most statements that are kept. With one more, all of them are prepared again.
const MOST: usize = 256;

impl Session {
    /// A statement of a user's, whose types the server says.
    pub(crate) async fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        match &self.prepared {
            // Dropped after its use, it is closed before the transaction ends.
            None => self.client().prepare(sql).await,
            Some(Prepared { users, .. }) => {
                if lock(users).len() >= MOST {
                    lock(users).clear();
                }
                self.statement(users, sql, &[]).await
            }
        }
    }

    /// Looks at the failure of a user's statement: one that is [stale](is_stale) is forgotten, and the
    /// others with it.
    pub(crate) fn learn(&self, error: &Error) {
        if let (true, Some(prepared)) = (is_stale(error), &self.prepared) {
            lock(&prepared.users).clear();
        }
    }
}
