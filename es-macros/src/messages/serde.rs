//! serde's attributes that must not stand on an event.

use crate::place::On;

pub(crate) fn borrows(ty: &str) -> String {
    format!(
        "`{ty}` borrows, and a value that is read back has nothing to borrow from\n\
         help: own the data: `String` instead of `&str`, `Vec<T>` instead of `&[T]`; of a few fixed texts make an enum"
    )
}

/// `first` is the field before it with the same stored name.
pub(crate) fn stored_name_taken(field: &str, first: &str, stored: &str) -> String {
    format!(
        "`{field}` would be stored as `{stored}`, like `{first}`, and neither could be read back\n\
         help: give one of them another name, or another `#[serde(rename = \"..\")]`"
    )
}

/// `nested` is whether the attribute has parentheses, as in `rename(serialize = "a")`.
#[expect(clippy::too_many_lines, reason = "one table")]
pub(crate) fn serde(on: On, key: &str, nested: bool) -> Option<String> {
    let (why, help) = match (on, key) {
        (On::Field | On::VersionedField, "flatten") => (
            "it buffers the payload, and binary codecs cannot store it",
            "make the inner value a field of its own",
        ),
        (On::Container | On::Variant, "untagged") => (
            "the variant would be guessed from the payload",
            "remove it; the stored name says which event it is",
        ),
        (On::Container, "tag" | "content") => (
            "the stored name is kept next to the payload, never inside it",
            "remove it; the payload holds only the fields",
        ),
        (On::Field | On::VersionedField, "alias") => (
            "two stored names for one field would make the shape of a version ambiguous",
            "remove it; `#[serde(rename = \"..\")]` keeps a stored name under a new Rust name",
        ),
        (On::Variant, "alias") => (
            "the stored name is the one in `#[event(..)]`",
            "remove it; a variant can be renamed freely",
        ),
        (On::Container | On::Versioned, "default") => (
            "a damaged payload would be read with default values instead of being refused",
            "remove it; make a field that may be absent an `Option`",
        ),
        (On::Field, "default") => (
            "a payload without the field would be read with a default value instead of being refused",
            "remove it; make a field that may be absent an `Option`",
        ),
        (On::Container, "transparent") => (
            "the payload would be the bare value, which can never gain a field",
            "remove it; the payload keeps the name of its field",
        ),
        (On::Container, "from" | "try_from" | "into") => (
            "the stored form would be that of another type",
            "derive `Event` for that type, or use `#[serde(with = \"..\")]` on a field",
        ),
        (On::Container, "remote") => (
            "it describes another type, and the event would have no stored form",
            "define the event as a struct of its own",
        ),
        (On::Container, "variant_identifier" | "field_identifier") => {
            ("the event would be read as a name", "remove it")
        }
        (On::Versioned, "transparent" | "from" | "try_from" | "into" | "remote" | "tag") => (
            "the versions describe its fields, and it would be stored in another form",
            "remove it, or keep the older type under another name for `was(type = ..)`",
        ),
        (On::Field | On::VersionedField, "skip" | "skip_serializing" | "skip_deserializing") => (
            "the field would be lost between writing and reading",
            "remove it, or keep data that is not stored out of the event",
        ),
        (
            On::StateField | On::BinaryStateField,
            "skip" | "skip_serializing" | "skip_deserializing",
        ) => (
            "a load from a snapshot would not have the field, and rules that read it would break",
            "remove it, so that the snapshot holds the whole state; or remove `snapshot(..)`",
        ),
        (On::BinaryStateField, "skip_serializing_if") => (
            "`codec = \"postcard\"` cannot tell that a field was left out",
            "remove it; or remove `snapshot(..)`",
        ),
        (On::BinaryStateField, "flatten") => (
            "`codec = \"postcard\"` cannot store it",
            "make the inner value a field of its own; or remove `snapshot(..)`",
        ),
        (On::Field, "skip_serializing_if") => (
            "binary codecs cannot tell that a field was left out",
            "remove it; an `Option` is stored as `null`",
        ),
        (On::Field, "getter") => ("it belongs to a description of another type", "remove it"),
        (On::Variant, "skip" | "skip_serializing" | "skip_deserializing") => (
            "the event could be written or read, but not both",
            "remove it, or move the variant out of the enum",
        ),
        (On::Variant, "other") => ("unknown events are refused, never guessed", "remove it"),
        (On::Variant, "with" | "serialize_with" | "deserialize_with") => (
            "the payload would no longer be the variant's fields",
            "use it on a field",
        ),
        (On::Field, "rename")
        | (On::Container, "rename_all" | "rename_all_fields")
        | (On::Variant, "rename_all")
            if nested =>
        {
            (
                "writing and reading must use the same name",
                "give one name for both directions",
            )
        }
        _ => return None,
    };
    let shown = if nested {
        format!("{key}(..)")
    } else {
        key.to_owned()
    };
    let whose = match on {
        On::Container | On::Variant | On::Field => "an event",
        On::Versioned | On::VersionedField => "a type with versions",
        On::StateField | On::BinaryStateField => "the state of an aggregate with snapshots",
    };
    Some(format!(
        "`#[serde({shown})]` is not allowed on {whose}: {why}\nhelp: {help}"
    ))
}
