//! What a user writes: a decision, what it reads, and how it decides.

use crate::{Emitted, ReadSource};
use es_runtime::DomainError;

/// A command that reads several aggregates, or folds of events with tags. `#[derive(Decision)]` implements it.
///
/// Without the derive write the struct of the reads yourself:
///
/// ```
/// use es_decisions::{Decision, Read, ReadSource, Reads};
#[doc = include_str!("../docs/account.rs")]
///
/// struct Transfer {
///     from: String,
///     to: String,
///     cents: u64,
/// }
///
/// struct TransferReads {
///     from: Read<Account>,
///     to: Read<Account>,
/// }
///
/// impl Reads for TransferReads {
///     fn each(&mut self) -> Vec<&mut dyn ReadSource> {
///         vec![&mut self.from, &mut self.to]
///     }
/// }
///
/// impl Decision for Transfer {
///     const NAME: &'static str = "transfer";
///     type Error = Overdrawn;
///     type Reads = TransferReads;
///
///     fn reads(&self) -> TransferReads {
///         TransferReads { from: Read::of(&self.from), to: Read::of(&self.to) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a decision",
    label = "`{Self}` does not implement `Decision`",
    note = "add `#[derive(es_decisions::Decision)]` and `#[decision(\"name\", error = .., reads(..))]` to `{Self}`"
)]
pub trait Decision: Send + Sync + 'static {
    /// The stored name: append ids are recorded under it. It never changes.
    const NAME: &'static str;
    /// The error of a rejected decision.
    type Error: DomainError;
    /// What it reads.
    type Reads: Reads;

    /// The aggregates and folds to read, not yet loaded.
    fn reads(&self) -> Self::Reads;
}

/// Decides a [`Decision`].
///
/// It is pure, as [`Handle`](es_runtime::Handle) is: no clock and no I/O. It is called again on newer states
/// when another writer was first.
#[diagnostic::on_unimplemented(
    message = "decision `{Self}` does not say how to decide",
    label = "no `Decide` for `{Self}`",
    note = "write `impl Decide for {Self} {{ fn decide(&self, read: &Self::Reads) -> Result<Emitted<Self>, Self::Error> {{ .. }} }}`"
)]
pub trait Decide: Decision + Sized {
    /// Returns the events to store, or the reason for the rejection.
    ///
    /// # Errors
    /// The decision's error when it is rejected. Nothing is stored then.
    fn decide(&self, read: &Self::Reads) -> Result<Emitted<Self>, Self::Error>;
}

/// The decision may store this event by [`Emitted::event`]. `#[derive(Decision)]` implements it for each event in
/// `emits(..)`.
#[diagnostic::on_unimplemented(
    message = "decision `{Self}` does not list event `{E}`",
    label = "`{E}` is not in the `emits(..)` of `{Self}`",
    note = "add it: `#[decision(.., emits({E}))]`"
)]
pub trait Emits<E> {
    /// Whether it may be stored although no read of the decision sees it: `emits(blind(..))`.
    const BLIND: bool = false;
}

/// What a decision reads: a struct of [`Read`](crate::Read)s and [`ReadFold`](crate::ReadFold)s. `#[derive(Decision)]`
/// writes it.
pub trait Reads: Send + 'static {
    /// Each of them, in the order of the declaration.
    fn each(&mut self) -> Vec<&mut dyn ReadSource>;
}
