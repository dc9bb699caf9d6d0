//! The file that maps the names of cqrs-es.
//!
//! ```text
//! # Keys of its metadata.
//! [metadata]
//! time = time
//! user = user
//!
//! # An aggregate type, and its name here where that is another one.
//! [account = bank-account]
//! AccountOpened = account.opened
//! Deposited = account.deposited v2
//! # Only events of this version of theirs.
//! Deposited 1.0 = account.deposited v1
//! # What its payload has becomes the field `name`, since an event has fields.
//! Renamed = account.renamed v1 {name}
//! ```

use crate::error::Error;
use std::{collections::HashMap, fs, path::Path};

/// What becomes of the names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    /// The keys of the metadata with the time, the user and the correlation.
    pub(crate) time: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) correlation: Option<String>,
    aggregates: HashMap<String, Aggregate>,
}

#[derive(Clone, Debug)]
struct Aggregate {
    name: String,
    /// By event type, alone or with a blank and their version.
    events: HashMap<String, Event>,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    version: u16,
    field: Option<String>,
}

/// Where an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'m> {
    pub(crate) aggregate: &'m str,
    pub(crate) event: &'m str,
    pub(crate) version: u16,
    /// The field that the payload becomes.
    pub(crate) field: Option<&'m str>,
}

impl Mapping {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|error| Error::Usage(format!("{} cannot be read: {error}", path.display())))?;
        let mut mapping = Self::default();
        let mut section: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            let wrong =
                |what: &str| Error::Usage(format!("{}, line {number}: {what}", path.display()));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(header) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                let (theirs, ours) = header.split_once('=').unwrap_or((header, header));
                let (theirs, ours) = (theirs.trim().to_owned(), ours.trim().to_owned());
                if theirs != "metadata" {
                    let aggregate = Aggregate {
                        name: ours,
                        events: HashMap::new(),
                    };
                    if mapping
                        .aggregates
                        .insert(theirs.clone(), aggregate)
                        .is_some()
                    {
                        return Err(wrong("this aggregate is there twice"));
                    }
                }
                section = Some(theirs);
                continue;
            }
            let Some((theirs, ours)) = line.split_once('=') else {
                return Err(wrong("a line is `[AGGREGATE]` or `TYPE = name v1`"));
            };
            let (theirs, ours) = (theirs.trim(), ours.trim());
            match section.as_deref() {
                None => return Err(wrong("the first line is `[AGGREGATE]` or `[metadata]`")),
                Some("metadata") => {
                    let key = match theirs {
                        "time" => &mut mapping.time,
                        "user" => &mut mapping.user,
                        "correlation" => &mut mapping.correlation,
                        _ => return Err(wrong("the keys are `time`, `user` and `correlation`")),
                    };
                    *key = Some(ours.to_owned());
                }
                Some(name) => {
                    let event = event(ours).ok_or_else(|| {
                        wrong("an event is `name`, `name v2` or `name v2 {field}`")
                    })?;
                    let events = mapping.aggregates.get_mut(name).map(|of| &mut of.events);
                    if events
                        .and_then(|events| events.insert(theirs.to_owned(), event))
                        .is_some()
                    {
                        return Err(wrong("this event is there twice"));
                    }
                }
            }
        }
        Ok(mapping)
    }

    /// Where the events of this type go.
    pub(crate) fn find(
        &self,
        aggregate: &str,
        event: &str,
        version: Option<&str>,
    ) -> Option<Target<'_>> {
        let of = self.aggregates.get(aggregate)?;
        let exact = version.and_then(|version| of.events.get(&format!("{event} {version}")));
        let event = exact.or_else(|| of.events.get(event))?;
        Some(Target {
            aggregate: &of.name,
            event: &event.name,
            version: event.version,
            field: event.field.as_deref(),
        })
    }

    /// All events that are written.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.aggregates.values().flat_map(|of| of.events.values())
    }
}

fn event(text: &str) -> Option<Event> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_owned();
    let mut event = Event {
        name,
        version: 1,
        field: None,
    };
    for word in words {
        let field = word
            .strip_prefix('{')
            .and_then(|word| word.strip_suffix('}'));
        match field {
            Some(field) => event.field = Some(field.to_owned()),
            None => event.version = word.strip_prefix('v')?.parse().ok()?,
        }
    }
    (event.version > 0).then_some(event)
}
