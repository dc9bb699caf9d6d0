//! Names of subjects. No stream id and no append id can reach the subject of another one, whatever its text is.

use es_runtime::{AppendId, StorageError, StorageErrorKind, StreamId};
use std::fmt::Write as _;

/// The subjects of one store. The name of its JetStream stream is the first token of all of them.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    name: String,
}

/// What a message is about, by its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Commit,
    AppendId(StreamId, AppendId),
    Guard,
    Cursor(String),
    Name(String),
    /// A rule and a value.
    Value(String, String),
    Held,
    /// A work item of a saga or process manager.
    Work,
    /// The text of a tag, as it is stored.
    Tag(String),
}

impl Subjects {
    /// # Errors
    /// The name has other characters than ASCII letters, digits, `-` and `_`, or is empty or too long.
    pub(crate) fn new(name: &str) -> Result<Self, StorageError> {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
            let what =
                "a stream of JetStream needs a name of 1 to 64 ASCII letters, digits, `-` and `_`";
            return Err(StorageError::new(StorageErrorKind::CannotOpen, what));
        }
        Ok(Self {
            name: name.to_owned(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.name)
    }

    /// The commits of one stream.
    pub(crate) fn commits(&self, stream: &StreamId) -> String {
        format!("{}.e.{}", self.name, tokens(stream))
    }

    /// The commits of all streams.
    pub(crate) fn all_commits(&self) -> String {
        format!("{}.e.>", self.name)
    }

    /// The commits of all streams of an aggregate.
    pub(crate) fn commits_of(&self, aggregate: &str) -> String {
        format!("{}.e.{}.*", self.name, encode(aggregate))
    }

    /// The stream whose commits have this subject.
    pub(crate) fn stream(&self, subject: &str) -> Option<StreamId> {
        self.id_after(".e.", subject)
    }

    /// The instance whose work item has this subject.
    pub(crate) fn instance(&self, subject: &str) -> Option<StreamId> {
        self.id_after(".w.", subject)
    }

    fn id_after(&self, prefix: &str, subject: &str) -> Option<StreamId> {
        let rest = subject.strip_prefix(&*self.name)?.strip_prefix(prefix)?;
        let (aggregate, id) = rest.split_once('.')?;
        StreamId::new(&decode(aggregate)?, &decode(id)?).ok()
    }

    /// What a message with this subject is about. `None` where it is not known.
    pub(crate) fn parse(&self, subject: &str) -> Option<Subject> {
        let rest = subject.strip_prefix(&*self.name)?.strip_prefix('.')?;
        let mut tokens = rest.split('.');
        let kind = tokens.next()?;
        let mut texts = tokens.map(decode);
        let mut text = || texts.next().flatten();
        let parsed = match kind {
            "e" => {
                StreamId::new(&text()?, &text()?).ok()?;
                Subject::Commit
            }
            "a" => {
                let stream = StreamId::new(&text()?, &text()?).ok()?;
                Subject::AppendId(stream, AppendId::new(text()?).ok()?)
            }
            "g" => Subject::Guard,
            "c" => Subject::Cursor(text()?),
            "n" => Subject::Name(text()?),
            "u" => Subject::Value(text()?, text()?),
            "h" => {
                text()?;
                StreamId::new(&text()?, &text()?).ok()?;
                Subject::Held
            }
            "w" => {
                StreamId::new(&text()?, &text()?).ok()?;
                Subject::Work
            }
            "t" => Subject::Tag(format!("{}:{}", text()?, text()?)),
            _ => return None,
        };
        texts.next().is_none().then_some(parsed)
    }

    /// Whether this is the subject of commits of a stream.
    pub(crate) fn is_commit(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(&*self.name);
        rest.is_some_and(|rest| rest.starts_with(".e."))
    }

    /// The record of an append id.
    pub(crate) fn append_id(&self, stream: &StreamId, id: &AppendId) -> String {
        format!("{}.a.{}.{}", self.name, tokens(stream), encode(id.as_str()))
    }

    /// Messages that only compare the last commit of a stream.
    pub(crate) fn guard(&self) -> String {
        format!("{}.g", self.name)
    }

    /// The cursor of a consumer.
    pub(crate) fn cursor(&self, consumer: &str) -> String {
        format!("{}.c.{}", self.name, encode(consumer))
    }

    /// What is registered with the first event of a name.
    pub(crate) fn name_of_events(&self, name: &str) -> String {
        format!("{}.n.{}", self.name, encode(name))
    }

    /// Who has a unique value.
    pub(crate) fn value(&self, rule: &str, value: &str) -> String {
        format!("{}.u.{}.{}", self.name, encode(rule), encode(value))
    }

    /// The unique value that a stream has by a rule.
    pub(crate) fn held(&self, rule: &str, stream: &StreamId) -> String {
        format!("{}.h.{}.{}", self.name, encode(rule), tokens(stream))
    }

    /// The work item of an instance.
    pub(crate) fn work(&self, instance: &StreamId) -> String {
        format!("{}.w.{}", self.name, tokens(instance))
    }

    /// The work items of all instances of an aggregate.
    pub(crate) fn work_of(&self, aggregate: &str) -> String {
        format!("{}.w.{}.*", self.name, encode(aggregate))
    }

    /// All work items.
    pub(crate) fn all_work(&self) -> String {
        format!("{}.w.>", self.name)
    }

    /// The events with a tag. The text is that of the tag as it is stored, `kind:value`.
    pub(crate) fn tag(&self, text: &str) -> String {
        let (kind, value) = text.split_once(':').unwrap_or((text, ""));
        format!("{}.t.{}.{}", self.name, encode(kind), encode(value))
    }

    /// Messages that wake readers. They are not stored.
    pub(crate) fn wake(&self) -> String {
        format!("{}-wake", self.name)
    }

    /// The JetStream stream of the snapshots.
    pub(crate) fn snapshots(&self) -> String {
        format!("{}-snapshots", self.name)
    }

    pub(crate) fn all_snapshots(&self) -> String {
        format!("{}-snapshots.>", self.name)
    }

    /// The stream whose snapshot has this subject.
    pub(crate) fn stream_of_snapshot(&self, subject: &str) -> Option<StreamId> {
        let rest = subject.strip_prefix(&*self.name)?;
        let (aggregate, id) = rest.strip_prefix("-snapshots.")?.split_once('.')?;
        StreamId::new(&decode(aggregate)?, &decode(id)?).ok()
    }

    pub(crate) fn snapshot(&self, stream: &StreamId) -> String {
        format!("{}-snapshots.{}", self.name, tokens(stream))
    }
}

fn tokens(stream: &StreamId) -> String {
    format!("{}.{}", encode(stream.aggregate()), encode(stream.id()))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A text as one token of a subject: bytes that are neither ASCII letters, digits, `-` nor `_` as `%` and two
/// digits. No text becomes an empty token; the empty one becomes `%`.
pub(crate) fn encode(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            token.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

/// The text of a token that [`encode`] made. Of each text there is one token.
pub(crate) fn decode(token: &str) -> Option<String> {
    if token == "%" {
        return Some(String::new());
    }
    // Most ids are as they are.
    if !token.is_empty() && token.bytes().all(is_plain) {
        return Some(token.to_owned());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?].map(|digit| char::from(digit).to_digit(16));
        let [Some(high), Some(low)] = digits else {
            return None;
        };
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (encode(&text) == token).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subjects() -> Subjects {
        Subjects::new("ES").unwrap()
    }

    /// Whether a subscription to `filter` gets `subject`, as the server decides it.
    fn reaches(filter: &str, subject: &str) -> bool {
        let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
        loop {
            match (filter.next(), subject.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(wanted), Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
    }

    fn half() -> impl Strategy<Value = String> {
        let hostile = prop::sample::select(vec![
            ".",
            "*",
            ">",
            "%",
            "%2E",
            " ",
            "a.b",
            "a.>",
            "$JS",
            "é",
            "\u{1f980}",
            "e",
            "",
            "-",
            "_",
            "A",
            "a",
        ]);
        prop_oneof![
            prop::collection::vec(hostile, 1..5).prop_map(|parts| parts.concat()),
            "\\PC{1,40}",
            Just("x".repeat(256)),
            Just("é".repeat(128)),
        ]
    }

    proptest! {
        #[test]
        fn no_id_reaches_the_subject_of_another(a in half(), b in half(), c in half(), d in half(), id in half()) {
            let (Ok(one), Ok(two)) = (StreamId::new(&a, &b), StreamId::new(&c, &d)) else { return Ok(()) };
            let subjects = subjects();
            for (mine, other) in [
                (subjects.commits(&one), subjects.commits(&two)),
                (subjects.snapshot(&one), subjects.snapshot(&two)),
            ] {
                prop_assert_eq!(reaches(&mine, &other), one == two);
                prop_assert!(mine.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!mine.contains(['*', '>']));
                prop_assert!(mine.split('.').all(|token| !token.is_empty()));
                prop_assert!(mine.len() < 2_000);
            }
            prop_assert!(reaches(&subjects.all(), &subjects.commits(&one)));
            prop_assert!(!reaches(&subjects.all(), &subjects.snapshot(&one)));
            prop_assert!(!reaches(&subjects.all(), &subjects.wake()));
            prop_assert_eq!(reaches(&subjects.commits_of(&a), &subjects.commits(&two)), a == c);
            prop_assert_eq!(subjects.stream(&subjects.commits(&one)), Some(one.clone()));
            // A value of a rule, what a stream has by it, and a name: any texts.
            let value = subjects.value(&a, &b);
            prop_assert_eq!(reaches(&value, &subjects.value(&c, &d)), (&a, &b) == (&c, &d));
            let held = subjects.held(&a, &one);
            prop_assert_eq!(reaches(&held, &subjects.held(&c, &two)), a == c && one == two);
            let name = subjects.name_of_events(&a);
            prop_assert_eq!(reaches(&name, &subjects.name_of_events(&c)), a == c);
            // A kind has no colon.
            let kind = |text: &str| text.replace(':', "");
            let tag = |kind: &str, value: &str| subjects.tag(&format!("{kind}:{value}"));
            let (mine, other) = (tag(&kind(&a), &b), tag(&kind(&c), &d));
            prop_assert_eq!(reaches(&mine, &other), (kind(&a), &b) == (kind(&c), &d));
            for subject in [&value, &held, &name, &mine] {
                prop_assert_eq!(subjects.stream(subject), None);
                prop_assert!(!reaches(subject, &subjects.commits(&two)));
            }
            let work = subjects.work(&one);
            prop_assert_eq!(reaches(&work, &subjects.work(&two)), one == two);
            prop_assert_eq!(reaches(&subjects.work_of(&a), &subjects.work(&two)), a == c);
            prop_assert!(reaches(&subjects.all_work(), &work));
            prop_assert!(!reaches(&subjects.all_work(), &subjects.commits(&two)));
            prop_assert_eq!(subjects.instance(&work), Some(one.clone()));
            prop_assert_eq!(subjects.instance(&subjects.commits(&one)), None);
            prop_assert_eq!(subjects.stream(&work), None);
            if let Ok(id) = AppendId::new(&id) {
                let record = subjects.append_id(&one, &id);
                prop_assert_eq!(subjects.stream(&record), None);
                prop_assert!(!reaches(&record, &subjects.commits(&two)));
                prop_assert_eq!(reaches(&record, &subjects.append_id(&two, &id)), one == two);
                prop_assert!(record.len() < 3_000);
            }
        }

        #[test]
        fn a_text_has_one_token(text in "\\PC{0,20}", token in "[%0-9A-Fa-z.]{0,12}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
            if let Some(text) = decode(&token) {
                prop_assert_eq!(encode(&text), token);
            }
        }
    }

    #[test]
    fn names_of_streams_are_checked() {
        for bad in ["", "a.b", "a>", "*", "a b", "é", &"x".repeat(65)] {
            assert!(Subjects::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(subjects().cursor(""), "ES.c.%");
    }
}
