//! What differs between two locks, such as that of a release and that of a branch.

use crate::{Difference, Lock, LockEntry, LockLine, LockState, difference};
use es_runtime::schema::Layout;
use std::fmt;

/// A difference between an older lock and a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockDifference {
    /// The newer one has this line, too.
    Added(LockLine),
    /// The newer one does not have this line.
    Removed(LockLine),
    /// An open line is sealed, as it was.
    Sealed(LockLine),
    /// A line says something else.
    Changed {
        /// The older line.
        from: LockLine,
        /// The newer line.
        to: LockLine,
        /// What differs in their shapes.
        differences: Vec<Difference>,
    },
}

impl LockDifference {
    /// Whether it breaks a promise: a sealed line is gone, is open again, or says something else. Stores have events as it
    /// said. Only the order of fields may be added to it, where the codec has become a positional one.
    pub fn is_breaking(&self) -> bool {
        match self {
            Self::Added(_) | Self::Sealed(_) => false,
            Self::Removed(line) => line.state == LockState::Sealed,
            Self::Changed {
                from,
                to,
                differences,
            } => {
                let layout = |line: &LockLine| match line.entry {
                    LockEntry::Version { layout, .. } => Some(layout),
                    _ => None,
                };
                let is_order = |one: &Difference| matches!(one, Difference::Order { .. });
                let only_adds_order = to.state == LockState::Sealed
                    && (layout(from), layout(to)) == (Some(Layout::ByName), Some(Layout::ByOrder))
                    && differences.iter().all(is_order);
                from.state == LockState::Sealed && !only_adds_order
            }
        }
    }
}

impl fmt::Display for LockDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(line) => write!(f, "+ {line}"),
            Self::Removed(line) => write!(f, "- {line}"),
            Self::Sealed(line) => write!(f, "sealed: {line}"),
            Self::Changed { from, to, .. } => write!(f, "- {from}\n+ {to}"),
        }
    }
}

impl Lock {
    /// What a newer lock has that this one has not, and the other way round, in the order of the lines.
    ///
    /// ```
    /// use es_schema_lock::Lock;
    ///
    /// let old: Lock = "order.placed v1 sealed {cents:u64}".parse()?;
    /// let new: Lock = "order.placed v1 sealed {cents:i64}\norder.placed v2 open {}".parse()?;
    /// let differences = old.differences(&new);
    /// let breaking: Vec<bool> = differences.iter().map(|one| one.is_breaking()).collect();
    /// assert_eq!(breaking, [true, false]);
    /// # Ok::<(), es_schema_lock::DamagedLock>(())
    /// ```
    pub fn differences(&self, newer: &Self) -> Vec<LockDifference> {
        let find = |lock: &Self, line: &LockLine| {
            lock.lines()
                .iter()
                .find(|other| other.key() == line.key())
                .cloned()
        };
        let mut found: Vec<(Key, LockDifference)> = Vec::new();
        for line in self.lines() {
            let difference = match find(newer, line) {
                None => LockDifference::Removed(line.clone()),
                Some(to) if to.entry == line.entry => match (line.state, to.state) {
                    (LockState::Open, LockState::Sealed) => LockDifference::Sealed(to),
                    (LockState::Sealed, LockState::Open) => changed(line.clone(), to),
                    _ => continue,
                },
                Some(to) => changed(line.clone(), to),
            };
            found.push((owned(line), difference));
        }
        let added = newer
            .lines()
            .iter()
            .filter(|line| find(self, line).is_none());
        found.extend(added.map(|line| (owned(line), LockDifference::Added(line.clone()))));
        found.sort_by(|one, two| one.0.cmp(&two.0));
        found
            .into_iter()
            .map(|(_, difference)| difference)
            .collect()
    }
}

type Key = (String, Option<u16>, u8, String);

fn owned(line: &LockLine) -> Key {
    let (name, version, group, text) = line.key();
    (name.to_owned(), version, group, text.to_owned())
}

fn changed(from: LockLine, to: LockLine) -> LockDifference {
    let differences = match (&from.entry, &to.entry) {
        (LockEntry::Version { shape: old, .. }, LockEntry::Version { shape: new, .. }) => {
            difference::between(old, new)
        }
        _ => Vec::new(),
    };
    LockDifference::Changed {
        from,
        to,
        differences,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(old: &str, new: &str) -> Result<Vec<String>, crate::DamagedLock> {
        let (old, new): (Lock, Lock) = (old.parse()?, new.parse()?);
        let said = old.differences(&new).into_iter().map(|one| {
            let breaks = if one.is_breaking() { "!" } else { "" };
            format!("{breaks}{one}").replace('\n', " / ")
        });
        Ok(said.collect())
    }

    #[test]
    fn only_promises_are_broken() -> Result<(), crate::DamagedLock> {
        let cases: &[(&str, &str, &[&str])] = &[
            ("a v1 sealed {}", "a v1 sealed {}", &[]),
            (
                "a v1 open {}",
                "a v1 sealed {}",
                &["sealed: a v1 sealed {}"],
            ),
            (
                "a v1 sealed {}",
                "a v1 open {}",
                &["!- a v1 sealed {} / + a v1 open {}"],
            ),
            ("a v1 sealed {}", "", &["!- a v1 sealed {}"]),
            ("a v1 open {}", "", &["- a v1 open {}"]),
            ("", "a v1 sealed {}", &["+ a v1 sealed {}"]),
            (
                "a v1 open {x:u8}\nb v1 sealed {x:u8}",
                "a v1 open {x:u16}\nb v1 sealed {x:u16}\nb v2 open {}",
                &[
                    "- a v1 open {x:u8} / + a v1 open {x:u16}",
                    "!- b v1 sealed {x:u8} / + b v1 sealed {x:u16}",
                    "+ b v2 open {}",
                ],
            ),
            (
                "a sealed tag t",
                "a sealed tag u",
                &["!- a sealed tag t", "+ a sealed tag u"],
            ),
            (
                "a sealed drop",
                "a sealed split",
                &["!- a sealed drop / + a sealed split"],
            ),
            (
                "a v1 sealed {x:u8,y:u8}",
                "a v1 sealed ordered {y:u8,x:u8}",
                &["- a v1 sealed {x:u8,y:u8} / + a v1 sealed ordered {y:u8,x:u8}"],
            ),
            (
                "a v1 sealed {x:u8,y:u8}",
                "a v1 sealed ordered {y:u8,x:u9}",
                &["!- a v1 sealed {x:u8,y:u8} / + a v1 sealed ordered {y:u8,x:u9}"],
            ),
        ];
        for (old, new, expected) in cases {
            assert_eq!(said(old, new)?, *expected, "{old} {new}");
        }
        Ok(())
    }
}
