//! Whether a stored payload has the shape that a lock says.

use crate::{
    Lock, LockEntry,
    difference::join,
    sample::Tag,
    tree::{Kind, Tree, parse},
};
use serde_json::{Map, Value};

/// Why a stored event is not one that a lock knows. No value is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadProblem {
    /// The lock has no line for the name.
    #[error("the lock has no event `{name}`")]
    UnknownName {
        /// The stored name.
        name: String,
    },
    /// The lock has the name, and not this version of it.
    #[error("the lock has event `{name}`, and not its version {version}")]
    UnknownVersion {
        /// The stored name.
        name: String,
        /// The stored version.
        version: u16,
    },
    /// A value has another type than the shape says.
    #[error("{}{expected} is expected, and it is {found}", place(.at))]
    Type {
        /// The path, such as `lines[].qty`; empty for the whole payload.
        at: String,
        /// The shape of the value.
        expected: String,
        /// What kind of value it is.
        found: &'static str,
    },
    /// A field is missing that is not optional.
    #[error("the field `{at}` is missing")]
    Missing {
        /// The path.
        at: String,
    },
    /// There is a field that the shape does not have.
    #[error("{}there is a field that the shape does not have", place(.at))]
    Unknown {
        /// The path of the value that has it.
        at: String,
    },
}

fn place(at: &str) -> String {
    if at.is_empty() {
        String::new()
    } else {
        format!("at `{at}`: ")
    }
}

impl Lock {
    /// Whether this lock has a line for a stored name.
    pub fn has_name(&self, name: &str) -> bool {
        self.lines().iter().any(|line| line.name == name)
    }

    /// Whether a stored event is one that this lock knows, and has the shape of its version, as far as the text of a
    /// shape tells. `payload` is `None` where it is not JSON: then only name and version are looked up. Names that are
    /// read under another one have its versions; of dropped and split ones the lock has no shape.
    ///
    /// A value of a type that the lock has only a name of, such as a date, and one that contains itself, may be any.
    ///
    /// ```
    /// use es_schema_lock::Lock;
    /// use serde_json::json;
    ///
    /// let lock: Lock = "order.placed v1 sealed {cents:u64,note:str?}".parse()?;
    /// assert!(lock.check_payload("order.placed", 1, Some(&json!({ "cents": 5 }))).is_ok());
    ///
    /// let wrong = lock.check_payload("order.placed", 1, Some(&json!({ "cents": -5 })));
    /// let said = wrong.unwrap_err().to_string();
    /// assert_eq!(said, "at `cents`: u64 is expected, and it is a number");
    /// # Ok::<(), es_schema_lock::DamagedLock>(())
    /// ```
    ///
    /// # Errors
    /// [`PayloadProblem`] says the first thing that does not fit.
    pub fn check_payload(
        &self,
        name: &str,
        version: u16,
        payload: Option<&Value>,
    ) -> Result<(), PayloadProblem> {
        let of_name = |wanted: &str| {
            let lines = self.lines().iter().filter(|line| line.name == wanted);
            lines.map(|line| &line.entry).collect::<Vec<_>>()
        };
        let mut entries = of_name(name);
        if entries.is_empty() {
            let name = name.to_owned();
            return Err(PayloadProblem::UnknownName { name });
        }
        let is_gone = |entry: &&LockEntry| matches!(entry, LockEntry::Dropped | LockEntry::Split);
        if entries.iter().any(is_gone) {
            return Ok(());
        }
        let alias = entries.iter().find_map(|entry| match entry {
            LockEntry::Alias(of) => Some(of_name(of)),
            _ => None,
        });
        entries = alias.unwrap_or(entries);
        let shape = entries.into_iter().find_map(|entry| match entry {
            LockEntry::Version {
                version: known,
                shape,
                ..
            } if *known == version => Some(shape),
            _ => None,
        });
        let Some(shape) = shape else {
            let name = name.to_owned();
            return Err(PayloadProblem::UnknownVersion { name, version });
        };
        // A text that is no shape says nothing.
        match (parse(shape), payload) {
            (Some(tree), Some(payload)) => fits("", &tree, payload),
            _ => Ok(()),
        }
    }
}

impl LockEntry {
    /// The fields that every payload of a version has, by their names in it: those that are not optional. What is
    /// flattened into them is not named. A shape without names of fields needs none, as other lines do.
    ///
    /// ```
    /// use es_schema_lock::Lock;
    ///
    /// let lock: Lock = r#"order.placed v1 sealed {"flatten(more)":{x:u8},"in cents":u64,note:str?}"#.parse()?;
    /// assert_eq!(lock.lines()[0].entry.required_fields(), ["in cents"]);
    /// # Ok::<(), es_schema_lock::DamagedLock>(())
    /// ```
    pub fn required_fields(&self) -> Vec<String> {
        let tree = match self {
            Self::Version { shape, .. } => parse(shape),
            _ => None,
        };
        let Some(Kind::Struct(fields)) = tree.map(|tree| tree.kind) else {
            return Vec::new();
        };
        let required = fields.iter().filter(|(_, tree)| is_required(tree));
        let names = required.map(|(name, _)| unquoted(name));
        names.filter(|name| !is_flattened(name)).collect()
    }
}

type Fits = Result<(), PayloadProblem>;

fn fits(at: &str, tree: &Tree<'_>, value: &Value) -> Fits {
    let wrong = || {
        Err(PayloadProblem::Type {
            at: at.to_owned(),
            expected: tree.text.to_owned(),
            found: kind_of(value),
        })
    };
    match (&tree.kind, value) {
        (Kind::Leaf, _) if scalar(tree.text, value) => Ok(()),
        (Kind::Option(_), Value::Null) => Ok(()),
        (Kind::Option(inner), _) => fits(at, inner, value),
        (Kind::Unit(inner, unit), _) => match &inner.kind {
            Kind::Enum(variants) => {
                variant(at, tree, variants, Tag::of(unit.trim_matches('"')), value)
            }
            _ => fits(at, inner, value),
        },
        (Kind::Enum(variants), _) => variant(at, tree, variants, Tag::Outside, value),
        (Kind::Seq(inner), Value::Array(values)) => {
            let at = format!("{at}[]");
            values.iter().try_for_each(|value| fits(&at, inner, value))
        }
        (Kind::Map(_, inner), Value::Object(values)) => {
            let at = format!("{at}{{value}}");
            values
                .values()
                .try_for_each(|value| fits(&at, inner, value))
        }
        (Kind::Tuple(parts), Value::Array(values)) if parts.len() == values.len() => {
            let mut parts = parts.iter().zip(values).enumerate();
            parts.try_for_each(|(index, (part, value))| {
                fits(&join(at, ".", &index.to_string()), part, value)
            })
        }
        (Kind::Struct(fields), Value::Object(values)) => object(at, fields, values, &[]),
        _ => wrong(),
    }
}

/// A name as it is stored.
fn unquoted(name: &str) -> String {
    serde_json::from_str(name).unwrap_or_else(|_| name.to_owned())
}

/// Whether a field stands for the fields of its value, whatever they are.
fn is_flattened(name: &str) -> bool {
    name.starts_with("flatten(")
}

fn is_required(tree: &Tree<'_>) -> bool {
    !matches!(tree.kind, Kind::Option(_))
}

/// Fields of an object, besides those that belong to something around it.
fn object(
    at: &str,
    fields: &[(&str, Tree<'_>)],
    values: &Map<String, Value>,
    others: &[&str],
) -> Fits {
    let mut is_open = false;
    let mut known: Vec<String> = others.iter().map(|other| (*other).to_owned()).collect();
    for (name, tree) in fields {
        let name = unquoted(name);
        if is_flattened(&name) {
            is_open = true;
            continue;
        }
        match values.get(&name) {
            Some(value) => fits(&join(at, ".", &name), tree, value)?,
            None if is_required(tree) => {
                return Err(PayloadProblem::Missing {
                    at: join(at, ".", &name),
                });
            }
            None => {}
        }
        known.push(name);
    }
    if is_open || values.keys().all(|name| known.contains(name)) {
        return Ok(());
    }
    Err(PayloadProblem::Unknown { at: at.to_owned() })
}

fn variant(
    at: &str,
    tree: &Tree<'_>,
    variants: &[(&str, Tree<'_>)],
    tag: Tag<'_>,
    value: &Value,
) -> Fits {
    let wrong = || PayloadProblem::Type {
        at: at.to_owned(),
        expected: tree.text.to_owned(),
        found: kind_of(value),
    };
    let find = |name: &str| {
        let mut all = variants.iter();
        let found = all.find(|(known, _)| unquoted(known) == name);
        found.map(|(_, holds)| holds).ok_or_else(wrong)
    };
    match (tag, value) {
        (Tag::Outside, Value::String(name)) => match find(name)?.text {
            "" => Ok(()),
            _ => Err(wrong()),
        },
        (Tag::Outside, Value::Object(values)) => {
            let mut values = values.iter();
            let (Some((name, value)), None) = (values.next(), values.next()) else {
                return Err(wrong());
            };
            content(&format!("{at}::{name}"), find(name)?, value)
        }
        (Tag::Inside(tag), Value::Object(values)) => {
            let name = values.get(tag).and_then(Value::as_str).ok_or_else(wrong)?;
            match &find(name)?.kind {
                Kind::Struct(fields) => object(&format!("{at}::{name}"), fields, values, &[tag]),
                // The fields of what it holds are in the same object as the tag.
                _ => Ok(()),
            }
        }
        (Tag::Adjacent(tag, holds), Value::Object(values)) => {
            let name = values.get(tag).and_then(Value::as_str).ok_or_else(wrong)?;
            let value = values.get(holds).unwrap_or(&Value::Null);
            content(&format!("{at}::{name}"), find(name)?, value)
        }
        (Tag::Untagged, _) => {
            let mut holds = variants.iter().map(|(_, holds)| holds);
            let is_one = holds.any(|holds| content(at, holds, value).is_ok());
            is_one.then_some(()).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// What a variant holds. One value in brackets is that value.
fn content(at: &str, holds: &Tree<'_>, value: &Value) -> Fits {
    match &holds.kind {
        Kind::Leaf if holds.text.is_empty() && value.is_null() => Ok(()),
        Kind::Tuple(parts) => match parts.as_slice() {
            [one] => {
                fits(at, one, value).or_else(|problem| fits(at, holds, value).map_err(|_| problem))
            }
            _ => fits(at, holds, value),
        },
        _ => fits(at, holds, value),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether a value may be of a type without parts. One that the lock has only a name of may be any.
fn scalar(name: &str, value: &Value) -> bool {
    let unsigned = |most: u64| value.as_u64().is_some_and(|number| number <= most);
    let signed = |bits: u32| {
        let most = i64::MAX >> (64 - bits);
        value
            .as_i64()
            .is_some_and(|number| (-most - 1..=most).contains(&number))
    };
    match name {
        "bool" => value.is_boolean(),
        "char" | "str" | "uuid" | "position" | "timestamp" | "ip" | "ipv4" | "ipv6" | "socket" => {
            value.is_string()
        }
        "unit" => value.is_null(),
        "u8" => unsigned(u8::MAX.into()),
        "u16" => unsigned(u16::MAX.into()),
        "u32" => unsigned(u32::MAX.into()),
        "u64" => unsigned(u64::MAX),
        "i8" => signed(8),
        "i16" => signed(16),
        "i32" => signed(32),
        "i64" => signed(64),
        "u128" | "i128" | "f32" | "f64" => value.is_number(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn says(shape: &str, payload: &Value) -> Option<String> {
        let lock: Lock = format!("a.b v1 sealed {shape}").parse().ok()?;
        let checked = lock.check_payload("a.b", 1, Some(payload));
        checked.err().map(|problem| problem.to_string())
    }

    #[test]
    fn payloads_that_fit() {
        for (shape, payload) in [
            ("{a:u8,b:str?}", json!({ "a": 255 })),
            ("{a:u8,b:str?}", json!({ "a": 0, "b": null })),
            ("{a:i8}", json!({ "a": -128 })),
            ("{a:i64@cents}", json!({ "a": i64::MIN })),
            ("{a:f64}", json!({ "a": 3 })),
            ("{a:[(u8,str)]}", json!({ "a": [[1, "x"], [2, "y"]] })),
            ("{a:{str=>[u8]}}", json!({ "a": { "k": [1], "l": [] } })),
            ("{a:<A|B(u8)|C{d:bool}>}", json!({ "a": "A" })),
            ("{a:<A|B(u8)|C{d:bool}>}", json!({ "a": { "B": 7 } })),
            (
                "{a:<A|B(u8)|C{d:bool}>}",
                json!({ "a": { "C": { "d": true } } }),
            ),
            ("{a:<B(u8,u8)>}", json!({ "a": { "B": [7, 8] } })),
            (
                "{a:<A|C{d:bool}>@\"tag=kind\"}",
                json!({ "a": { "kind": "C", "d": true } }),
            ),
            (
                "{a:<B(u8)>@\"tag=t,content=c\"}",
                json!({ "a": { "t": "B", "c": 1 } }),
            ),
            ("{a:<B(u8)|S(str)>@untagged}", json!({ "a": "x" })),
            (
                "{a:date,b:^Tree}",
                json!({ "a": [2024, 1], "b": { "any": 1 } }),
            ),
            ("{\"a b\":u8}", json!({ "a b": 1 })),
            ("{\"flatten(c)\":{x:u8},a:u8}", json!({ "a": 1, "x": 2 })),
            ("not { a shape", json!(1)),
        ] {
            assert_eq!(says(shape, &payload), None, "{shape} {payload}");
        }
    }

    #[test]
    fn payloads_that_do_not_fit_say_where() {
        for (shape, payload, said) in [
            (
                "{a:u8}",
                json!({ "a": 256 }),
                "at `a`: u8 is expected, and it is a number",
            ),
            ("{a:i8}", json!({ "a": 128 }), "at `a`: i8 is expected"),
            (
                "{a:i64}",
                json!({ "a": u64::MAX }),
                "at `a`: i64 is expected",
            ),
            ("{a:u64}", json!({ "a": 1.5 }), "at `a`: u64 is expected"),
            (
                "{a:u8}",
                json!({ "a": null }),
                "at `a`: u8 is expected, and it is null",
            ),
            ("{a:str}", json!({ "a": 1 }), "at `a`: str is expected"),
            (
                "{a:f64}",
                json!({ "a": "1" }),
                "at `a`: f64 is expected, and it is a text",
            ),
            ("{a:u8}", json!({}), "the field `a` is missing"),
            (
                "{a:u8}",
                json!({ "a": 1, "b": 1 }),
                "there is a field that the shape does not have",
            ),
            (
                "{c:{a:u8}}",
                json!({ "c": { "a": 1, "b": 1 } }),
                "at `c`: there is a field",
            ),
            (
                "{l:[{q:u8}]}",
                json!({ "l": [{ "q": 1 }, { "q": "x" }] }),
                "at `l[].q`: u8",
            ),
            (
                "{a:(u8,u8)}",
                json!({ "a": [1] }),
                "at `a`: (u8,u8) is expected",
            ),
            (
                "{a:{str=>u8}}",
                json!({ "a": { "k": true } }),
                "at `a{value}`: u8",
            ),
            (
                "{a:<A|B(u8)>}",
                json!({ "a": "C" }),
                "at `a`: <A|B(u8)> is expected",
            ),
            (
                "{a:<A|B(u8)>}",
                json!({ "a": "B" }),
                "at `a`: <A|B(u8)> is expected",
            ),
            (
                "{a:<A|B(u8)>}",
                json!({ "a": { "B": "x" } }),
                "at `a::B`: u8 is expected",
            ),
            (
                "{a:<C{d:u8}>@\"tag=k\"}",
                json!({ "a": { "d": 1 } }),
                "at `a`: <C{d:u8}>",
            ),
            (
                "{a:<C{d:u8}>@\"tag=k\"}",
                json!({ "a": { "k": "C", "d": "x" } }),
                "at `a::C.d`: u8",
            ),
            (
                "{a:<B(u8)|S(str)>@untagged}",
                json!({ "a": true }),
                "at `a`: <B(u8)|S(str)>@untagged",
            ),
            (
                "{a:u8}",
                json!([1]),
                "{a:u8} is expected, and it is an array",
            ),
        ] {
            let found = says(shape, &payload).unwrap_or_default();
            assert!(found.starts_with(said), "{shape} {payload}: {found}");
        }
    }

    #[test]
    fn names_and_versions_are_those_of_the_lock() -> Result<(), crate::DamagedLock> {
        let lock: Lock = "\
            Old sealed alias a.b\n\
            a.b sealed tag kind\n\
            a.b v1 sealed {x:u8}\n\
            a.b v2 open {y:u8}\n\
            a.gone sealed drop\n\
            a.two sealed split\n"
            .parse()?;
        let x = json!({ "x": 1 });
        assert_eq!(lock.check_payload("a.b", 1, Some(&x)), Ok(()));
        assert_eq!(lock.check_payload("Old", 1, Some(&x)), Ok(()));
        assert!(lock.check_payload("Old", 2, Some(&x)).is_err());
        assert_eq!(lock.check_payload("a.gone", 7, Some(&x)), Ok(()));
        assert_eq!(lock.check_payload("a.two", 1, Some(&x)), Ok(()));
        assert_eq!(lock.check_payload("a.b", 2, None), Ok(()));
        let said = |name, version| {
            let checked = lock.check_payload(name, version, None);
            checked
                .err()
                .map(|problem| problem.to_string())
                .unwrap_or_default()
        };
        assert_eq!(
            said("a.b", 3),
            "the lock has event `a.b`, and not its version 3"
        );
        assert_eq!(said("a.c", 1), "the lock has no event `a.c`");
        assert!(lock.has_name("a.gone") && !lock.has_name("a.c"));
        Ok(())
    }

    /// The samples of a shape fit its text.
    #[test]
    fn samples_fit() {
        use crate::sample::{plans, sample};
        use es_runtime::schema::{Layout, Member, Node};
        const fn member(name: &'static str, node: Node) -> Member {
            Member { name, node }
        }
        const VARIANTS: Node = Node::Enum(&[
            member("None", Node::Nothing),
            member("One", Node::Scalar("u32")),
            member(
                "Two",
                Node::Tuple(&[Node::Scalar("str"), Node::Scalar("bool")]),
            ),
            member(
                "Named",
                Node::Struct(&[member("x y", Node::Option(&Node::Scalar("i64")))]),
            ),
        ]);
        const TAGGED: Node = Node::Enum(&[
            member("A", Node::Nothing),
            member("B", Node::Struct(&[member("n", Node::Scalar("u8"))])),
        ]);
        const ALL: Node = Node::Struct(&[
            member("plain", VARIANTS),
            member("inside", Node::Unit(&TAGGED, "tag=kind")),
            member("beside", Node::Unit(&VARIANTS, "tag=t,content=c")),
            member("untagged", Node::Unit(&VARIANTS, "untagged")),
            member("money", Node::Unit(&Node::Scalar("i64"), "cents")),
            member(
                "many",
                Node::Seq(&Node::Tuple(&[Node::Scalar("uuid"), Node::Scalar("date")])),
            ),
            member(
                "by",
                Node::Map(&Node::Scalar("u16"), &Node::Scalar("duration")),
            ),
            member(
                "flatten(rest)",
                Node::Struct(&[member("r", Node::Scalar("f64"))]),
            ),
        ]);
        for layout in [Layout::ByName, Layout::ByOrder] {
            for plan in plans(&ALL) {
                let sample = sample(&ALL, plan);
                assert_eq!(says(&ALL.render(layout), &sample), None, "{sample}");
            }
        }
        // The control: the shape of another one.
        let other = sample(&TAGGED, plans(&TAGGED)[0]);
        assert!(says(&ALL.render(Layout::ByName), &other).is_some());
    }
}
