//! The conditions of `--where`: a path into a JSON payload, compared with a value.
//!
//! They are evaluated here and not by the database, so that they mean the same on both.

use serde_json::Value;
use std::cmp::Ordering;

/// `$.lines[0].sku = "A1"`, `$.cents > 1000`, or `$.note` for a value that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    path: Vec<Step>,
    compared: Option<(Comparison, Value)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Item(usize),
    /// Some item of a list, or some field of an object.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer ones first: `<` is the beginning of `<=`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

const FORM: &str = "a condition is a path and a comparison, such as '$.cents > 1000', '$.customer.name = \"Ada\"' or \
                    '$.lines[*].sku = A1'; '$.note' alone asks whether the value is there";

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// The text is none. The answer says how one is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || FORM.to_owned();
        let mut rest = text.trim().strip_prefix('$').ok_or_else(wrong)?;
        let mut path = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
                    .unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return Err(wrong());
                }
                path.push(Step::Field(name.to_owned()));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                // A quoted name may have a bracket.
                let (step, after) = bracket(after).ok_or_else(wrong)?;
                path.push(step);
                rest = after;
            } else {
                break;
            }
        }
        let rest = rest.trim();
        if rest.is_empty() && !path.is_empty() {
            return Ok(Self {
                path,
                compared: None,
            });
        }
        let found = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?.trim(), *comparison)));
        let (value, comparison) = found.ok_or_else(wrong)?;
        if value.is_empty() {
            return Err(wrong());
        }
        // A shell takes quotes away, so a bare word is a text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self {
            path,
            compared: Some((comparison, value)),
        })
    }

    /// Whether a payload fulfils it.
    pub fn holds(&self, payload: &Value) -> bool {
        self.holds_below(&self.path, payload)
    }

    fn holds_below(&self, path: &[Step], value: &Value) -> bool {
        let Some((step, path)) = path.split_first() else {
            return self.compares(value);
        };
        match step {
            Step::Field(name) => value.get(name).is_some_and(|v| self.holds_below(path, v)),
            Step::Item(number) => value.get(number).is_some_and(|v| self.holds_below(path, v)),
            Step::Any => match value {
                Value::Array(items) => items.iter().any(|v| self.holds_below(path, v)),
                Value::Object(fields) => fields.values().any(|v| self.holds_below(path, v)),
                _ => false,
            },
        }
    }

    fn compares(&self, value: &Value) -> bool {
        let Some((comparison, wanted)) = &self.compared else {
            return true;
        };
        let order = order(value, wanted);
        match comparison {
            Comparison::Equal => order == Some(Ordering::Equal) || value == wanted,
            Comparison::NotEqual => order != Some(Ordering::Equal) && value != wanted,
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// `None` where the two have no order, such as a text and a number.
fn order(value: &Value, wanted: &Value) -> Option<Ordering> {
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => Some(value.cmp(wanted)),
        (Value::Number(value), Value::Number(wanted)) => {
            match (value.as_i128(), wanted.as_i128()) {
                (Some(value), Some(wanted)) => Some(value.cmp(&wanted)),
                _ => value.as_f64()?.partial_cmp(&wanted.as_f64()?),
            }
        }
        _ => None,
    }
}

/// What stands after `[`, and the rest after `]`.
fn bracket(text: &str) -> Option<(Step, &str)> {
    if text.starts_with('"') {
        let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let name = quoted.next()?.ok()?;
        let rest = text.get(quoted.byte_offset()..)?.strip_prefix(']')?;
        return Some((Step::Field(name), rest));
    }
    let (inner, rest) = text.split_once(']')?;
    let step = match inner.trim() {
        "*" => Step::Any,
        number => Step::Item(number.parse().ok()?),
    };
    Some((step, rest))
}
