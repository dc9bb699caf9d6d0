//! Mistakes in definitions.

/// A mistake in the definition of a saga or a process manager.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDefinition {
    /// The saga has no steps.
    #[error("saga `{saga}` has no steps")]
    NoSteps {
        /// The saga.
        saga: &'static str,
    },
    /// A saga or a step has an invalid name.
    #[error(
        "`{name}` is not a valid name for a saga or a step: names must not be empty or too long, contain \
         control characters, or be `completed` or `compensated`"
    )]
    Name {
        /// The name.
        name: &'static str,
    },
    /// Two steps have the same name.
    #[error("saga `{saga}` has two steps named `{step}`")]
    Twice {
        /// The saga.
        saga: &'static str,
        /// The step.
        step: &'static str,
    },
    /// Two steps are pivots.
    #[error(
        "saga `{saga}` has two pivots, `{pivot}` and `{step}`; a saga has one point of no return"
    )]
    TwoPivots {
        /// The saga.
        saga: &'static str,
        /// The first one.
        pivot: &'static str,
        /// The second one.
        step: &'static str,
    },
    /// A step after the pivot has an undo. It would never run.
    #[error(
        "saga `{saga}`: step `{step}` comes after the pivot `{pivot}`, so its undo would never run; \
         use `no_undo`"
    )]
    UndoPastPivot {
        /// The saga.
        saga: &'static str,
        /// The pivot.
        pivot: &'static str,
        /// The step.
        step: &'static str,
    },
    /// An event of a process manager has a name that the runtime uses in the same stream.
    #[error(
        "process manager `{process}` has an event `{event}`, which the runtime writes into the same \
         stream; give it another name"
    )]
    ReservedEvent {
        /// The process manager.
        process: &'static str,
        /// The stored name.
        event: &'static str,
    },
    /// Two definitions have the same name and version, or two that are not frozen have the same name.
    #[error(
        "saga `{saga}` is registered twice; of several versions, freeze all but the newest with `frozen`"
    )]
    RegisteredTwice {
        /// The saga.
        saga: &'static str,
    },
}
