//! Payloads made from shapes. The same shape always gives the same payload.

use es_runtime::schema::{Member, Node};
use serde_json::{Map, Value, json};

/// The greatest number of variants with a sample of their own.
const MAX_VARIANTS: usize = 8;
/// Samples with different forms of the same scalar, see [`Plan::in_form`].
pub const FORMS: usize = 4;

/// Which of the possible samples of a shape to make.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// The index of the variant of each enum, modulo its number of variants.
    variant: usize,
    /// Options are absent and sequences empty.
    bare: bool,
    /// Which form a scalar has. Some types have several, and the name of the scalar does not say which.
    form: usize,
}

impl Plan {
    /// With this form of scalars, one of [`FORMS`].
    #[must_use]
    pub fn in_form(self, form: usize) -> Self {
        Self { form, ..self }
    }
}

/// The samples to make of a shape: one for each variant, and one without optional values.
pub fn plans(node: &Node) -> Vec<Plan> {
    let variants = widest(node).clamp(1, MAX_VARIANTS);
    let full = (0..variants).map(|variant| Plan {
        variant,
        ..Plan::default()
    });
    let bare = Plan {
        bare: true,
        ..Plan::default()
    };
    full.chain(has_optional(node).then_some(bare)).collect()
}

/// A sample of a shape: all scalars differ, options are present, and sequences have two elements.
pub fn sample(node: &'static Node, plan: Plan) -> Value {
    let mut sampler = Sampler {
        plan,
        next: 11,
        enums: Vec::new(),
        again: false,
    };
    sampler.value(node)
}

fn parts(node: &Node) -> Vec<&Node> {
    match node {
        Node::Unit(inner, _) | Node::Option(inner) | Node::Seq(inner) | Node::Set(inner) => {
            vec![*inner]
        }
        Node::Map(key, value) => vec![*key, *value],
        Node::Tuple(nodes) => nodes.iter().collect(),
        Node::Struct(members) | Node::Enum(members) => members.iter().map(|m| &m.node).collect(),
        Node::Scalar(_) | Node::Nothing | Node::Again(_) => Vec::new(),
    }
}

fn any(node: &Node, test: fn(&Node) -> bool) -> bool {
    test(node) || parts(node).into_iter().any(|part| any(part, test))
}

fn widest(node: &Node) -> usize {
    let own = match node {
        Node::Enum(variants) => variants.len(),
        _ => 0,
    };
    parts(node).into_iter().map(widest).fold(own, usize::max)
}

fn has_optional(node: &Node) -> bool {
    any(node, |node| {
        matches!(
            node,
            Node::Option(_) | Node::Seq(_) | Node::Set(_) | Node::Map(..)
        )
    })
}

/// Whether it contains itself.
pub fn is_recursive(node: &Node) -> bool {
    any(node, |node| matches!(node, Node::Again(_)))
}

/// How an enum says which variant it is.
#[derive(Clone, Copy, Debug)]
pub enum Tag<'a> {
    /// `{"variant": value}`, which serde does by default.
    Outside,
    /// `{"tag": "variant", ..value}`.
    Inside(&'a str),
    /// `{"tag": "variant", "content": value}`.
    Adjacent(&'a str, &'a str),
    /// The value alone.
    Untagged,
}

impl<'a> Tag<'a> {
    /// The tag that the derive of `Shape` wrote around the enum.
    pub fn of(unit: &'a str) -> Self {
        match unit.strip_prefix("tag=") {
            Some(tag) => match tag.split_once(",content=") {
                Some((tag, content)) => Self::Adjacent(tag, content),
                None => Self::Inside(tag),
            },
            None if unit == "untagged" => Self::Untagged,
            None => Self::Outside,
        }
    }
}

struct Sampler {
    plan: Plan,
    next: u64,
    /// The enums around the current value.
    enums: Vec<(&'static [Member], Tag<'static>)>,
    /// Whether the current value is the second level of a type that contains itself.
    again: bool,
}

impl Sampler {
    fn value(&mut self, node: &'static Node) -> Value {
        let ends = self.plan.bare || is_recursive(node);
        match node {
            Node::Option(_) if ends => Value::Null,
            Node::Seq(_) | Node::Set(_) if ends => Value::Array(Vec::new()),
            Node::Map(..) if ends => Value::Object(Map::new()),
            Node::Scalar(name) => {
                let number = self.next;
                self.next += 1;
                scalar(name, number, self.plan.form)
            }
            Node::Unit(Node::Enum(variants), unit) => self.variant(variants, Tag::of(unit)),
            Node::Unit(inner, _) | Node::Option(inner) => self.value(inner),
            Node::Seq(inner) => Value::Array(vec![self.value(inner), self.value(inner)]),
            // One element, because the order of several differs from run to run.
            Node::Set(inner) => Value::Array(vec![self.value(inner)]),
            Node::Map(key, value) => {
                let key = match self.value(key) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Value::Object(Map::from_iter([(key, self.value(value))]))
            }
            Node::Tuple(nodes) => nodes.iter().map(|node| self.value(node)).collect(),
            Node::Struct(fields) => {
                let mut object = Map::new();
                for field in *fields {
                    match self.value(&field.node) {
                        // The derive of `Shape` gives fields with serde's `flatten` this name.
                        Value::Object(inner) if field.name.starts_with("flatten(") => {
                            object.extend(inner);
                        }
                        value => {
                            object.insert(field.name.to_owned(), value);
                        }
                    }
                }
                Value::Object(object)
            }
            Node::Enum(variants) => self.variant(variants, Tag::Outside),
            Node::Again(_) => match self.enums.last().copied() {
                Some((variants, tag)) if !self.again => {
                    self.again = true;
                    let value = self.variant(variants, tag);
                    self.again = false;
                    value
                }
                _ => Value::Null,
            },
            Node::Nothing => Value::Null,
        }
    }

    fn variant(&mut self, variants: &'static [Member], tag: Tag<'static>) -> Value {
        let planned = self.plan.variant % variants.len().max(1);
        let last = variants.iter().find(|variant| !is_recursive(&variant.node));
        let chosen = if self.again { last } else { None };
        let Some(variant) = chosen.or_else(|| variants.get(planned)) else {
            return Value::Null;
        };
        let name = variant.name.to_owned();
        self.enums.push((variants, tag));
        let value = match variant.node {
            Node::Nothing => None,
            _ => Some(self.value(&variant.node)),
        };
        self.enums.pop();
        match (tag, value) {
            (Tag::Outside, None) => Value::String(name),
            (Tag::Outside, Some(value)) => Value::Object(Map::from_iter([(name, value)])),
            (Tag::Inside(tag), value) => {
                let mut object = Map::from_iter([(tag.to_owned(), name.into())]);
                if let Some(Value::Object(fields)) = value {
                    object.extend(fields);
                }
                Value::Object(object)
            }
            (Tag::Adjacent(tag, content), value) => {
                let mut object = Map::from_iter([(tag.to_owned(), name.into())]);
                object.extend(value.map(|value| (content.to_owned(), value)));
                Value::Object(object)
            }
            (Tag::Untagged, value) => value.unwrap_or_default(),
        }
    }
}

/// A plausible value for the name of a scalar. `form` chooses where the name allows several.
pub fn scalar(name: &str, number: u64, form: usize) -> Value {
    let two = format!("{:02}", number % 60);
    let day = format!("{:02}", 1 + number % 28);
    let text = form & 1 == 0;
    let number_form = form & 2 != 0;
    match name {
        "bool" => json!(true),
        "char" => json!(char::from(
            b'a' + u8::try_from(number % 26).unwrap_or_default()
        )),
        "unit" => Value::Null,
        "u8" | "i8" => json!(number % 100 + 1),
        "u16" | "u32" | "u64" | "u128" | "i16" | "i32" | "i64" | "i128" => json!(number),
        "f32" | "f64" => json!(u32::try_from(number).map_or(0.25, |n| f64::from(n) + 0.25)),
        "ip" | "ipv4" => json!(format!("192.0.2.{}", number % 250)),
        "ipv6" => json!(format!("2001:db8::{number:x}")),
        "socket" => json!(format!("192.0.2.{}:8080", number % 250)),
        "duration" => json!({ "secs": number, "nanos": 250 }),
        "systemtime" => json!({ "secs_since_epoch": number, "nanos_since_epoch": 250 }),
        "uuid" => json!(format!("018f8c00-0000-7000-8000-{number:012x}")),
        "ulid" => json!(format!("01HY{number:022}")),
        "position" => json!(number.to_string()),
        "timestamp" => json!(format!("2024-05-17T09:30:{two}Z")),
        "datetime" => json!(format!("2024-05-17T09:30:{two}")),
        "zoned" => json!(format!("2024-05-17T09:30:{two}+00:00[+00:00]")),
        "date" => json!(format!("2024-05-{day}")),
        "time" => json!(format!("09:30:{two}")),
        "span" => json!(format!("PT{number}M")),
        "weekday" => json!("Mon"),
        "month" => json!("May"),
        "decimal" if !number_form => json!(format!("{number}.25")),
        "decimal" => scalar("f64", number, form),
        "bytes" => json!([number % 100, number % 100 + 1]),
        "currency" => json!("EUR"),
        "email" => json!(format!("name-{number}@example.com")),
        "url" => json!(format!("https://example.com/{number}")),
        "time.date" if text => json!(format!("2024-05-{day}")),
        "time.date" => json!([2024, number]),
        "time.time" if text => json!(format!("9:30:{two}.0")),
        "time.time" => json!([9, 30, number % 60, 250]),
        "time.datetime" if text => json!(format!("2024-05-17 9:30:{two}.0")),
        "time.datetime" => json!([2024, number, 9, 30, number % 60, 250]),
        "time.offset_datetime" if text => json!(format!("2024-05-17 9:30:{two}.0 +00:00:00")),
        "time.offset_datetime" => json!([2024, number, 9, 30, number % 60, 250, 0, 0, 0]),
        "time.offset" if text => json!("+01:00:00"),
        "time.offset" => json!([1, 0, 0]),
        "time.duration" if text => json!(format!("{number}.000000250")),
        "time.duration" | "secs_nanos" => json!([number, 250]),
        "time.weekday" if text => json!("Monday"),
        "time.weekday" => json!(1 + number % 7),
        "time.month" if text => json!("May"),
        "time.month" => json!(1 + number % 12),
        _ if !number_form || name == "str" => json!(format!("text-{number}")),
        _ => json!(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::schema::Shape;
    use std::collections::{HashMap, HashSet};

    const fn member(name: &'static str, node: Node) -> Member {
        Member { name, node }
    }

    const TREE: Node = Node::Enum(&[
        member("Leaf", Node::Scalar("u8")),
        member(
            "Fork",
            Node::Tuple(&[Node::Again("Tree"), Node::Again("Tree")]),
        ),
        member(
            "Many",
            Node::Struct(&[member("of", Node::Seq(&Node::Again("Tree")))]),
        ),
        member("End", Node::Nothing),
    ]);

    fn all(node: &'static Node) -> Vec<Value> {
        plans(node)
            .into_iter()
            .map(|plan| sample(node, plan))
            .collect()
    }

    #[test]
    fn scalars_differ_and_options_and_sequences_are_present_once_and_absent_once() {
        type Fields = (
            String,
            Option<u32>,
            Vec<f64>,
            HashSet<u8>,
            HashMap<u16, bool>,
        );
        assert_eq!(
            all(&<Fields as Shape>::SHAPE),
            [
                json!(["text-11", 12, [13.25, 14.25], [16], { "16": true }]),
                json!(["text-11", null, [], [], {}]),
            ]
        );
    }

    #[test]
    fn every_variant_has_a_sample_and_a_recursive_type_ends() {
        assert_eq!(
            all(&TREE),
            [
                json!({ "Leaf": 12 }),
                json!({ "Fork": [{ "Leaf": 12 }, { "Leaf": 13 }] }),
                json!({ "Many": { "of": [] } }),
                json!("End"),
                json!({ "Leaf": 12 }),
            ]
        );
    }

    #[test]
    fn an_enum_says_which_variant_it_is_as_serde_would() {
        use serde::{Deserialize, Serialize};
        #[derive(Serialize, Deserialize, Debug, PartialEq)]
        #[serde(tag = "kind")]
        enum Inside {
            Card { digits: u32 },
            Cash,
        }
        #[derive(Serialize, Deserialize, Debug, PartialEq)]
        #[serde(tag = "kind", content = "of")]
        enum Adjacent {
            Card { digits: u32 },
            Cash,
        }
        #[derive(Serialize, Deserialize, Debug, PartialEq)]
        #[serde(untagged)]
        enum Untagged {
            Card { digits: u32 },
            Cash,
        }
        const ENUM: Node = Node::Enum(&[
            member(
                "Card",
                Node::Struct(&[member("digits", Node::Scalar("u32"))]),
            ),
            member("Cash", Node::Nothing),
        ]);
        const INSIDE: Node = Node::Unit(&ENUM, "tag=kind");
        const ADJACENT: Node = Node::Unit(&ENUM, "tag=kind,content=of");
        const UNTAGGED: Node = Node::Unit(&ENUM, "untagged");
        fn both<T: serde::de::DeserializeOwned>(node: &'static Node) -> Vec<T> {
            let samples = plans(node).into_iter().map(|plan| sample(node, plan));
            let read = samples.map(serde_json::from_value);
            read.collect::<Result<_, _>>().unwrap_or_default()
        }
        let digits = 11;
        assert_eq!(
            both::<Inside>(&INSIDE),
            [Inside::Card { digits }, Inside::Cash]
        );
        assert_eq!(
            both::<Adjacent>(&ADJACENT),
            [Adjacent::Card { digits }, Adjacent::Cash]
        );
        assert_eq!(
            both::<Untagged>(&UNTAGGED),
            [Untagged::Card { digits }, Untagged::Cash]
        );
    }

    #[test]
    fn flattened_fields_stand_beside_the_others() {
        const INNER: Node = Node::Struct(&[member("street", Node::Scalar("str"))]);
        const OUTER: Node = Node::Struct(&[
            member("name", Node::Scalar("str")),
            member("flatten(address)", INNER),
        ]);
        let found = sample(&OUTER, Plan::default());
        assert_eq!(found, json!({ "name": "text-11", "street": "text-12" }));
    }

    #[test]
    fn the_types_that_have_a_shape_without_a_derive_accept_their_samples() {
        fn accepts<T: Shape + serde::de::DeserializeOwned>() {
            let decodes = (0..FORMS).any(|form| {
                let sample = sample(&T::SHAPE, Plan::default().in_form(form));
                serde_json::from_value::<T>(sample).is_ok()
            });
            assert!(decodes, "{} {:?}", std::any::type_name::<T>(), T::SHAPE);
        }
        use std::{net, num, path, time};
        accepts::<(bool, char, String, (), u8, u16, u32, u64)>();
        accepts::<(u128, usize, i8, i16, i32, i64, i128, isize)>();
        accepts::<(f32, f64, num::NonZeroU8, num::NonZeroI128, path::PathBuf)>();
        accepts::<(net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr)>();
        accepts::<(time::Duration, time::SystemTime, uuid::Uuid)>();
        accepts::<(
            es_runtime::EventId,
            es_runtime::Position,
            es_runtime::Timestamp,
        )>();
        accepts::<(HashMap<u32, u8>, HashSet<Option<u8>>, [u8; 3], Box<str>)>();
        #[cfg(feature = "chrono")]
        {
            use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
            accepts::<(DateTime<Utc>, DateTime<FixedOffset>, NaiveDate, NaiveTime)>();
            accepts::<(
                NaiveDateTime,
                chrono::Weekday,
                chrono::Month,
                chrono::TimeDelta,
            )>();
        }
        #[cfg(feature = "jiff")]
        {
            use jiff::civil;
            accepts::<(jiff::Timestamp, civil::Date, civil::Time, civil::DateTime)>();
            accepts::<(jiff::Zoned, jiff::SignedDuration, jiff::Span)>();
        }
        #[cfg(feature = "time")]
        {
            accepts::<(::time::Date, ::time::Time, ::time::PrimitiveDateTime)>();
            accepts::<(::time::OffsetDateTime, ::time::UtcOffset, ::time::Duration)>();
            accepts::<(::time::Weekday, ::time::Month)>();
        }
        #[cfg(feature = "rust_decimal")]
        accepts::<rust_decimal::Decimal>();
    }
}
