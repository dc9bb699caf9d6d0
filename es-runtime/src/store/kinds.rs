//! Kinds of tags as rules: stores keep one list of what is on for the events of which names.

/// What the names of rules begin with that say whether a kind is on. No unique value has such a rule.
pub(super) const RULE: &str = "tag:";

pub(super) fn rule_of(kind: &str) -> String {
    format!("{RULE}{kind}")
}

/// Whether this rule says whether a kind is on.
pub(super) fn is_rule_of(rule: &str, kind: &str) -> bool {
    rule.strip_prefix(RULE) == Some(kind)
}
