//! A definition as data, without its functions. Decisions, diagrams and hashes need nothing else.

use super::StepRetry;
use crate::outline::{StepAction, StepOutline};
use std::{fmt::Write as _, time::Duration};

/// One definition as data.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each flag is independent")]
pub(crate) struct Info {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) hash: String,
    pub(crate) frozen: bool,
    /// Whether this program has the definition. Without it nothing is decided.
    pub(crate) known: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: StepRetry,
    pub(crate) undo_retry: StepRetry,
    pub(crate) continue_others: bool,
    pub(crate) completed: bool,
    pub(crate) compensated: bool,
    pub(crate) steps: Vec<StepInfo>,
}

/// One step as data.
#[derive(Clone, Debug)]
pub(crate) struct StepInfo {
    pub(crate) name: &'static str,
    pub(crate) needs: Vec<&'static str>,
    pub(crate) action: StepAction,
    pub(crate) undo: Option<StepAction>,
    pub(crate) pivot: bool,
    pub(crate) timeout: Duration,
    pub(crate) undo_timeout: Duration,
    pub(crate) retry: StepRetry,
    pub(crate) undo_retry: StepRetry,
    /// The shape of its output.
    pub(crate) output: String,
}

impl StepInfo {
    pub(crate) const fn is_command(&self) -> bool {
        matches!(self.action, StepAction::Command(_))
    }

    pub(crate) const fn has_undo(&self) -> bool {
        self.undo.is_some()
    }

    pub(crate) fn outline(&self) -> StepOutline {
        StepOutline {
            name: self.name,
            needs: self.needs.clone(),
            action: self.action,
            undo: self.undo,
            pivot: self.pivot,
            timeout: self.timeout,
            retry: self.retry,
            undo_timeout: self.undo_timeout,
            undo_retry: self.undo_retry,
        }
    }
}

impl Info {
    /// A placeholder for a definition that this program does not have.
    pub(crate) fn unknown(version: u32, hash: &str) -> Self {
        Self {
            name: "",
            version,
            hash: hash.to_owned(),
            frozen: true,
            known: false,
            deadline: None,
            retry: StepRetry::times(1),
            undo_retry: StepRetry::times(1),
            continue_others: false,
            completed: false,
            compensated: false,
            steps: Vec::new(),
        }
    }

    pub(crate) fn step(&self, name: &str) -> Option<&StepInfo> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The version and the hash, as the work item stores them.
    pub(crate) fn definition(&self) -> String {
        Self::definition_of(self.version, &self.hash)
    }

    pub(crate) fn definition_of(version: u32, hash: &str) -> String {
        format!("{version}:{hash}")
    }

    /// The hash of everything that an instance relies on until its end: the steps, their order, their inputs
    /// and undos, and the shapes of the stored types. Retry policies and time limits are not part of it.
    pub(crate) fn hash(&self, input: &str) -> String {
        let mut text = format!("{} {} {input}", self.name, self.version);
        for step in &self.steps {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{} {} {} {} {} {:?}",
                step.name,
                step.output,
                step.has_undo(),
                step.pivot,
                step.is_command(),
                step.needs
            );
        }
        let _ = write!(text, "\n{} {}", self.completed, self.compensated);
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes());
        let mut hash = id.simple().to_string();
        hash.truncate(16);
        hash
    }
}
