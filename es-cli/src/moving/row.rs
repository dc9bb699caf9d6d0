//! A row in the form that is the same on both databases, and its line of JSON.

use super::{
    id::canonical_id,
    table::{Column, Kind, Table},
};
use crate::{
    error::Error,
    output::quoted,
    store::{Dialect, Row, Value, hex},
    time,
};
use es_record::Timestamp;
use es_sqlite::Readable;
use serde_json::value::RawValue;
use std::{cmp::Ordering, collections::HashMap, fmt::Write};

/// A row. Times are microseconds since 1970, payloads are bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Canonical(pub(crate) Vec<Value>);

impl Canonical {
    /// A row that a database gave.
    pub(crate) fn of(table: &Table, row: Row) -> Result<Self, Error> {
        let mut values = Vec::with_capacity(table.columns.len());
        let mut given = row.0.into_iter();
        for column in table.columns {
            let value = given.next().unwrap_or(Value::Null);
            let value = canonical(column.kind, value).ok_or_else(|| {
                let key: Vec<String> = values.iter().take(table.key).map(shown).collect();
                Error::damaged(format!(
                    "column `{}` of the row ({}) of `{}` is not what a store writes",
                    column.name,
                    key.join(", "),
                    table.name
                ))
            })?;
            values.push(value);
        }
        Ok(Self(values))
    }

    /// The position of an event.
    pub(crate) fn position(&self) -> i64 {
        match self.0.first() {
            Some(Value::Integer(position)) => *position,
            _ => 0,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(Value::size).sum()
    }

    /// The order in which databases have the keys: numbers as numbers, texts as bytes.
    pub(crate) fn compare(&self, other: &Self, table: &Table) -> Ordering {
        let pairs = self.0.iter().zip(&other.0).take(table.key);
        for (mine, theirs) in pairs {
            let ordering = match (mine, theirs) {
                (Value::Integer(mine), Value::Integer(theirs)) => mine.cmp(theirs),
                (Value::Text(mine), Value::Text(theirs)) => mine.cmp(theirs),
                _ => Ordering::Equal,
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    /// Its key for people. Values and tags may be personal data, and are left out.
    pub(crate) fn place(&self, table: &Table) -> String {
        let key = self.0.iter().zip(table.columns).take(table.key);
        let key = key.map(|(value, column)| match column.kind {
            Kind::Value => "..".to_owned(),
            _ if column.name == "tag" => {
                shown(value)
                    .split(':')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
                    + ":.."
            }
            _ => shown(value),
        });
        format!("{} ({})", table.name, key.collect::<Vec<_>>().join(", "))
    }

    /// The line of a dump, without its end.
    pub(crate) fn line(&self, table: &Table) -> Result<String, Error> {
        let mut line = format!("{{\"table\":\"{}\"", table.name);
        for (column, value) in table.columns.iter().zip(&self.0) {
            let name = column.name;
            let written = match value {
                Value::Null => write!(line, ",\"{name}\":null"),
                Value::Integer(micros) if matches!(column.kind, Kind::Time | Kind::Micros) => {
                    write!(line, ",\"{name}\":\"{}\"", time::of_micros(*micros)?)
                }
                Value::Integer(number) => write!(line, ",\"{name}\":{number}"),
                Value::Text(text) if column.kind == Kind::Json => match raw(text.as_bytes()) {
                    Some(json) => write!(line, ",\"{name}\":{json}"),
                    None => write!(line, ",\"{name}_text\":{}", quoted(text)),
                },
                Value::Text(text) => write!(line, ",\"{name}\":{}", quoted(text)),
                Value::Bytes(bytes) => match raw(bytes) {
                    Some(json) if self.is_json(table) => write!(line, ",\"{name}\":{json}"),
                    _ => write!(line, ",\"{name}_hex\":\"{}\"", hex(bytes)),
                },
            };
            // Writing to a text cannot fail.
            let _ = written;
        }
        line.push('}');
        Ok(line)
    }

    /// Whether its payload should be JSON.
    fn is_json(&self, table: &Table) -> bool {
        let content_type = table.columns.iter().position(|c| c.name == "content_type");
        match content_type.and_then(|index| self.0.get(index)) {
            Some(Value::Text(content_type)) => crate::events::is_json(content_type),
            _ => false,
        }
    }

    /// Reads the line of a dump.
    pub(crate) fn parse(
        table: &Table,
        fields: &HashMap<String, &RawValue>,
    ) -> Result<Self, String> {
        let mut values = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            let name = column.name;
            let plain = fields.get(name);
            let other = ["_hex", "_text"]
                .iter()
                .find_map(|end| Some((*end, fields.get(&format!("{name}{end}"))?)));
            let value = match (plain, other) {
                (Some(raw), None) => parse(column, raw.get()),
                (None, Some(("_hex", raw))) => unhex(raw.get()).map(Value::Bytes),
                (None, Some((_, raw))) => serde_json::from_str(raw.get()).ok().map(Value::Text),
                _ => None,
            };
            values.push(value.ok_or_else(|| format!("its `{name}` is missing or cannot be read"))?);
        }
        if fields.len() > table.columns.len() + 1 {
            return Err("it has a field that is not known".to_owned());
        }
        Ok(Self(values))
    }

    /// The values as a statement of this database writes them.
    pub(crate) fn params(&self, table: &Table, dialect: Dialect) -> Result<Vec<Value>, Error> {
        let mut params = Vec::with_capacity(self.0.len());
        let mut before: Option<&Value> = None;
        for (column, value) in table.columns.iter().zip(&self.0) {
            params.push(stored(column.kind, value, before, dialect)?);
            before = Some(value);
        }
        Ok(params)
    }
}

fn canonical(kind: Kind, value: Value) -> Option<Value> {
    Some(match (kind, value) {
        (_, Value::Null) => Value::Null,
        (Kind::Integer | Kind::Leased | Kind::Time | Kind::Micros, Value::Integer(number)) => {
            Value::Integer(number)
        }
        (Kind::Time, Value::Text(text)) => {
            Value::Integer(text.parse::<Timestamp>().ok()?.unix_micros())
        }
        (Kind::Text | Kind::Uuid | Kind::Json | Kind::Value, Value::Text(text)) => {
            Value::Text(text)
        }
        (Kind::StoreId, Value::Text(text)) => Value::Text(canonical_id(&text)),
        (Kind::Value, Value::Bytes(bytes)) => Value::Text(String::from_utf8(bytes).ok()?),
        (Kind::Payload, Value::Text(text)) => Value::Bytes(text.into_bytes()),
        (Kind::Payload, Value::Bytes(bytes)) => Value::Bytes(bytes),
        _ => return None,
    })
}

fn stored(
    kind: Kind,
    value: &Value,
    before: Option<&Value>,
    dialect: Dialect,
) -> Result<Value, Error> {
    Ok(match (kind, value, dialect) {
        (Kind::Time, Value::Integer(micros), _)
        | (Kind::Micros, Value::Integer(micros), Dialect::Postgres) => {
            Value::Text(time::of_micros(*micros)?.to_string())
        }
        (Kind::Value, Value::Text(text), Dialect::Postgres) => Value::Bytes(text.clone().into()),
        (Kind::Payload, Value::Bytes(bytes), Dialect::Sqlite) => {
            let content_type = match before {
                Some(Value::Text(content_type)) => content_type,
                _ => "",
            };
            match (Readable {
                content_type,
                bytes,
            })
            .as_text()
            {
                Some(text) => Value::Text(text.to_owned()),
                None => value.clone(),
            }
        }
        _ => value.clone(),
    })
}

fn parse(column: &Column, json: &str) -> Option<Value> {
    if json == "null" && column.kind != Kind::Payload && column.kind != Kind::Json {
        return Some(Value::Null);
    }
    Some(match column.kind {
        Kind::Integer | Kind::Leased => Value::Integer(json.parse().ok()?),
        Kind::Time | Kind::Micros => {
            let text: String = serde_json::from_str(json).ok()?;
            Value::Integer(text.parse::<Timestamp>().ok()?.unix_micros())
        }
        Kind::Text | Kind::Uuid | Kind::Value | Kind::StoreId => {
            Value::Text(serde_json::from_str(json).ok()?)
        }
        Kind::Json => Value::Text(json.to_owned()),
        Kind::Payload => Value::Bytes(json.as_bytes().to_vec()),
    })
}

/// JSON that can stand in a line and comes out of it as it was.
fn raw(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_whole = !text.contains(['\n', '\r']) && text.trim() == text;
    (is_whole && crate::events::is_valid(text)).then_some(text)
}

fn unhex(json: &str) -> Option<Vec<u8>> {
    let text: String = serde_json::from_str(json).ok()?;
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = more;
    }
    Some(bytes)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Null | Value::Bytes(_) => "..".to_owned(),
    }
}
