//! What generated code calls. Not for users: anything here may change in any release.

use crate::{AggregateCommand, Fail};
pub use es_runtime::__private::{are_apart, names_of};

/// What a function for a command step may return: the command, or a reason not to send it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command to an aggregate",
    label = "expected `AggregateCommand` or `Result<AggregateCommand, Fail>`",
    note = "return `AggregateCommand::new::<SomeAggregate, _>(&id, command)`"
)]
pub trait IntoCommand {
    /// The command, or why there is none.
    ///
    /// # Errors
    /// The reason that the function gave.
    fn into_command(self) -> Result<AggregateCommand, Fail>;
}

impl IntoCommand for AggregateCommand {
    fn into_command(self) -> Result<AggregateCommand, Fail> {
        Ok(self)
    }
}

impl IntoCommand for Result<AggregateCommand, Fail> {
    fn into_command(self) -> Result<AggregateCommand, Fail> {
        self
    }
}
