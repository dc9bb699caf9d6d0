//! How code breaks sealed lines, and how to resolve each case.

use super::{Difference, Lock, LockEntry, LockLine, LockState, difference::between, lock::Code};
use es_runtime::schema::{EventShape, SetShapes};
use std::fmt;

/// A sealed line of a lock that the code breaks.
///
/// Its text shows both shapes, their differences, and how to resolve them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The newest version of an event no longer has its sealed shape.
    Changed {
        /// The stored name.
        event: String,
        /// The sealed version, which is the newest of the code.
        version: u16,
        /// The shape in the lock.
        locked: String,
        /// The shape that the code derives.
        derived: String,
        /// The differences.
        differences: Vec<Difference>,
    },
    /// The code describes an older version with another shape than the sealed one.
    HistoryChanged {
        /// The stored name.
        event: String,
        /// The sealed version.
        version: u16,
        /// The newest version of the code.
        current: u16,
        /// The shape in the lock.
        locked: String,
        /// The shape that the code derives.
        derived: String,
        /// The differences.
        differences: Vec<Difference>,
    },
    /// A sealed version is read as a version of another event, which has another shape.
    AliasDiffers {
        /// The stored name.
        event: String,
        /// The event that it is read as.
        read_as: String,
        /// The sealed version.
        version: u16,
        /// The shape in the lock.
        locked: String,
        /// The shape of that version of the other event.
        derived: String,
        /// The differences.
        differences: Vec<Difference>,
    },
    /// A sealed version is newer than the newest version of the code.
    VersionLowered {
        /// The stored name.
        event: String,
        /// The sealed version.
        version: u16,
        /// The newest version of the code.
        current: u16,
        /// The shape in the lock.
        locked: String,
    },
    /// The code has no event with a sealed name, but a new one with the same shapes.
    Renamed {
        /// The sealed stored name.
        event: String,
        /// The name of the new event.
        to: String,
        /// Its sealed versions with their shapes.
        locked: Vec<(u16, String)>,
    },
    /// The code has no event with a sealed name and does not declare how to read it.
    Removed {
        /// The sealed stored name.
        event: String,
        /// Its sealed versions with their shapes.
        locked: Vec<(u16, String)>,
    },
    /// The code declares a retired name differently from the sealed line.
    RetirementChanged {
        /// The retired stored name.
        event: String,
        /// The content of the sealed line.
        locked: LockEntry,
        /// The declaration in the code, if there is one.
        declared: Option<LockEntry>,
    },
    /// The events of a name no longer have a tag, or a say in a rule of unique values, that released programs know.
    NotIndexed {
        /// The stored name.
        event: String,
        /// The content of the sealed line.
        locked: LockEntry,
    },
    /// A name that was sealed as retired is the name of an event.
    NameReused {
        /// The stored name.
        event: String,
        /// The content of the sealed line.
        locked: LockEntry,
    },
}

impl Lock {
    /// Compares every sealed line with what the code of `S` derives.
    ///
    /// # Errors
    /// Every [`Violation`], in the order of the lines.
    pub fn check<S: SetShapes>(&self) -> Result<(), Vec<Violation>> {
        let found = find(self, &Code::of::<S>());
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

fn find(lock: &Lock, code: &Code) -> Vec<Violation> {
    let sealed = || {
        lock.lines()
            .iter()
            .filter(|line| line.state == LockState::Sealed)
    };
    let mut found = Vec::new();
    let mut last_gone = "";
    for line in sealed() {
        let name = line.name.as_str();
        match &line.entry {
            LockEntry::Version { version, .. } => {
                let known = match code.retirement(name) {
                    None => code.event(name),
                    Some(es_runtime::schema::Retirement::Alias(of)) => code.event(of),
                    Some(_) => continue,
                };
                if let Some(event) = known {
                    found.extend(version_of(line, *version, event));
                } else if name != last_gone {
                    last_gone = name;
                    found.push(gone(lock, name, code));
                }
            }
            locked @ (LockEntry::Tag(_) | LockEntry::Unique(_)) => {
                if code.event(name).is_some() && !code.has(line) {
                    found.push(Violation::NotIndexed {
                        event: name.to_owned(),
                        locked: locked.clone(),
                    });
                }
            }
            locked => {
                let declared = code.retirement(name).map(LockEntry::of);
                if code.event(name).is_some() {
                    found.push(Violation::NameReused {
                        event: name.to_owned(),
                        locked: locked.clone(),
                    });
                } else if declared.as_ref() != Some(locked) {
                    last_gone = name;
                    found.push(Violation::RetirementChanged {
                        event: name.to_owned(),
                        locked: locked.clone(),
                        declared,
                    });
                }
            }
        }
    }
    found
}

fn version_of(line: &LockLine, version: u16, event: &EventShape) -> Option<Violation> {
    let LockEntry::Version { layout, shape, .. } = &line.entry else {
        return None;
    };
    let current = u16::try_from(event.shapes.len()).unwrap_or(u16::MAX);
    let name = line.name.clone();
    let Some(node) = event.shapes.get(usize::from(version.saturating_sub(1))) else {
        return Some(Violation::VersionLowered {
            event: name,
            version,
            current,
            locked: shape.clone(),
        });
    };
    if node.has_text(*layout, shape.as_bytes()) {
        return None;
    }
    let derived = node.render(*layout);
    let differences = between(shape, &derived);
    let locked = shape.clone();
    Some(if line.name != event.name {
        Violation::AliasDiffers {
            event: name,
            read_as: event.name.to_owned(),
            version,
            locked,
            derived,
            differences,
        }
    } else if version == current {
        Violation::Changed {
            event: name,
            version,
            locked,
            derived,
            differences,
        }
    } else {
        Violation::HistoryChanged {
            event: name,
            version,
            current,
            locked,
            derived,
            differences,
        }
    })
}

/// The violation for a sealed name that is missing in the code: renamed when a new event has its shapes.
fn gone(lock: &Lock, name: &str, code: &Code) -> Violation {
    let is_sealed = |line: &&LockLine| line.state == LockState::Sealed;
    let lines = || {
        let lines = lock.lines().iter().filter(is_sealed);
        let is_indexed =
            |line: &LockLine| matches!(line.entry, LockEntry::Tag(_) | LockEntry::Unique(_));
        lines.filter(move |line| line.name == name && !is_indexed(line))
    };
    let locked: Vec<(u16, String)> = lines()
        .filter_map(|line| match &line.entry {
            LockEntry::Version { version, shape, .. } => Some((*version, shape.clone())),
            _ => None,
        })
        .collect();
    let is_new = |event: &&EventShape| {
        let mut sealed = lock.lines().iter().filter(is_sealed);
        sealed.all(|line| line.name != event.name)
    };
    let fits = |event: &&EventShape| {
        lines().all(|line| {
            line.version()
                .is_some_and(|version| version_of(line, version, event).is_none())
        })
    };
    let event = name.to_owned();
    let mut new = code.events.iter().filter(is_new);
    match new.find(fits) {
        Some(new) => Violation::Renamed {
            event,
            to: new.name.to_owned(),
            locked,
        },
        None => Violation::Removed { event, locked },
    }
}

impl Violation {
    /// The stored name of the event.
    pub fn event(&self) -> &str {
        match self {
            Self::Changed { event, .. }
            | Self::HistoryChanged { event, .. }
            | Self::AliasDiffers { event, .. }
            | Self::VersionLowered { event, .. }
            | Self::Renamed { event, .. }
            | Self::Removed { event, .. }
            | Self::RetirementChanged { event, .. }
            | Self::NotIndexed { event, .. }
            | Self::NameReused { event, .. } => event,
        }
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    #[expect(clippy::too_many_lines, reason = "one sentence for each case")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { event, version, .. } => {
                let next = u32::from(*version) + 1;
                writeln!(
                    f,
                    "`{event}` version {version} is sealed and its shape has changed"
                )?;
                self.sides(f)?;
                write!(
                    f,
                    "  help: events of this shape are stored. Raise `version` to {next} and describe \
                     the change on the field (`since`, `was` or `removed`), or take the change back"
                )
            }
            Self::HistoryChanged {
                event,
                version,
                current,
                differences,
                ..
            } => {
                writeln!(
                    f,
                    "`{event}` version {version} is sealed and the code now describes it differently \
                     (its newest version is {current})"
                )?;
                self.sides(f)?;
                write!(f, "  help: {}", history_help(*version, differences))
            }
            Self::AliasDiffers {
                event,
                read_as,
                version,
                ..
            } => {
                writeln!(
                    f,
                    "`{event}` version {version} is sealed and read as `{read_as}` version \
                     {version}, which has another shape"
                )?;
                self.sides(f)?;
                write!(
                    f,
                    "  help: stored events of this name could not be read. Take the change to \
                     `{read_as}` back, or declare `alias(\"{event}\")` on the event that has the \
                     shape in the lock"
                )
            }
            Self::VersionLowered {
                event,
                version,
                current,
                ..
            } => {
                writeln!(
                    f,
                    "`{event}` version {version} is sealed, but the code ends at version {current}"
                )?;
                self.sides(f)?;
                write!(
                    f,
                    "  help: stored events of version {version} could not be read. Put `version = \
                     {version}` back, or a higher one"
                )
            }
            Self::Renamed { event, to, .. } => {
                writeln!(
                    f,
                    "`{event}` is sealed and gone from the code; the new event `{to}` has the same \
                     shapes"
                )?;
                self.sides(f)?;
                write!(
                    f,
                    "  help: was it renamed? Put the stored name `{event}` back, or declare \
                     `alias(\"{event}\")` on the event `{to}`"
                )
            }
            Self::Removed { event, .. } => {
                writeln!(f, "`{event}` is sealed and gone from the code")?;
                self.sides(f)?;
                write!(
                    f,
                    "  help: stored events of this name would stop every reader. Put the event back, \
                     or declare what becomes of them: `drop(\"{event}\")` where they mean \
                     nothing any more"
                )
            }
            Self::RetirementChanged { event, locked, .. } => {
                writeln!(
                    f,
                    "the retired name `{event}` is sealed and the code declares it differently"
                )?;
                self.sides(f)?;
                let locked = Declared(event, locked);
                write!(
                    f,
                    "  help: stored events of this name would be read differently. Declare `{locked}` \
                     again"
                )
            }
            Self::NotIndexed { event, locked } => {
                writeln!(
                    f,
                    "`{event}` is sealed with {} and the code has it no more",
                    Has(locked)
                )?;
                self.sides(f)?;
                f.write_str(
                    "  help: stores refuse this event from a program that does not know it, once it is on. Put \
                     it back",
                )
            }
            Self::NameReused { event, .. } => {
                writeln!(
                    f,
                    "`{event}` is sealed as a retired name and the code has an event of that name"
                )?;
                self.sides(f)?;
                f.write_str(
                    "  help: stored events of this name are not of that event. Give the new event \
                     another stored name",
                )
            }
        }
    }
}

impl Violation {
    /// The shapes in the lock and in the code, and their differences.
    fn sides(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed {
                locked,
                derived,
                differences,
                ..
            }
            | Self::HistoryChanged {
                locked,
                derived,
                differences,
                ..
            }
            | Self::AliasDiffers {
                locked,
                derived,
                differences,
                ..
            } => {
                writeln!(f, "  lock: {locked}\n  code: {derived}")?;
                differences
                    .iter()
                    .try_for_each(|difference| writeln!(f, "  differs at: {difference}"))
            }
            Self::VersionLowered { locked, .. } => writeln!(f, "  lock: {locked}\n  code: nothing"),
            Self::Renamed { locked, .. } | Self::Removed { locked, .. } => {
                for (version, shape) in locked {
                    writeln!(f, "  lock: v{version} {shape}")?;
                }
                writeln!(f, "  code: nothing")
            }
            Self::RetirementChanged {
                event,
                locked,
                declared,
            } => {
                writeln!(f, "  lock: `{}`", Declared(event, locked))?;
                match declared {
                    Some(declared) => writeln!(f, "  code: `{}`", Declared(event, declared)),
                    None => writeln!(f, "  code: nothing"),
                }
            }
            Self::NotIndexed { locked, .. } => {
                writeln!(f, "  lock: {}\n  code: nothing", Has(locked))
            }
            Self::NameReused { event, locked } => {
                writeln!(f, "  lock: `{}`\n  code: an event", Declared(event, locked))
            }
        }
    }
}

/// A retired name as the code would declare it.
struct Declared<'a>(&'a str, &'a LockEntry);

impl fmt::Display for Declared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, entry) = self;
        match entry {
            LockEntry::Version { version, .. } => write!(f, "{name} v{version}"),
            LockEntry::Dropped => write!(f, "drop(\"{name}\")"),
            LockEntry::Alias(of) => write!(f, "alias(\"{name}\") of {of}"),
            LockEntry::Split => write!(f, "split(\"{name}\")"),
            has @ (LockEntry::Tag(_) | LockEntry::Unique(_)) => Has(has).fmt(f),
        }
    }
}

/// A tag or a rule of unique values.
struct Has<'a>(&'a LockEntry);

impl fmt::Display for Has<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LockEntry::Tag(kind) => write!(f, "the tag `{kind}`"),
            LockEntry::Unique(rule) => write!(f, "the unique value `{rule}`"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The help for an older version. It names the attribute for the kind of the change.
fn history_help(version: u16, differences: &[Difference]) -> String {
    match differences.first() {
        Some(Difference::Missing { at, locked }) if !at.contains(['.', '[', ':']) => format!(
            "version {version} has the field `{at}`. Put its `removed({at}: .., in = ..)` back \
             (its shape is `{locked}`), or the earlier `since` of the field"
        ),
        Some(Difference::Added { at, .. }) if !at.contains(['.', '[', ':']) => format!(
            "version {version} does not have the field `{at}`. Put its `since` back, which says in \
             which later version it came"
        ),
        Some(Difference::Renamed { locked, derived }) if !locked.contains(['.', '[', ':']) => {
            format!(
                "version {version} has the field `{locked}`. Put `was(name = \"{locked}\", ..)` back on \
             what is `{derived}` in the code"
            )
        }
        Some(Difference::Type { at, locked, .. })
            if !at.is_empty() && !at.contains(['.', '[', ':']) =>
        {
            format!(
                "version {version} stores `{at}` as `{locked}`. Put the type in its `was(type = ..)` \
                 back; where the field's own type changed, name the old one with `was(type = .., \
                 with = .., before = ..)`"
            )
        }
        _ => format!(
            "a type inside the event has changed, and version {version} is stored with the old one. \
             Take that change back, or keep the old type under another name and use it in \
             `was(type = .., with = .., before = ..)`"
        ),
    }
}
