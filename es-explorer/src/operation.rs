//! What an operator asks for, and what becomes of it. The application does it.

/// Which verbs there are. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verbs {
    /// Those that need no function of an application: discarding what is parked, abandoning and taking over sagas, skipping an
    /// event that was parked.
    pub basic: bool,
    /// Those that call handlers or make tables: retrying what is parked, building a projection anew.
    pub projections: bool,
    /// Those that need a definition: retrying, skipping, completing and undoing steps, and all on process managers.
    pub sagas: bool,
}

impl Verbs {
    /// Those that need no function of an application.
    pub const fn basic() -> Self {
        Self {
            basic: true,
            projections: false,
            sagas: false,
        }
    }

    /// The same with those that need projections, where there are some.
    #[must_use]
    pub const fn projections(mut self, are_there: bool) -> Self {
        self.projections = are_there;
        self
    }

    /// The same with those that need sagas, where there are some.
    #[must_use]
    pub const fn sagas(mut self, are_there: bool) -> Self {
        self.sagas = are_there;
        self
    }
}

/// What an operator asks for. Each is one operation of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Retries the parked events of a key, in order.
    RetryParked {
        /// The projection or subscription.
        reader: String,
        /// The key.
        key: String,
    },
    /// Gives up the first parked event of a key.
    DiscardParked {
        /// The projection or subscription.
        reader: String,
        /// The key.
        key: String,
        /// The position of the event that is meant. Nothing is done where another one is the first.
        position: Option<String>,
        /// Why. It is stored.
        why: String,
    },
    /// Builds the tables of a projection anew. The running application does it.
    Rebuild {
        /// The projection.
        projection: String,
    },
    /// Retries all parked instances of a saga or process manager.
    RetrySagas {
        /// Its name.
        saga: String,
        /// Who and why.
        reason: Reason,
    },
    /// Repairs one instance.
    Repair {
        /// The saga or process manager.
        saga: String,
        /// The id of the instance.
        id: String,
        /// What is done.
        repair: Repair,
        /// Who and why.
        reason: Reason,
    },
    /// Takes an event that was parked because no instance could take it.
    RetryInput {
        /// The saga or process manager.
        saga: String,
        /// The position of the event.
        position: String,
        /// Who and why.
        reason: Reason,
    },
    /// Skips such an event.
    SkipInput {
        /// The saga or process manager.
        saga: String,
        /// The position of the event.
        position: String,
        /// Who and why.
        reason: Reason,
    },
    /// Makes the work items of all sagas anew from their streams.
    RebuildRows,
}

/// What is done to an instance of a saga or a process manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// Retries what failed.
    Retry,
    /// Counts the current step or undo as done, without a call.
    Skip {
        /// The step, or the input at which a process manager is parked.
        step: String,
    },
    /// Counts the current step as done, with this output.
    Complete {
        /// The step.
        step: String,
        /// Its output, as JSON.
        output: String,
    },
    /// Undoes everything.
    Unwind,
    /// Ends it as it is.
    Abandon,
    /// Ends the lease of its worker.
    TakeOver,
}

/// Who asks for an operation, and why. Both are stored with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Reason {
    /// Who, and why.
    pub fn new(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            by: by.into(),
            why: why.into(),
        }
    }
}

/// What an operation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// What was done, as names and values.
    pub values: Vec<(String, String)>,
    /// Why a part of it was not possible.
    pub refused: Option<String>,
}

impl Done {
    /// What was done, and why a part of it was not.
    pub fn new(values: Vec<(String, String)>, refused: Option<String>) -> Self {
        Self { values, refused }
    }
}

/// Why an operation was not done. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request means nothing that can be done.
    #[error("{0}")]
    Wrong(String),
    /// What it is about is not there. Nothing was done.
    #[error("{0}")]
    Missing(String),
    /// It is not possible in the state that is there.
    #[error("{0}")]
    NotNow(String),
    /// The store failed. The text says whether something was written.
    #[error("{0}")]
    Failed(String),
}
