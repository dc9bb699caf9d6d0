//! The world outside: which effects were applied, under which keys, and what was taken back.

use es_sagas::{Fail, Key, StepCall, StepCx, StepDirection};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One call that reached the world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Called {
    /// The step.
    pub step: String,
    /// Done or undone.
    pub to: StepDirection,
    /// The key of the effect.
    pub key: Key,
    /// Which attempt it was.
    pub attempt: u32,
}

/// One effect, as a provider that recognises keys knows it.
#[derive(Clone, Debug, Default)]
struct Entry {
    step: String,
    applied: u32,
    output: Value,
    undone: u32,
}

#[derive(Debug, Default)]
struct Book {
    calls: Vec<Called>,
    effects: BTreeMap<String, Entry>,
    undo_keys: Vec<Key>,
    do_keys: BTreeMap<Key, String>,
}

/// A provider of all steps that keeps to the contract: one key is applied once and gives the same
/// answer again; what was undone is not done any more under that key.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    book: Arc<Mutex<Book>>,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every call that reached it, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.book().calls.clone()
    }

    /// How many effects of a step are applied and not undone.
    pub fn live(&self, step: &str) -> usize {
        let book = self.book();
        let of_step = book.effects.values().filter(|entry| entry.step == step);
        of_step.filter(|entry| entry.applied > entry.undone).count()
    }

    /// The effects that were applied, in the order of their steps' first calls, each with how often.
    pub fn applied(&self) -> BTreeMap<String, u32> {
        let book = self.book();
        let mut applied = BTreeMap::new();
        for entry in book.effects.values() {
            *applied.entry(entry.step.clone()).or_insert(0) += entry.applied;
        }
        applied
    }

    /// The aggregate rejected the command of this step. The call came before the decision, so it counted as applied.
    pub(super) fn rejected(&self, step: &str) {
        for entry in self.book().effects.values_mut() {
            if entry.step == step {
                entry.applied = 0;
            }
        }
    }

    /// Lets a call through as a provider does that knows its key.
    pub(super) async fn provide(&self, cx: &StepCx, call: StepCall<'_>) -> Result<Value, Fail> {
        let of = format!("{} {}", cx.instance(), cx.step());
        {
            let mut book = self.book();
            book.calls.push(Called {
                step: cx.step().to_owned(),
                to: cx.direction(),
                key: cx.key(),
                attempt: cx.attempt(),
            });
            if cx.direction() == StepDirection::Do {
                let known = book.do_keys.entry(cx.key()).or_insert_with(|| of.clone());
                assert_eq!(*known, of, "two effects have one key");
                let keys = book.do_keys.values().filter(|other| **other == of);
                assert_eq!(keys.count(), 1, "{of} was called under two keys");
            }
            let known = book.effects.get(&of);
            match cx.direction() {
                StepDirection::Do => match known {
                    Some(entry) if entry.undone > 0 => {
                        return Err(Fail::fatal("the key was undone"));
                    }
                    Some(entry) if entry.applied > 0 => return Ok(entry.output.clone()),
                    _ => {}
                },
                StepDirection::Undo if book.undo_keys.contains(&cx.key()) => {
                    return Ok(Value::Null);
                }
                StepDirection::Undo => {}
            }
        }
        let output = call.await?;
        let mut book = self.book();
        let undo = cx.direction() == StepDirection::Undo;
        if undo {
            book.undo_keys.push(cx.key());
        }
        let entry = book.effects.entry(of).or_default();
        cx.step().clone_into(&mut entry.step);
        if undo {
            entry.undone += 1;
        } else {
            entry.applied += 1;
            entry.output = output.clone();
        }
        Ok(output)
    }
}
