//! How two texts differ, line by line, for the message of an assertion that failed.

use similar::TextDiff;
use std::fmt::Debug;

/// The lines of both: `-` before an expected one that is missing, `+` before one that came instead.
pub(crate) fn lines(expected: &str, actual: &str) -> String {
    between(("expected", expected), ("actual", actual))
}

/// The lines of two texts with these names: `-` before one of the first, `+` before one of the second alone.
pub(crate) fn between((one, old): (&str, &str), (other, new): (&str, &str)) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut text = format!("- {one}, + {other}\n");
    for change in diff.iter_all_changes() {
        text.push(match change.tag() {
            similar::ChangeTag::Equal => ' ',
            similar::ChangeTag::Delete => '-',
            similar::ChangeTag::Insert => '+',
        });
        text.push(' ');
        text.push_str(change.value().trim_end_matches('\n'));
        text.push('\n');
    }
    text
}

/// The same of two values as `{:#?}` writes them.
pub(crate) fn values(expected: &impl Debug, actual: &impl Debug) -> String {
    lines(&format!("{expected:#?}\n"), &format!("{actual:#?}\n"))
}
