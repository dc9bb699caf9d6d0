//! Whether a rule of unique values is on for events. It is for a name whose first event turned it on, and it will be for a
//! name without events. It never is for events that were stored without it: those are refused.

use crate::shared::Shared;
use es_runtime::{
    StorageError, StorageErrorKind, UniqueWalk, UniqueWalked, store::author::RuleState,
};

impl Shared {
    /// Where turning a rule on has come to: it is on, or it cannot be turned on.
    ///
    /// # Errors
    /// [`Unsupported`](StorageErrorKind::Unsupported): there are events without the rule.
    pub(crate) async fn walk_unique(
        &self,
        walk: &UniqueWalk,
    ) -> Result<UniqueWalked, StorageError> {
        let rule = &walk.rule;
        // Those of a retired name are read as events of the others, and nobody has recorded what they have.
        for name in walk.events.iter().chain(&walk.retired) {
            let rules = self.rules_of(name).await?;
            if rules.is_some_and(|rules| !rules.contains(rule)) {
                return Err(unsupported(rule, name));
            }
        }
        let mut state = RuleState::default();
        for name in &walk.events {
            state.read_rule(rule, name, true, true);
        }
        Ok(state.walk(walk, UniqueWalked::DONE, false))
    }
}

fn unsupported(rule: &str, name: &str) -> StorageError {
    let what = format!(
        "on JetStream the rule `{rule}` is on from the first event of a name on, and events `{name}` are stored without it: \
         put `#[unique]` on an event of a new name"
    );
    StorageError::new(StorageErrorKind::Unsupported, what)
}
