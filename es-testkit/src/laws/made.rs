//! Values as JSON text, made from shapes. The scalars of one history come from a few values that all of its
//! commands share, so that a payment can be of the amount that was ordered.

use serde_json::Value;
use std::collections::BTreeMap;

/// A value whose shared scalars are not filled in.
#[derive(Clone, Debug)]
pub(super) enum Made {
    /// JSON text.
    Text(String),
    /// One of the values of this kind that the history shares.
    Shared { kind: String, index: usize },
    /// `[..]`.
    List(Vec<Made>),
    /// `{..}` with names. A field without a name is an object whose fields belong here.
    Object(Vec<(Option<String>, Made)>),
    /// `{..}` with keys that are made.
    Entries(Vec<(Made, Made)>),
}

/// The values that the commands of one history share, by the kind of scalar.
pub(super) type Pool = BTreeMap<String, Vec<String>>;

impl Made {
    pub(super) fn null() -> Self {
        Self::Text("null".to_owned())
    }

    pub(super) fn name(name: &str) -> Self {
        Self::Text(quoted(name))
    }

    pub(super) fn value(value: &Value) -> Self {
        Self::Text(value.to_string())
    }

    /// The JSON text.
    pub(super) fn text(&self, pool: &Pool) -> String {
        let mut text = String::new();
        self.write(pool, &mut text);
        text
    }

    fn write(&self, pool: &Pool, to: &mut String) {
        match self {
            Self::Text(text) => to.push_str(text),
            Self::Shared { kind, index } => to.push_str(shared(pool, kind, *index)),
            Self::List(items) => {
                let items = items.iter().map(|item| item.text(pool));
                wrap('[', items, ']', to);
            }
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let text = value.text(pool);
                    match name {
                        Some(name) => format!("{}:{text}", quoted(name)),
                        None => inner(&text).to_owned(),
                    }
                });
                wrap('{', fields, '}', to);
            }
            Self::Entries(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let key = key.text(pool);
                    // A key that is no text, such as a number, is written as one.
                    let key = if key.starts_with('"') {
                        key
                    } else {
                        quoted(&key)
                    };
                    format!("{key}:{}", value.text(pool))
                });
                wrap('{', entries, '}', to);
            }
        }
    }
}

fn shared<'p>(pool: &'p Pool, kind: &str, index: usize) -> &'p str {
    pool.get(kind)
        .and_then(|values| values.get(index.checked_rem(values.len())?))
        .map_or("null", String::as_str)
}

/// The fields of an object.
fn inner(object: &str) -> &str {
    object
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or_default()
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn wrap(open: char, items: impl Iterator<Item = String>, close: char, to: &mut String) {
    to.push(open);
    let mut is_first = true;
    for item in items.filter(|item| !item.is_empty()) {
        if !is_first {
            to.push(',');
        }
        is_first = false;
        to.push_str(&item);
    }
    to.push(close);
}
