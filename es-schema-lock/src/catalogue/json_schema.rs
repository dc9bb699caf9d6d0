//! A shape as JSON Schema, draft 7: the newest draft that the tools of `AsyncAPI` read without a plug-in.
//!
//! It says how the derives of serde write a value, as `sample` makes one.

use crate::sample::Tag;
use es_runtime::schema::{Member, Node};
use serde_json::{Map, Value, json};

/// The schema of the payload of one version of an event.
pub(super) fn document(name: &str, version: usize, node: &Node) -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("{name} v{version}"),
    });
    if let (Value::Object(document), Value::Object(of)) = (&mut schema, schema_of(node)) {
        document.extend(of);
    }
    schema
}

fn schema_of(node: &Node) -> Value {
    match node {
        Node::Scalar(name) => scalar(name),
        Node::Unit(Node::Enum(variants), unit) => variants_of(variants, Tag::of(unit)),
        Node::Unit(inner, unit) => commented(schema_of(inner), &format!("unit: {unit}")),
        Node::Option(inner) => json!({ "anyOf": [schema_of(inner), { "type": "null" }] }),
        Node::Seq(inner) => json!({ "type": "array", "items": schema_of(inner) }),
        Node::Set(inner) => {
            json!({ "type": "array", "items": schema_of(inner), "uniqueItems": true })
        }
        Node::Map(_, value) => {
            json!({ "type": "object", "additionalProperties": schema_of(value) })
        }
        Node::Tuple(nodes) => json!({
            "type": "array",
            "items": nodes.iter().map(schema_of).collect::<Vec<_>>(),
            "minItems": nodes.len(),
            "maxItems": nodes.len(),
        }),
        Node::Struct(fields) => Value::Object(object(fields, &[])),
        Node::Enum(variants) => variants_of(variants, Tag::Outside),
        Node::Nothing => json!({ "type": "null" }),
        // A shape does not say where the outer one of the two begins.
        Node::Again(name) => json!({ "$comment": format!("{name}, which contains itself") }),
    }
}

/// An object with these fields, and with properties before them. A field that may be absent need not be there.
fn object(fields: &[Member], before: &[(&str, Value)]) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut flattened = Vec::new();
    for (name, schema) in before {
        properties.insert((*name).to_owned(), schema.clone());
        required.push(Value::from(*name));
    }
    for field in fields {
        // The derive of `Shape` gives fields with serde's `flatten` this name.
        if field.name.starts_with("flatten(") {
            flattened.push(opened(schema_of(&field.node)));
            continue;
        }
        properties.insert(field.name.to_owned(), schema_of(&field.node));
        if !matches!(field.node, Node::Option(_)) {
            required.push(field.name.into());
        }
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        object.insert("required".to_owned(), required.into());
    }
    if flattened.is_empty() {
        object.insert("additionalProperties".to_owned(), false.into());
    } else {
        object.insert("allOf".to_owned(), flattened.into());
    }
    object
}

/// The schema of a value whose fields stand among those of another one.
fn opened(mut schema: Value) -> Value {
    if let Value::Object(object) = &mut schema {
        if object.get("additionalProperties") == Some(&Value::Bool(false)) {
            object.remove("additionalProperties");
        }
    }
    schema
}

fn variants_of(variants: &[Member], tag: Tag<'_>) -> Value {
    let is_plain = variants.iter().all(|v| matches!(v.node, Node::Nothing));
    if let (Tag::Outside, true) = (tag, is_plain) {
        let names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
        return json!({ "enum": names });
    }
    let all: Vec<Value> = variants.iter().map(|v| variant(v, tag)).collect();
    match tag {
        // Several variants may look alike.
        Tag::Untagged => json!({ "anyOf": all }),
        _ => json!({ "oneOf": all }),
    }
}

fn variant(variant: &Member, tag: Tag<'_>) -> Value {
    let name = json!({ "const": variant.name });
    match (tag, &variant.node) {
        (Tag::Outside, Node::Nothing) => name,
        (Tag::Outside, node) => Value::Object(object(&[], &[(variant.name, schema_of(node))])),
        (Tag::Inside(tag), Node::Struct(fields)) => Value::Object(object(fields, &[(tag, name)])),
        (Tag::Inside(tag) | Tag::Adjacent(tag, _), Node::Nothing) => {
            Value::Object(object(&[], &[(tag, name)]))
        }
        // The fields of a type of its own are in the same object as the tag.
        (Tag::Inside(tag), node) => {
            let mut outer = object(&[], &[(tag, name)]);
            outer.remove("additionalProperties");
            outer.insert("allOf".to_owned(), json!([opened(schema_of(node))]));
            Value::Object(outer)
        }
        (Tag::Adjacent(tag, content), node) => {
            Value::Object(object(&[], &[(tag, name), (content, schema_of(node))]))
        }
        (Tag::Untagged, node) => schema_of(node),
    }
}

fn commented(mut schema: Value, comment: &str) -> Value {
    if let Value::Object(object) = &mut schema {
        object.insert("$comment".to_owned(), comment.into());
    }
    schema
}

/// A value without parts. What is not known by its name may be anything, and the name is a comment.
fn scalar(name: &str) -> Value {
    let text = |format: &str| json!({ "type": "string", "format": format });
    let parts = |names: [&str; 2]| {
        let [one, two] = names;
        json!({
            "type": "object",
            "properties": { one: { "type": "integer" }, two: { "type": "integer" } },
            "required": [one, two],
            "additionalProperties": false,
        })
    };
    match name {
        "bool" => json!({ "type": "boolean" }),
        "char" => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        "str" => json!({ "type": "string" }),
        "unit" => json!({ "type": "null" }),
        "u8" => json!({ "type": "integer", "minimum": 0, "maximum": u8::MAX }),
        "u16" => json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX }),
        "u32" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        // Their ends are no numbers of JavaScript.
        "u64" | "u128" => json!({ "type": "integer", "minimum": 0 }),
        "i8" => json!({ "type": "integer", "minimum": i8::MIN, "maximum": i8::MAX }),
        "i16" => json!({ "type": "integer", "minimum": i16::MIN, "maximum": i16::MAX }),
        "i32" => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        "i64" | "i128" => json!({ "type": "integer" }),
        "f32" | "f64" => json!({ "type": "number" }),
        "ip" => json!({ "anyOf": [text("ipv4"), text("ipv6")] }),
        "ipv4" | "ipv6" | "uuid" | "date" | "email" => text(name),
        "url" => text("uri"),
        "timestamp" => text("date-time"),
        "duration" => parts(["secs", "nanos"]),
        "systemtime" => parts(["secs_since_epoch", "nanos_since_epoch"]),
        "secs_nanos" => {
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2 })
        }
        "socket" | "ulid" | "position" | "datetime" | "zoned" | "time" | "span" | "weekday"
        | "month" | "currency" => commented(json!({ "type": "string" }), name),
        "bytes" => json!({ "type": "array", "items": scalar("u8") }),
        other => json!({ "$comment": other }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(name: &'static str, node: Node) -> Member {
        Member { name, node }
    }

    #[test]
    fn fields_that_may_be_absent_are_not_required() {
        const NODE: Node = Node::Struct(&[
            member("id", Node::Scalar("uuid")),
            member("note", Node::Option(&Node::Scalar("str"))),
        ]);
        assert_eq!(
            schema_of(&NODE),
            json!({
                "type": "object",
                "properties": {
                    "id": { "type": "string", "format": "uuid" },
                    "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                },
                "required": ["id"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn an_enum_is_written_as_its_tag_says() {
        const VARIANTS: Node = Node::Enum(&[
            member("Cash", Node::Nothing),
            member("Card", Node::Struct(&[member("last", Node::Scalar("u8"))])),
        ]);
        const PLAIN: Node = Node::Enum(&[member("A", Node::Nothing), member("B", Node::Nothing)]);
        let last = scalar("u8");
        let card = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let alone = card(json!({ "last": last }), json!(["last"]));
        assert_eq!(
            schema_of(&VARIANTS),
            json!({ "oneOf": [{ "const": "Cash" }, card(json!({ "Card": alone }), json!(["Card"]))] })
        );
        let by = |name: &str| json!({ "const": name });
        assert_eq!(
            schema_of(&Node::Unit(&VARIANTS, "tag=by")),
            json!({ "oneOf": [
                card(json!({ "by": by("Cash") }), json!(["by"])),
                card(json!({ "by": by("Card"), "last": last }), json!(["by", "last"])),
            ] })
        );
        assert_eq!(
            schema_of(&Node::Unit(&VARIANTS, "tag=by,content=is")),
            json!({ "oneOf": [
                card(json!({ "by": by("Cash") }), json!(["by"])),
                card(json!({ "by": by("Card"), "is": alone }), json!(["by", "is"])),
            ] })
        );
        assert_eq!(
            schema_of(&Node::Unit(&VARIANTS, "untagged")),
            json!({ "anyOf": [{ "type": "null" }, alone] })
        );
        assert_eq!(schema_of(&PLAIN), json!({ "enum": ["A", "B"] }));
    }

    /// Whether a schema of this module accepts a value. It knows the words that are written here, and no other.
    fn accepts(schema: &Value, value: &Value) -> bool {
        let words = schema.as_object().expect("a schema");
        words.iter().all(|(word, is)| {
            let list = || is.as_array().expect("a list").iter();
            let fields = value.as_object();
            match word.as_str() {
                "$schema" | "title" | "$comment" | "format" | "uniqueItems" => true,
                "type" => match is.as_str().expect("a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("no type: {other}"),
                },
                "const" => is == value,
                "enum" => list().any(|one| one == value),
                "oneOf" => list().filter(|one| accepts(one, value)).count() == 1,
                "anyOf" => list().any(|one| accepts(one, value)),
                "allOf" => list().all(|one| accepts(one, value)),
                "required" => {
                    list().all(|name| value.get(name.as_str().expect("a name")).is_some())
                }
                "properties" => fields.is_none_or(|fields| {
                    fields
                        .iter()
                        .all(|(name, value)| is.get(name).is_none_or(|of| accepts(of, value)))
                }),
                "additionalProperties" => fields.is_none_or(|fields| {
                    let known = |name: &String| schema["properties"].get(name).is_some();
                    let mut others = fields.iter().filter(|(name, _)| !known(name));
                    others.all(|(_, value)| *is != json!(false) && accepts(is, value))
                }),
                "items" => value.as_array().is_none_or(|values| match is {
                    Value::Array(of) => of.iter().zip(values).all(|(of, value)| accepts(of, value)),
                    of => values.iter().all(|value| accepts(of, value)),
                }),
                "minItems" => value
                    .as_array()
                    .is_none_or(|all| json!(all.len()).as_u64() >= is.as_u64()),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|all| json!(all.len()).as_u64() <= is.as_u64()),
                "minLength" => value
                    .as_str()
                    .is_none_or(|text| json!(text.len()).as_u64() >= is.as_u64()),
                "maxLength" => value
                    .as_str()
                    .is_none_or(|text| json!(text.len()).as_u64() <= is.as_u64()),
                "minimum" => value.as_f64() >= is.as_f64(),
                "maximum" => value.as_f64() <= is.as_f64(),
                other => panic!("no word: {other}"),
            }
        })
    }

    const ADDRESS: Node = Node::Struct(&[
        member("street", Node::Scalar("str")),
        member("number", Node::Option(&Node::Scalar("u16"))),
    ]);
    const PAID: Node = Node::Enum(&[
        member("Cash", Node::Nothing),
        member("Card", Node::Struct(&[member("last", Node::Scalar("u8"))])),
        member("Bank", ADDRESS),
    ]);
    const SHAPES: [Node; 10] = [
        ADDRESS,
        PAID,
        Node::Unit(&PAID, "tag=by"),
        Node::Unit(&PAID, "tag=by,content=is"),
        Node::Unit(&PAID, "untagged"),
        Node::Tuple(&[
            Node::Scalar("bool"),
            Node::Scalar("char"),
            Node::Scalar("duration"),
        ]),
        Node::Map(&Node::Scalar("u32"), &Node::Seq(&Node::Scalar("f64"))),
        Node::Set(&Node::Unit(&Node::Scalar("i64"), "cents")),
        Node::Struct(&[
            member("id", Node::Scalar("uuid")),
            member("flatten(address)", ADDRESS),
            member("raw", Node::Scalar("bytes")),
        ]),
        Node::Enum(&[
            member("Leaf", Node::Scalar("i8")),
            member(
                "Fork",
                Node::Tuple(&[Node::Again("Tree"), Node::Again("Tree")]),
            ),
        ]),
    ];

    /// The samples of the lock are values as serde writes them.
    #[test]
    fn what_serde_writes_is_accepted() {
        for node in &SHAPES {
            let schema = document("sample", 1, node);
            for plan in crate::sample::plans(node) {
                let value = crate::sample::sample(node, plan);
                assert!(accepts(&schema, &value), "{value} is refused by {schema}");
                // The control: nobody writes this.
                for wrong in [json!({ "no": "field" }), json!(1.5), json!([[]])] {
                    assert!(!accepts(&schema, &wrong), "{wrong} is accepted by {schema}");
                }
            }
        }
    }
}
