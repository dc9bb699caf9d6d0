//! A command that is executed for a request.

use crate::Call;
use es_runtime::{Aggregate, Execute};

/// Executes commands and decisions for a [`Call`].
///
/// ```
/// use es_axum::{Call, ExecuteCall};
/// use es_runtime::{Aggregate, Command, ExecuteError, Executed, Repository, command::HandledBy};
///
/// async fn for_call<A: Aggregate, C: Command + HandledBy<A>>(
///     repository: &Repository<A>,
///     id: &A::Id,
///     command: C,
///     call: &Call,
/// ) -> Result<Executed<A>, ExecuteError<A::Error>> {
///     repository.execute(id, command).call(call).await
/// }
/// ```
pub trait ExecuteCall: Sized {
    /// With the metadata of the call, and with its key as the append id. A command also gets the version of `If-Match`
    /// as the expected one; for a decision, which may read several aggregates, say of which one it is:
    /// [`expect_version`](es_runtime::Execute::expect_version) with [`Call::expected_version`].
    #[must_use = "a command does nothing until it is awaited"]
    fn call(self, call: &Call) -> Self;
}

impl<A: Aggregate, S, N> ExecuteCall for Execute<'_, A, S, N> {
    fn call(mut self, call: &Call) -> Self {
        self = self.metadata(call.metadata().clone());
        if let Some(key) = call.key() {
            self = self.append_id(key.clone()).request(call.fingerprint());
        }
        match call.expected_version() {
            Some(version) => self.expect_version(version),
            None => self,
        }
    }
}

#[cfg(feature = "decisions")]
impl<D: es_decisions::Decide> ExecuteCall for es_decisions::Execute<'_, D> {
    fn call(mut self, call: &Call) -> Self {
        self = self.metadata(call.metadata().clone());
        match call.key() {
            Some(key) => self.append_id(key.clone()).request(call.fingerprint()),
            None => self,
        }
    }
}
