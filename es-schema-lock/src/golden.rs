//! Golden samples: for each sealed version payloads and the events that they decode to.
//!
//! A shape does not show what a payload means. A `with` function that computes something else, or a
//! hand-written `Serialize`, does not change a shape. So each sealed version has a file of payloads, made
//! from its shape, with the events that they were decoded to. The test decodes the payloads with the
//! current code and compares.
//!
//! Recorded events have the versions of their time. When an event has a newer version since, the test
//! upcasts the recorded events before it compares them. So a new version breaks no test, but a changed
//! upcaster does. Sealing records the current events, after it has confirmed the old ones.
//!
//! The tags and the unique values of the events are recorded too. Stored events are found by the tags that they were stored
//! with, and a value is taken in the form in which it was claimed. A conversion or a `form` that makes another text of a value
//! would lose the ones, and give the others away twice.

use super::{Lock, LockMode, LockState, lock::Code, sample};
use es_runtime::schema::{Node, SetShapes};
use es_runtime::{Codec, CodecError, DecodeError, StoredPayload, UniqueValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// A golden file that is missing, or that the code does not match.
#[derive(Debug, thiserror::Error)]
#[error("golden sample of `{event}` version {version} ({path}): {problem}", path = path.display())]
#[non_exhaustive]
pub struct GoldenError {
    /// The stored name.
    pub event: String,
    /// The stored version.
    pub version: u16,
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub problem: GoldenProblem,
}

/// What is wrong with a golden file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenProblem {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The file is no golden file.
    #[error("the file cannot be read: {0}")]
    Damaged(String),
    /// The file belongs to another event or version than its name says.
    #[error(
        "the file says that it is of `{event}` version {version}\n  \
         help: correct `event` and `version` in it"
    )]
    Misplaced {
        /// The stored name in the file.
        event: String,
        /// The version in the file.
        version: u16,
    },
    /// The version of the file has no sealed line in the lock.
    #[error(
        "the lock has no sealed line of this version, which only a released version has a file for\n  \
         help: a sealed line was lost, perhaps in a merge; put it back into the lock"
    )]
    NotSealed,
    /// The file is missing, and this run writes none.
    #[error(
        "the file is missing, and this run writes nothing\n  \
         help: run the test with `ES_LOCK=update` and commit the file"
    )]
    Missing,
    /// A sample is kept in postcard, and this program cannot read it.
    #[error(
        "a sample is kept in postcard, which this program cannot read\n  \
         help: turn on the feature `postcard` of es-runtime"
    )]
    NoPostcard,
    /// A sample has no recorded result yet, and this run writes none.
    #[error(
        "case {case} has no `expected`, and this run writes nothing\n  \
         help: run the test with `ES_LOCK=update` and commit the file"
    )]
    Unrecorded {
        /// The number of the case, from 1.
        case: usize,
    },
    /// The types of the event reject the sample that was made from the shape.
    #[error(
        "the sample that was made up from the shape is refused: {source}{place}\n  \
         help: write the file with a sample that decodes, without `expected`, which the next run \
         records, such as\n{draft}\n  \
         (where JSON has no form of this event at all, give the file a `skip` with the reason)"
    )]
    Refused {
        /// The rejected line of the sample, where the error names one.
        place: GoldenPlace,
        /// The error of decoding.
        source: DecodeError,
        /// A draft of the file.
        draft: String,
    },
    /// A sample, or an event that was recorded for it, can no longer be decoded.
    #[error(
        "case {case} can no longer be decoded: {source}{place}\n  \
         help: where payloads like this one are stored, take back the change that refuses it\n  \
         help: this sample was made up when the version was sealed, unless somebody wrote it. If no such text was ever \
         stored, write one that was into `sample`, and what it becomes into `expected`; without `expected`, `tags`, \
         `unique` and `postcard`, the next run records them"
    )]
    Undecodable {
        /// The number of the case, from 1.
        case: usize,
        /// The rejected line of the sample, where the error names one.
        place: GoldenPlace,
        /// The error of decoding.
        source: DecodeError,
    },
    /// A sample now decodes to other events.
    #[error(
        "case {case} is now read as something else\n  sample:   {sample}\n  recorded: {recorded}\n  \
         now:      {now}\n  \
         help: stored events would change their meaning: a `with` function, an upcaster, a default or a \
         `Serialize` is not what it was. Take that back; where the recorded result was the mistake, \
         delete this `expected`, and the next run records the present"
    )]
    Changed {
        /// The number of the case, from 1.
        case: usize,
        /// The sample.
        sample: String,
        /// The recorded events, upcast.
        recorded: String,
        /// The events that it decodes to now.
        now: String,
    },
    /// A sample now has other tags of a kind.
    #[error(
        "case {case} has other tags of kind `{kind}` now\n  recorded: {recorded}\n  now:      {now}\n  \
         help: stored events have the recorded tags, and what reads them by the others would miss them. Take back the \
         change of the tag or of its field; where no event is stored with the recorded ones, or nothing reads them, delete \
         them here, and the next run records the present"
    )]
    OtherTags {
        /// The number of the case, from 1.
        case: usize,
        /// The kind.
        kind: String,
        /// The recorded values.
        recorded: String,
        /// The values that it has now.
        now: String,
    },
    /// The tags of a kind are not recorded yet, and this run writes none.
    #[error(
        "case {case} has no recorded tags of kind `{kind}`, and this run writes nothing\n  \
         help: run the test with `ES_LOCK=update` and commit the file; older events get them by `turn_on_tags`"
    )]
    UnrecordedTags {
        /// The number of the case, from 1.
        case: usize,
        /// The kind.
        kind: String,
    },
    /// A sample now does something else to a unique value.
    #[error(
        "case {case} has another unique value by rule `{rule}` now\n  recorded: {recorded}\n  now:      {now}\n  \
         help: values are taken in the form in which they were claimed, so in another one they are free for somebody else. Take \
         back the change of `form` or of the field, or put a rule of another name with the new form beside this one, and turn \
         it on; where no event is stored with the recorded value, delete it here, and the next run records the present"
    )]
    OtherUnique {
        /// The number of the case, from 1.
        case: usize,
        /// The rule.
        rule: String,
        /// What was recorded.
        recorded: String,
        /// What it does now.
        now: String,
    },
    /// The unique values by a rule are not recorded yet, and this run writes none.
    #[error(
        "case {case} has no recorded unique value by rule `{rule}`, and this run writes nothing\n  \
         help: run the test with `ES_LOCK=update` and commit the file; older events get it by `turn_on`"
    )]
    UnrecordedUnique {
        /// The number of the case, from 1.
        case: usize,
        /// The rule.
        rule: String,
    },
    /// Decoding the same sample twice gave two results.
    #[error(
        "case {case} is decoded differently each time\n  once:  {once}\n  twice: {twice}\n  \
         help: a `with` function, an upcaster or a default reads a clock or a random source. Make it a \
         function of the payload alone"
    )]
    Unstable {
        /// The number of the case, from 1.
        case: usize,
        /// One result.
        once: String,
        /// The other result.
        twice: String,
    },
    /// JSON cannot represent the decoded event.
    #[error(
        "case {case} has no form in JSON: {source}\n  \
         help: give the file a `skip` with the reason instead of `cases`"
    )]
    Unencodable {
        /// The number of the case, from 1.
        case: usize,
        /// The error of the codec.
        source: CodecError,
    },
}

/// The line of a sample that an error of decoding names, if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenPlace(Option<String>);

impl GoldenPlace {
    /// The line.
    pub fn line(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The line of the `at line ..` in a JSON error.
    fn of(error: &DecodeError, sample: &str) -> Self {
        let text = error.to_string();
        let line = text
            .rsplit_once(" at line ")
            .and_then(|(_, place)| place.split_once(' '))
            .and_then(|(number, _)| number.parse::<usize>().ok())
            .and_then(|number| sample.lines().nth(number.checked_sub(1)?));
        Self(line.map(|line| line.trim().trim_end_matches(',').to_owned()))
    }
}

impl fmt::Display for GoldenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(line) => write!(f, "\n  at:   {line}"),
            None => Ok(()),
        }
    }
}

/// The codec postcard, where the program was built with it.
fn postcard() -> Option<Codec> {
    Codec::from_content_type("application/x-postcard")
}

/// A golden file. Only `expected`, `tags`, `unique` and `postcard` are ever written into one that exists.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    event: String,
    version: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip: Option<String>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    sample: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Vec<Recorded>>,
    /// The kinds of the tags of its events, each with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: Texts,
    /// The rules of unique values of its events, each with what is claimed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unique: Texts,
    /// The event in postcard as it was written when this version was the newest, in hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postcard: Option<String>,
}

/// For each kind or rule the texts of the events.
type Texts = BTreeMap<String, BTreeSet<String>>;

/// What is new or other in recorded texts.
enum Difference {
    Other {
        name: String,
        recorded: String,
        now: String,
    },
    Unrecorded {
        name: String,
    },
}

/// One event that a sample decodes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    event: String,
    version: u16,
    payload: Value,
}

/// The result of checking the golden files of a lock.
#[derive(Debug, Default)]
pub(super) struct Goldens {
    pub(super) writes: Vec<(PathBuf, String)>,
    pub(super) checked: usize,
    pub(super) left_out: Vec<String>,
}

/// The folder of the golden files of a lock.
pub(super) fn folder(lock: &Path) -> PathBuf {
    lock.with_extension("golden")
}

/// The name of a golden file. Stored names may have `/` and `:`, which file names may not.
fn file_name(event: &str, version: u16) -> String {
    let event = event.replace('/', "%2F").replace(':', "%3A");
    format!("{event}.v{version}.json")
}

/// Checks the golden files of every sealed line and returns the files to write.
pub(super) fn check<S: SetShapes>(
    lock: &Lock,
    folder: &Path,
    codec: Codec,
    mode: LockMode,
) -> Result<Goldens, Vec<GoldenError>> {
    let mut run = Run {
        code: Code::of::<S>(),
        codec,
        mode,
        goldens: Goldens::default(),
    };
    let sealed: Vec<(&str, u16)> = lock
        .lines()
        .iter()
        .filter(|line| line.state == LockState::Sealed)
        .filter_map(|line| Some((line.name.as_str(), line.version()?)))
        .collect();
    let mut errors = Vec::new();
    for (event, version) in &sealed {
        let path = folder.join(file_name(event, *version));
        if let Err(problem) = run.version::<S>(event, *version, &path) {
            errors.push(GoldenError {
                event: (*event).to_owned(),
                version: *version,
                path,
                problem,
            });
        }
    }
    errors.extend(strays(folder, &sealed));
    if errors.is_empty() {
        Ok(run.goldens)
    } else {
        Err(errors)
    }
}

/// Golden files of versions that have no sealed line.
fn strays(folder: &Path, sealed: &[(&str, u16)]) -> Vec<GoldenError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let known = sealed
            .iter()
            .any(|(event, version)| path.ends_with(file_name(event, *version)));
        if known || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Ok(Some(golden)) = read(&path) else {
            continue;
        };
        found.push(GoldenError {
            event: golden.event,
            version: golden.version,
            path,
            problem: GoldenProblem::NotSealed,
        });
    }
    found.sort_by(|one, two| one.path.cmp(&two.path));
    found
}

/// The payloads in the golden files of a lock, with the stored name and the version of their events. A file
/// that cannot be read is the concern of the lock's own test.
pub fn recorded(lock: &Path) -> Vec<(String, u16, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(lock)).into_iter().flatten().flatten() {
        if let Ok(Some(golden)) = read(&entry.path()) {
            let Golden {
                event,
                version,
                cases,
                ..
            } = golden;
            let samples = cases.into_iter().map(|case| case.sample);
            found.extend(samples.map(|sample| (event.clone(), version, sample)));
        }
    }
    // The order of a folder differs from machine to machine, and a seed must not.
    found.sort_by(|one, two| (&one.0, one.1).cmp(&(&two.0, two.1)));
    found
}

fn read(path: &Path) -> Result<Option<Golden>, GoldenProblem> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| GoldenProblem::Damaged(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GoldenProblem::Io(error)),
    }
}

struct Run {
    code: Code,
    codec: Codec,
    mode: LockMode,
    goldens: Goldens,
}

impl Run {
    fn version<S: SetShapes>(
        &mut self,
        event: &str,
        version: u16,
        path: &Path,
    ) -> Result<(), GoldenProblem> {
        let mut golden = match read(path)? {
            Some(golden) if golden.event == event && golden.version == version => golden,
            Some(golden) => {
                return Err(GoldenProblem::Misplaced {
                    event: golden.event,
                    version: golden.version,
                });
            }
            None => {
                let Some(node) = self.code.shape(event, version) else {
                    let note = format!(
                        "{event} v{version}: the code no longer has its shape, so no sample can be made"
                    );
                    self.goldens.left_out.push(note);
                    return Ok(());
                };
                if self.mode == LockMode::Check {
                    return Err(GoldenProblem::Missing);
                }
                self.create::<S>(event, version, node)?
            }
        };
        if golden.skip.is_some() {
            let note = format!("{event} v{version}: its file says `skip`");
            self.goldens.left_out.push(note);
            return Ok(());
        }
        let before = render(&golden);
        for (number, case) in (1..).zip(&mut golden.cases) {
            self.case::<S>(event, version, number, case)?;
            self.goldens.checked += 1;
        }
        let after = render(&golden);
        if before != after || !path.exists() {
            self.goldens.writes.push((path.to_owned(), after));
        }
        Ok(())
    }

    /// The cases from a shape. The first must decode. Others that do not are left out, because a type may
    /// reject an empty sequence.
    fn create<S: SetShapes>(
        &mut self,
        event: &str,
        version: u16,
        node: &'static Node,
    ) -> Result<Golden, GoldenProblem> {
        let mut golden = Golden {
            event: event.to_owned(),
            version,
            skip: None,
            cases: Vec::new(),
        };
        for (number, plan) in (1..).zip(sample::plans(node)) {
            let mut first_refusal = None;
            for form in 0..sample::FORMS {
                let sample = sample::sample(node, plan.in_form(form));
                let case = Case {
                    sample,
                    expected: None,
                    tags: Texts::new(),
                    unique: Texts::new(),
                    postcard: None,
                };
                match decode_json::<S>(event, version, &case.sample) {
                    Ok(_) => {
                        first_refusal = None;
                        golden.cases.push(case);
                        break;
                    }
                    Err((source, place)) => {
                        first_refusal.get_or_insert((source, place, case));
                    }
                }
            }
            let Some((source, place, case)) = first_refusal else {
                continue;
            };
            if number > 1 {
                self.goldens.left_out.push(format!(
                    "{event} v{version}, sample {number} of its shape is refused: {source}"
                ));
                continue;
            }
            golden.cases.push(case);
            return Err(GoldenProblem::Refused {
                place,
                source,
                draft: render(&golden),
            });
        }
        Ok(golden)
    }

    fn case<S: SetShapes>(
        &self,
        event: &str,
        version: u16,
        number: usize,
        case: &mut Case,
    ) -> Result<(), GoldenProblem> {
        let undecodable = |(source, place)| GoldenProblem::Undecodable {
            case: number,
            place,
            source,
        };
        let unencodable = |source| GoldenProblem::Unencodable {
            case: number,
            source,
        };
        let events = decode_json::<S>(event, version, &case.sample).map_err(undecodable)?;
        let now = record(&events).map_err(unencodable)?;
        let again = decode_json::<S>(event, version, &case.sample).map_err(undecodable)?;
        let again = record(&again).map_err(unencodable)?;
        if now != again {
            return Err(GoldenProblem::Unstable {
                case: number,
                once: line(&now),
                twice: line(&again),
            });
        }
        let changed = |recorded: &[Recorded]| GoldenProblem::Changed {
            case: number,
            sample: case.sample.to_string(),
            recorded: line(recorded),
            now: line(&now),
        };
        let is_new = case.expected.is_none();
        if let Some(expected) = &case.expected {
            let mut recorded = Vec::new();
            for old in expected {
                if S::TYPES
                    .iter()
                    .any(|new| new.name == old.event && new.version == old.version)
                {
                    recorded.push(old.clone());
                } else {
                    let events = decode_json::<S>(&old.event, old.version, &old.payload)
                        .map_err(undecodable)?;
                    recorded.extend(record(&events).map_err(unencodable)?);
                }
            }
            if recorded != now {
                return Err(changed(&recorded));
            }
        } else if self.mode == LockMode::Check {
            return Err(GoldenProblem::Unrecorded { case: number });
        }
        if let Some(bytes) = &case.postcard {
            let bytes = from_hex(bytes).ok_or_else(|| {
                GoldenProblem::Damaged(format!("`postcard` of case {number} is not hex digits"))
            })?;
            let codec = postcard().ok_or(GoldenProblem::NoPostcard)?;
            let events = decode::<S>(event, version, codec, &bytes)
                .map_err(|source| undecodable((source, GoldenPlace(None))))?;
            let recorded = record(&events).map_err(unencodable)?;
            if recorded != now {
                return Err(changed(&recorded));
            }
        } else if let ([one], true) = (events.as_slice(), is_new && postcard() == Some(self.codec))
        {
            let kind = one.event_type();
            if kind.name == event && kind.version == version {
                let bytes = one.encode(self.codec).map_err(unencodable)?;
                case.postcard = Some(to_hex(&bytes));
            }
        }
        self.derived(number, case, &events)?;
        if is_new || self.mode == LockMode::Seal {
            case.expected = Some(now);
        }
        Ok(())
    }

    /// Compares the tags and unique values that are stored with each event.
    fn derived<S: SetShapes>(
        &self,
        number: usize,
        case: &mut Case,
        events: &[S],
    ) -> Result<(), GoldenProblem> {
        self.texts(&mut case.tags, tags_of(events))
            .map_err(|difference| match difference {
                Difference::Other {
                    name: kind,
                    recorded,
                    now,
                } => GoldenProblem::OtherTags {
                    case: number,
                    kind,
                    recorded,
                    now,
                },
                Difference::Unrecorded { name: kind } => {
                    GoldenProblem::UnrecordedTags { case: number, kind }
                }
            })?;
        self.texts(&mut case.unique, unique_of(events))
            .map_err(|difference| match difference {
                Difference::Other {
                    name: rule,
                    recorded,
                    now,
                } => GoldenProblem::OtherUnique {
                    case: number,
                    rule,
                    recorded,
                    now,
                },
                Difference::Unrecorded { name: rule } => {
                    GoldenProblem::UnrecordedUnique { case: number, rule }
                }
            })
    }

    /// Compares the texts of each recorded kind or rule, and records the others.
    fn texts(&self, recorded: &mut Texts, now: Texts) -> Result<(), Difference> {
        let shown = |values: Option<&BTreeSet<String>>| match values {
            None => "it is gone".to_owned(),
            Some(values) if values.is_empty() => "none".to_owned(),
            Some(values) => values.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        for (name, values) in &*recorded {
            if now.get(name) != Some(values) {
                return Err(Difference::Other {
                    name: name.clone(),
                    recorded: shown(Some(values)),
                    now: shown(now.get(name)),
                });
            }
        }
        let new = now.keys().find(|name| !recorded.contains_key(*name));
        if let (Some(name), LockMode::Check) = (new, self.mode) {
            let name = name.clone();
            return Err(Difference::Unrecorded { name });
        }
        *recorded = now;
        Ok(())
    }
}

fn tags_of<S: SetShapes>(events: &[S]) -> Texts {
    let mut tags = Texts::new();
    for tag in events.iter().flat_map(S::tags) {
        let values = tags.entry(tag.kind.into_owned()).or_default();
        values.extend(tag.values);
    }
    tags
}

/// What is claimed by each rule. A rule by which nothing is claimed has no text: a release has no form.
fn unique_of<S: SetShapes>(events: &[S]) -> Texts {
    let mut unique = Texts::new();
    for change in events.iter().flat_map(S::unique) {
        let values = unique.entry(change.rule.into_owned()).or_default();
        if let UniqueValue::Claimed(value) = change.value {
            values.insert(value);
        }
    }
    unique
}

fn decode<S: SetShapes>(
    event: &str,
    version: u16,
    codec: Codec,
    bytes: &[u8],
) -> Result<Vec<S>, DecodeError> {
    let stored = StoredPayload::new(version, codec.content_type(), bytes);
    S::decode(event, stored).map(|events| events.into_iter().collect())
}

/// The events of a JSON payload, or the error with the line of the payload that it names.
fn decode_json<S: SetShapes>(
    event: &str,
    version: u16,
    payload: &Value,
) -> Result<Vec<S>, (DecodeError, GoldenPlace)> {
    // One value in a line, so that the line in an error identifies the field.
    let text = format!("{payload:#}");
    decode(event, version, Codec::Json, text.as_bytes()).map_err(|error| {
        let place = GoldenPlace::of(&error, &text);
        (error, place)
    })
}

fn record<S: SetShapes>(events: &[S]) -> Result<Vec<Recorded>, CodecError> {
    let record = |event: &S| {
        let kind = event.event_type();
        let bytes = event.encode(Codec::Json)?;
        Ok(Recorded {
            event: kind.name.to_owned(),
            version: kind.version,
            payload: Codec::Json.decode(&bytes)?,
        })
    };
    events.iter().map(record).collect()
}

fn render(golden: &Golden) -> String {
    let mut text = serde_json::to_string_pretty(golden).unwrap_or_default();
    text.push('\n');
    text
}

fn line(events: &[Recorded]) -> String {
    if events.is_empty() {
        return "no event".to_owned();
    }
    let texts: Vec<_> = events
        .iter()
        .map(|event| format!("{} v{} {}", event.event, event.version, event.payload))
        .collect();
    texts.join(", ")
}

fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
