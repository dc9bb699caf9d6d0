//! The schema lock: a committed text with the stored shape of each version of each event.
//!
//! It has one line for each version, sorted by name and version:
//!
//! ```text
//! # The stored shapes of these events. Commit this file; never edit a sealed line.
//! OrderShipped sealed alias order.shipped
//! order.blinked sealed drop
//! order.placed v1 sealed {customer:str,total:f64}
//! order.placed v2 sealed {currency:str,customer:str,total:f64}
//! order.placed v3 open {currency:str,customer:str,total_cents:i64}
//! order.shipped sealed tag parcel
//! order.shipped v1 sealed ordered {parcel:u64,carrier:str}
//! ```
//!
//! - A line is `NAME vN STATE SHAPE` for a version, or `NAME STATE drop`, `NAME STATE split` or
//!   `NAME STATE alias NAME` for a stored name that is read and no longer written.
//! - `NAME STATE tag KIND` says that events of this name are recorded by tags of that kind, and
//!   `NAME STATE unique RULE` that they have a say in that rule of unique values.
//! - `open` lines follow the code. For a `sealed` line the code must derive exactly that shape for that
//!   version, because stores have such events. This includes older versions.
//! - `ordered` comes before shapes whose order matters, those of a positional codec such as postcard.
//!   Other lines have the fields and variants sorted by name.
//! - Lines that start with `#` are comments. Comments above the first line stay at the top, others stay
//!   above the line that follows them.

use es_runtime::schema::{EventShape, Layout, Retired, Retirement, SetShapes};
use std::{cmp::Ordering, fmt, str::FromStr};

const HEADER: &str = "\
# The stored shapes of these events. Commit this file; never edit a sealed line.
# `cargo test` updates open lines, `ES_LOCK=seal cargo test` seals them for a release.";

/// A parsed schema lock. The [documentation of the crate](crate) says what it is for.
///
/// ```
/// use es_schema_lock::Lock;
///
/// let text = "order.placed v1 sealed {total:f64}\norder.placed v2 open {total:i64@cents}\n";
/// let lock: Lock = text.parse()?;
/// assert_eq!(lock.lines().len(), 2);
/// assert_eq!(lock.to_string(), text);
/// # Ok::<(), es_schema_lock::DamagedLock>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    header: Vec<String>,
    lines: Vec<LockLine>,
    footer: Vec<String>,
}

/// One line of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockLine {
    /// The stored name.
    pub name: String,
    /// The version with its shape, or how the name is read.
    pub entry: LockEntry,
    /// Whether the line is open or sealed.
    pub state: LockState,
    comments: Vec<String>,
}

/// The content of a line of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockEntry {
    /// A version and the shape in which it is stored.
    Version {
        /// The version, 1 or more.
        version: u16,
        /// Whether the order of fields and variants matters in `shape`.
        layout: Layout,
        /// The text of the shape.
        shape: String,
    },
    /// Events of this name are ignored.
    Dropped,
    /// Events of this name are read as events with that name.
    Alias(String),
    /// Events of this name are read as several events each.
    Split,
    /// Events of this name have tags of this kind.
    Tag(String),
    /// Events of this name have a say in this rule of unique values.
    Unique(String),
}

/// Whether a line is open or sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockState {
    /// It follows the code, because no event with this shape was released.
    Open,
    /// The code must match it, because stores have events with this shape.
    Sealed,
}

/// A change that an update makes, or would make, to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockChange {
    /// A line was added for a version or a retired name of the code.
    Added(String),
    /// An open line was updated to the shape of the code.
    Updated {
        /// The old line.
        from: String,
        /// The new line.
        to: String,
    },
    /// An open line was removed, because the code no longer has its version.
    Removed(String),
    /// An open line was sealed, or a sealed line got the order of fields.
    Sealed(String),
    /// The lines were sorted.
    Sorted,
}

impl fmt::Display for LockChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(line) => write!(f, "+ {line}"),
            Self::Updated { from, to } => write!(f, "- {from}\n  + {to}"),
            Self::Removed(line) => write!(f, "- {line}"),
            Self::Sealed(line) => write!(f, "sealed: {line}"),
            Self::Sorted => f.write_str("the lines are sorted"),
        }
    }
}

impl fmt::Display for LockLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            LockState::Open => "open",
            LockState::Sealed => "sealed",
        };
        let name = &self.name;
        match &self.entry {
            LockEntry::Version {
                version,
                layout,
                shape,
            } => {
                let ordered = match layout {
                    Layout::ByName => "",
                    Layout::ByOrder => "ordered ",
                };
                write!(f, "{name} v{version} {state} {ordered}{shape}")
            }
            LockEntry::Dropped => write!(f, "{name} {state} drop"),
            LockEntry::Alias(of) => write!(f, "{name} {state} alias {of}"),
            LockEntry::Split => write!(f, "{name} {state} split"),
            LockEntry::Tag(kind) => write!(f, "{name} {state} tag {kind}"),
            LockEntry::Unique(rule) => write!(f, "{name} {state} unique {rule}"),
        }
    }
}

impl LockLine {
    /// The version of the line, `None` for a retired name.
    pub fn version(&self) -> Option<u16> {
        match self.entry {
            LockEntry::Version { version, .. } => Some(version),
            _ => None,
        }
    }

    pub(super) fn key(&self) -> (&str, Option<u16>, u8, &str) {
        let (group, text) = match &self.entry {
            LockEntry::Tag(kind) => (1, &**kind),
            LockEntry::Unique(rule) => (2, &**rule),
            _ => (0, ""),
        };
        (&self.name, self.version(), group, text)
    }

    fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }

    fn of_version(event: &EventShape, index: usize, layout: Layout) -> Option<Self> {
        let version = u16::try_from(index + 1).ok()?;
        let shape = event.shapes.get(index)?.render(layout);
        let entry = LockEntry::Version {
            version,
            layout,
            shape,
        };
        Some(Self::open(event.name, entry))
    }

    fn of_retired(retired: &Retired) -> Self {
        Self::open(retired.name, LockEntry::of(retired.into))
    }

    fn open(name: &str, entry: LockEntry) -> Self {
        Self {
            name: name.to_owned(),
            entry,
            state: LockState::Open,
            comments: Vec::new(),
        }
    }
}

impl LockEntry {
    pub(super) fn of(retirement: Retirement) -> Self {
        match retirement {
            Retirement::Dropped => Self::Dropped,
            Retirement::Alias(of) => Self::Alias(of.to_owned()),
            Retirement::Split => Self::Split,
        }
    }
}

impl Lock {
    /// A lock without lines.
    pub fn new() -> Self {
        Self {
            header: HEADER.lines().map(str::to_owned).collect(),
            lines: Vec::new(),
            footer: Vec::new(),
        }
    }

    /// The lines, sorted by name and version. A retired name, tags and rules come before versions.
    pub fn lines(&self) -> &[LockLine] {
        &self.lines
    }

    /// Updates the open lines to the code of `S`: rewrites changed ones, adds missing ones, and removes
    /// those whose version is gone. It never changes a sealed line.
    ///
    /// New lines have `layout`, see [`Layout::of`].
    pub fn update<S: SetShapes>(&mut self, layout: Layout) -> Vec<LockChange> {
        self.update_from(&Code::of::<S>(), layout)
    }

    pub(super) fn update_from(&mut self, code: &Code, layout: Layout) -> Vec<LockChange> {
        let mut current: Vec<LockLine> = code
            .retired
            .iter()
            .map(LockLine::of_retired)
            .chain(code.events.iter().flat_map(|event| {
                (0..event.shapes.len())
                    .filter_map(|index| LockLine::of_version(event, index, layout))
            }))
            .chain(code.indexed())
            .collect();
        current.sort_by(LockLine::order);
        current.dedup_by(|one, other| one.key() == other.key());
        let mut changes = Vec::new();
        let mut lines = Vec::with_capacity(current.len().max(self.lines.len()));
        for mut line in std::mem::take(&mut self.lines) {
            let same_key = current.binary_search_by(|new| new.order(&line)).ok();
            if line.state == LockState::Sealed {
                lines.push(line);
                continue;
            }
            match same_key.and_then(|at| current.get(at)) {
                None => changes.push(LockChange::Removed(line.to_string())),
                Some(new) => {
                    if new.entry != line.entry {
                        let from = line.to_string();
                        line.entry = new.entry.clone();
                        let to = line.to_string();
                        changes.push(LockChange::Updated { from, to });
                    }
                    lines.push(line);
                }
            }
        }
        let known = lines.len();
        for new in current {
            let is_known =
                |lines: &[LockLine]| lines.binary_search_by(|line| line.order(&new)).is_ok();
            if !lines.get(..known).is_some_and(is_known) {
                changes.push(LockChange::Added(new.to_string()));
                lines.push(new);
            }
        }
        lines.sort_by(LockLine::order);
        self.lines = lines;
        changes
    }

    /// Seals every open line. From then on the code must match it.
    ///
    /// With [`Layout::ByOrder`] a sealed line without an order gets one. This is the case when the
    /// aggregate has changed to a positional codec.
    pub fn seal<S: SetShapes>(&mut self, layout: Layout) -> Vec<LockChange> {
        self.seal_from(&Code::of::<S>(), layout)
    }

    pub(super) fn seal_from(&mut self, code: &Code, layout: Layout) -> Vec<LockChange> {
        let mut changes = Vec::new();
        for line in &mut self.lines {
            let mut is_new = line.state == LockState::Open;
            line.state = LockState::Sealed;
            if let LockEntry::Version {
                version,
                layout: locked @ Layout::ByName,
                shape,
            } = &mut line.entry
            {
                let node = code.shape(&line.name, *version).filter(|node| {
                    layout == Layout::ByOrder && node.has_text(Layout::ByName, shape.as_bytes())
                });
                if let Some(node) = node {
                    *locked = layout;
                    *shape = node.render(layout);
                    is_new = true;
                }
            }
            if is_new {
                changes.push(LockChange::Sealed(line.to_string()));
            }
        }
        changes
    }

    /// Parses a lock, and says whether its lines are sorted.
    pub(super) fn parse(text: &str) -> Result<(Self, bool), DamagedLock> {
        let mut lock = Self {
            header: Vec::new(),
            lines: Vec::new(),
            footer: Vec::new(),
        };
        let mut problems = Vec::new();
        let mut comments = Vec::new();
        // The numbers of the lines, for the report of duplicates.
        let mut numbered: Vec<(usize, LockLine)> = Vec::new();
        for (number, text) in (1..).zip(text.lines()) {
            let text = text.trim_end();
            if text.starts_with('#') {
                comments.push(text.to_owned());
                continue;
            }
            if text.is_empty() {
                continue;
            }
            match parse_line(text) {
                Ok(mut line) => {
                    if numbered.is_empty() {
                        lock.header = std::mem::take(&mut comments);
                    } else {
                        line.comments = std::mem::take(&mut comments);
                    }
                    numbered.push((number, line));
                }
                Err(problem) => problems.push(DamagedLine {
                    line: number,
                    text: text.to_owned(),
                    problem,
                }),
            }
        }
        if numbered.is_empty() {
            lock.header = comments;
        } else {
            lock.footer = comments;
        }
        let sorted = numbered.is_sorted_by(|(_, one), (_, two)| one.order(two).is_le());
        numbered.sort_by(|(_, one), (_, two)| one.order(two));
        for pair in numbered.windows(2) {
            if let [(first, one), (number, two)] = pair {
                if one.key() == two.key() {
                    problems.push(DamagedLine {
                        line: *number,
                        text: two.to_string(),
                        problem: LineProblem::Duplicate {
                            first: *first,
                            first_text: one.to_string(),
                        },
                    });
                }
            }
        }
        if problems.is_empty() {
            lock.lines = numbered.into_iter().map(|(_, line)| line).collect();
            Ok((lock, sorted))
        } else {
            problems.sort_by_key(|problem| problem.line);
            Err(DamagedLock { lines: problems })
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for Lock {
    type Err = DamagedLock;

    fn from_str(text: &str) -> Result<Self, DamagedLock> {
        Self::parse(text).map(|(lock, _)| lock)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comment = |f: &mut fmt::Formatter<'_>, comments: &[String]| {
            comments.iter().try_for_each(|line| writeln!(f, "{line}"))
        };
        comment(f, &self.header)?;
        for line in &self.lines {
            comment(f, &line.comments)?;
            writeln!(f, "{line}")?;
        }
        comment(f, &self.footer)
    }
}

/// For names of events, something that they have.
type OfNames = &'static [(&'static str, &'static [&'static str])];

/// The shapes that the code derives, and what its events are found by.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) events: &'static [EventShape],
    pub(super) retired: &'static [Retired],
    tags: OfNames,
    unique: OfNames,
}

impl Code {
    pub(super) fn of<S: SetShapes>() -> Self {
        Self {
            events: S::EVENTS,
            retired: S::RETIRED,
            tags: S::TAG_KINDS,
            unique: S::UNIQUE_RULES,
        }
    }

    /// The lines of tags and of rules of unique values.
    fn indexed(&self) -> impl Iterator<Item = LockLine> {
        let lines = |of: OfNames, entry: fn(String) -> LockEntry| {
            of.iter().flat_map(move |(name, has)| {
                let entries = has.iter().map(move |text| entry((*text).to_owned()));
                entries.map(|entry| LockLine::open(name, entry))
            })
        };
        lines(self.tags, LockEntry::Tag).chain(lines(self.unique, LockEntry::Unique))
    }

    /// Whether events of the line's name still have what it says.
    pub(super) fn has(&self, line: &LockLine) -> bool {
        self.indexed().any(|own| own.key() == line.key())
    }

    pub(super) fn event(&self, name: &str) -> Option<&'static EventShape> {
        self.events.iter().find(|event| event.name == name)
    }

    pub(super) fn retirement(&self, name: &str) -> Option<Retirement> {
        let retired = self.retired.iter().find(|retired| retired.name == name)?;
        Some(retired.into)
    }

    /// The shape in which that version is read. An alias is resolved.
    pub(super) fn shape(
        &self,
        name: &str,
        version: u16,
    ) -> Option<&'static es_runtime::schema::Node> {
        let event = self.event(name).or_else(|| match self.retirement(name) {
            Some(Retirement::Alias(of)) => self.event(of),
            _ => None,
        })?;
        event.shapes.get(usize::from(version).checked_sub(1)?)
    }
}

/// A text that is not a schema lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct DamagedLock {
    /// The lines that cannot be read, in their order.
    pub lines: Vec<DamagedLine>,
}

impl fmt::Display for DamagedLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{line}")?;
        }
        Ok(())
    }
}

/// A line of a lock that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}\n  {text}")]
#[non_exhaustive]
pub struct DamagedLine {
    /// Its number, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What is wrong with a line of a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// It is a conflict marker of a merge: two branches changed the same lines.
    #[error(
        "unresolved merge conflict\n  help: keep the lines of both sides and delete the markers; \
         where both sides added the same version, one of the two changes takes the next version"
    )]
    Conflict,
    /// Two lines have the same name and version.
    #[error(
        "line {first} has the same name and version:\n  {first_text}\n  \
         help: two branches used the same version; one of the two changes takes the next version"
    )]
    Duplicate {
        /// The number of the other line.
        first: usize,
        /// The text of the other line.
        first_text: String,
    },
    /// It has neither `open` nor `sealed` after the name and version.
    #[error("`open` or `sealed` is missing after the name and version")]
    State,
    /// The version is not `v1` to `v65535`.
    #[error("the version is not one of v1, v2, .. v65535")]
    Version,
    /// The shape is missing.
    #[error("the shape is missing")]
    Shape,
    /// It is neither a version nor a retired name.
    #[error(
        "this is neither `NAME vN open|sealed SHAPE` nor `NAME open|sealed` with `drop`, `split`, `alias NAME`, \
         `tag KIND` or `unique RULE`"
    )]
    Form,
}

fn parse_line(text: &str) -> Result<LockLine, LineProblem> {
    if is_conflict_marker(text.as_bytes()) {
        return Err(LineProblem::Conflict);
    }
    let (name, rest) = text.split_once(' ').ok_or(LineProblem::Form)?;
    if name.is_empty() {
        return Err(LineProblem::Form);
    }
    let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    let version = word.strip_prefix('v');
    let (word, rest) = match version {
        Some(_) => tail.split_once(' ').unwrap_or((tail, "")),
        None => (word, tail),
    };
    let state = match word {
        "open" => LockState::Open,
        "sealed" => LockState::Sealed,
        _ => return Err(LineProblem::State),
    };
    let entry = match version {
        Some(digits) => {
            let version = digits
                .parse()
                .ok()
                .filter(|version: &u16| *version > 0 && version.to_string() == digits)
                .ok_or(LineProblem::Version)?;
            let (layout, shape) = match rest.strip_prefix("ordered ") {
                Some(shape) => (Layout::ByOrder, shape),
                None => (Layout::ByName, rest),
            };
            if shape.is_empty() {
                return Err(LineProblem::Shape);
            }
            LockEntry::Version {
                version,
                layout,
                shape: shape.to_owned(),
            }
        }
        None => match rest.split_once(' ') {
            None if rest == "drop" => LockEntry::Dropped,
            None if rest == "split" => LockEntry::Split,
            Some(("alias", of)) if !of.is_empty() && !of.contains(' ') => {
                LockEntry::Alias(of.to_owned())
            }
            Some(("tag", kind)) if !kind.is_empty() => LockEntry::Tag(kind.to_owned()),
            Some(("unique", rule)) if !rule.is_empty() => LockEntry::Unique(rule.to_owned()),
            _ => return Err(LineProblem::Form),
        },
    };
    Ok(LockLine {
        name: name.to_owned(),
        entry,
        state,
        comments: Vec::new(),
    })
}

pub(super) const fn is_conflict_marker(line: &[u8]) -> bool {
    matches!(
        line,
        [b'<', b'<', b'<', b'<', b'<', b'<', b'<', ..]
            | [b'=', b'=', b'=', b'=', b'=', b'=', b'=', ..]
            | [b'>', b'>', b'>', b'>', b'>', b'>', b'>', ..]
            | [b'|', b'|', b'|', b'|', b'|', b'|', b'|', ..]
    )
}
