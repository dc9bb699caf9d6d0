//! Events are read back as they were written, and older versions keep what they say.

use super::{
    super::{
        history::{History, Stored, Version, readable},
        made::{Made, Pool},
        model::{Answer, Stop, follow, live, same},
        panics::caught,
        shapes::{Given, named},
    },
    Compared, differ,
};
use es_runtime::{
    Codec, DecodeError, Decoded, EventSet,
    schema::{Member, Node},
};
use proptest::prelude::{BoxedStrategy, Strategy};
use std::fmt::{self, Debug};

/// Each event that a command leads to is read back as it was.
pub(in super::super) fn decided_are_read_back<A: Compared>(
    history: &History<A>,
    codecs: &[Codec],
) -> Result<(), String> {
    let mut broken = Ok(());
    let stop = follow(history, |answer, _| {
        if let (Answer::Events(events), Ok(())) = (answer, &broken) {
            let mut events = events.iter();
            broken = events.try_for_each(|event| read_back(event, codecs));
        }
    });
    broken?;
    match stop {
        Err(Stop::Unstored(why)) => Err(why),
        _ => Ok(()),
    }
}

/// No command leads to a unique value or a tag that stores refuse.
pub(in super::super) fn unique_values_and_tags_fit<A: Compared>(
    history: &History<A>,
) -> Result<(), String> {
    match live(history) {
        Err(Stop::Unfit(why)) => Err(why),
        _ => Ok(()),
    }
}

/// Each event that a stored payload is read as is written and read back as it is.
pub(in super::super) fn stored_is_read_back<E: EventSet + Debug + PartialEq>(
    stored: &Stored,
    codecs: &[Codec],
) -> Result<(), String> {
    match stored.decode::<E>() {
        Ok(events) => events
            .into_iter()
            .try_for_each(|event| read_back(&event, codecs)),
        // Another law is about these.
        Err(_) => Ok(()),
    }
}

fn read_back<E: EventSet + Debug + PartialEq>(event: &E, codecs: &[Codec]) -> Result<(), String> {
    let kind = event.event_type();
    for codec in codecs {
        let name = kind.name;
        let bytes = event
            .encode(*codec)
            .map_err(|error| format!("event `{name}` cannot be written as {codec:?}: {error}"))?;
        let stored = Stored {
            name,
            version: kind.version,
            codec: *codec,
            bytes,
        };
        let read = stored.decode::<E>().map_err(|error| {
            format!(
                "event `{name}` cannot be read back from {codec:?}: {error}\n  it was: {event:?}"
            )
        })?;
        match read {
            Decoded::One(read) if same(event, &read) => {}
            read => {
                return Err(differ(
                    &format!("event `{name}` is not read back from {codec:?} as it was written"),
                    ("written", &Decoded::One(event)),
                    ("read", &read),
                ));
            }
        }
    }
    Ok(())
}

/// A payload of an older version is read.
pub(in super::super) fn is_upcast<E: EventSet>(stored: &Stored) -> Result<(), String> {
    let Stored { name, version, .. } = stored;
    match caught(|| stored.decode::<E>().map(|_| ())) {
        Ok(Ok(()) | Err(DecodeError::Payload { .. })) => Ok(()),
        Ok(Err(error)) => Err(format!(
            "{error}\nA stored event with these values cannot be read, and so its aggregate neither. If none was ever \
             stored, give the values that were: `values(\"FIELD\" => [..])`."
        )),
        Err(panic) => Err(format!(
            "reading `{name}` version {version} panicked: {panic}"
        )),
    }
}

/// Payloads of an older version, and of the newest, with two values for each field that all versions between have.
#[derive(Clone)]
pub(in super::super) struct Pairs {
    old: Version,
    new: Version,
    old_values: Vec<Made>,
    new_values: Vec<Made>,
    fields: Vec<(Field, Made)>,
}

/// A field of two versions with its places in both.
#[derive(Clone, Copy, Debug)]
struct Field {
    member: &'static Member,
    in_old: usize,
    in_new: usize,
}

impl Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = self.old.stored(text(&self.old, &self.old_values));
        let mut list = f.debug_list();
        list.entry(&stored);
        for (field, other) in &self.fields {
            let values = changed(&self.old_values, field.in_old, other);
            list.entry(&self.old.stored(text(&self.old, &values)));
        }
        list.finish()
    }
}

/// Of an older version and the newest, when their fields have names.
pub(in super::super) fn pairs(
    versions: &[Version],
    old: &Version,
    given: &Given,
) -> Option<BoxedStrategy<Pairs>> {
    let later: Vec<_> = versions
        .iter()
        .filter(|version| version.name == old.name && version.number > old.number)
        .collect();
    let new = *later.iter().max_by_key(|version| version.number)?;
    let (Node::Struct(old_fields), Node::Struct(new_fields)) = (old.node, new.node) else {
        return None;
    };
    let mut fields = Vec::new();
    for (in_old, member) in old_fields.iter().enumerate() {
        let has_it = |version: &&Version| match version.node {
            Node::Struct(fields) => fields.contains(member),
            _ => false,
        };
        let in_new = new_fields.iter().position(|field| field == member);
        if let (Some(in_new), true) = (in_new, later.iter().all(has_it)) {
            fields.push(Field {
                member,
                in_old,
                in_new,
            });
        }
    }
    let values = |version: &Version, fields: &'static [Member]| -> Vec<_> {
        let shapes = version.shapes(given);
        fields.iter().map(|field| shapes.field(field)).collect()
    };
    let others: Vec<_> = fields
        .iter()
        .map(|field| old.shapes(given).field(field.member))
        .collect();
    let (old_values, new_values) = (values(old, old_fields), values(new, new_fields));
    let (old, new) = (old.clone(), new.clone());
    let strategy = (old_values, new_values, others).prop_map(move |(olds, news, others)| Pairs {
        old: old.clone(),
        new: new.clone(),
        old_values: olds,
        new_values: news,
        fields: fields.iter().copied().zip(others).collect(),
    });
    Some(strategy.boxed())
}

fn changed(values: &[Made], at: usize, value: &Made) -> Vec<Made> {
    let mut values = values.to_vec();
    if let Some(place) = values.get_mut(at) {
        *place = value.clone();
    }
    values
}

fn text(version: &Version, values: &[Made]) -> String {
    let Node::Struct(fields) = version.node else {
        return String::new();
    };
    Made::Object(named(fields, values.to_vec())).text(&Pool::new())
}

fn read<E: EventSet>(version: &Version, values: &[Made]) -> Option<Vec<E>> {
    let stored = version.stored(text(version, values));
    readable::<E>(&stored).ok()?;
    Some(stored.decode().ok()?.into_iter().collect())
}

impl Pairs {
    /// Two payloads that differ in one field give two events, unless they do not in the newest version either.
    pub(in super::super) fn nothing_is_lost<E: EventSet + Debug + PartialEq>(
        &self,
    ) -> Result<(), String> {
        for (field, other) in &self.fields {
            let one = self.old_values.get(field.in_old).unwrap_or(other);
            let older = read::<E>(&self.old, &self.old_values).zip(read(
                &self.old,
                &changed(&self.old_values, field.in_old, other),
            ));
            let newer = read::<E>(&self.new, &changed(&self.new_values, field.in_new, one)).zip(
                read(&self.new, &changed(&self.new_values, field.in_new, other)),
            );
            let (Some(older), Some(newer)) = (older, newer) else {
                continue;
            };
            if same(&older.0, &older.1) && !same(&newer.0, &newer.1) {
                let Version { name, number, .. } = &self.old;
                let newest = self.new.number;
                let (field, pool) = (field.member.name, Pool::new());
                return Err(format!(
                    "version {number} of `{name}` loses its field `{field}` on the way to version {newest}: with the \
                     values {} and {} it is read as the same event\n  {:?}",
                    one.text(&pool),
                    other.text(&pool),
                    older.0,
                ));
            }
        }
        Ok(())
    }
}
