//! What can be wrong with a definition.

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDefinition {
    /// It has no steps.
    #[error("saga `{saga}` has no steps")]
    NoSteps {
        /// The saga.
        saga: &'static str,
    },
    /// A name that cannot be one.
    #[error(
        "`{name}` cannot name a saga or a step: it is empty or too long, has a control character, or \
         is `completed` or `compensated`"
    )]
    Name {
        /// The name.
        name: &'static str,
    },
    /// Two steps of one name.
    #[error("saga `{saga}` has two steps `{step}`")]
    Twice {
        /// The saga.
        saga: &'static str,
        /// The step.
        step: &'static str,
    },
    /// Two points of no return.
    #[error(
        "saga `{saga}` has two pivots, `{pivot}` and `{step}`; there is one point of no return"
    )]
    TwoPivots {
        /// The saga.
        saga: &'static str,
        /// The first one.
        pivot: &'static str,
        /// The second one.
        step: &'static str,
    },
    /// An undo that would never run.
    #[error(
        "saga `{saga}`: step `{step}` lies behind the pivot `{pivot}`, so its undo would never run; \
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
    /// A process manager has an event with a name that the runtime uses in the same stream.
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
    /// Two definitions of one version, or two that start sagas of one name.
    #[error(
        "saga `{saga}` is registered twice; of several versions all but the newest are `frozen`"
    )]
    RegisteredTwice {
        /// The saga.
        saga: &'static str,
    },
}
