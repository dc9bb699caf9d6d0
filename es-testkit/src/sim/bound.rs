//! The bound of a history: how many steps it may take, and what kept one going that took more.

use super::trouble::Kind;
use std::{cmp::Reverse, collections::BTreeMap, fmt::Write};

/// A step is a turn of a task, a call of a store, or a call of a step of a saga or of a handler.
const STEPS: u64 = 50_000;
/// So many kinds of calls are named.
const NAMED: usize = 8;

/// The steps of a history.
pub(super) struct Bound {
    most: u64,
    taken: u64,
    /// Calls outside of a run have no bound.
    is_on: bool,
    /// How often each of the last calls was made.
    last: BTreeMap<(Kind, String), u64>,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            most: STEPS,
            taken: 0,
            is_on: false,
            last: BTreeMap::new(),
        }
    }
}

impl Bound {
    pub(super) fn set(&mut self, most: u64) {
        self.most = most;
    }

    /// Another run of the same history has all steps again.
    pub(super) fn begin(&mut self) {
        self.taken = 0;
        self.is_on = true;
        self.last.clear();
    }

    pub(super) fn end(&mut self) {
        self.is_on = false;
    }

    /// Takes a step.
    pub(super) fn step(&mut self) {
        self.taken = self.taken.saturating_add(1);
    }

    /// Takes a step that is a call. Only those of the last tenth are remembered.
    pub(super) fn call(&mut self, process: usize, what: &str, kind: Kind) {
        self.step();
        if self.taken >= self.most - self.most / 10 {
            let what = format!("process {process}, {what}");
            *self.last.entry((kind, what)).or_default() += 1;
        }
    }

    /// Whether no step is left.
    pub(super) const fn is_reached(&self) -> bool {
        self.is_on && self.taken >= self.most
    }

    /// What kept it going: the calls that were made most often in the end, those that change something first.
    pub(super) fn last_calls(&self) -> String {
        let mut calls: Vec<_> = self.last.iter().collect();
        calls.sort_by_key(|((kind, what), count)| (*kind, Reverse(**count), what));
        let mut text = String::new();
        for ((_, what), count) in calls.into_iter().take(NAMED) {
            let _ = write!(text, "\n  {what}: {count} times");
        }
        if text.is_empty() {
            text.push_str("\n  tasks that have their turn again and again, and call nothing");
        }
        text
    }

    pub(super) const fn most(&self) -> u64 {
        self.most
    }
}
