//! `#[derive(Event)]`: the item and its fields.

use super::words::dotted;

/// `of` is the enum of a variant.
pub(crate) fn event_without_name(ident: &str, of: Option<&str>, has_attribute: bool) -> String {
    let of = of.map(|name| name.strip_suffix("Event").unwrap_or(name));
    let name = dotted(&format!("{}{ident}", of.unwrap_or_default()));
    if has_attribute {
        format!(
            "event `{ident}` has no stored name\nhelp: write it first: `#[event(\"{name}\", ..)]`; it is stored, so it is never derived from the Rust name"
        )
    } else {
        format!(
            "event `{ident}` has no stored name\nhelp: add `#[event(\"{name}\")]`; it is stored, so it is never derived from the Rust name"
        )
    }
}

pub(crate) fn event_on_union() -> String {
    "`Event` can be derived for structs and enums only\nhelp: make it a struct with named fields"
        .to_owned()
}

pub(crate) fn event_generic() -> String {
    "an event cannot be generic: a stored name stands for one shape\nhelp: write one struct for each payload type"
        .to_owned()
}

pub(crate) fn event_lifetime(lifetime: &str) -> String {
    format!("an event must own its data\nhelp: use `String` instead of `&{lifetime} str`")
}

pub(crate) fn event_tuple_struct(ident: &str) -> String {
    format!(
        "the payload of an event needs named fields\nhelp: write `struct {ident} {{ name: Type }}`; named fields can be added and renamed later"
    )
}

pub(crate) fn event_unit_struct(ident: &str) -> String {
    format!(
        "the payload of an event needs named fields\nhelp: write `struct {ident} {{}}`; fields can be added later"
    )
}

pub(crate) fn event_tuple_variant(ident: &str) -> String {
    format!(
        "the payload of an event needs named fields\nhelp: write `{ident} {{ name: Type }}`; to list structs that are events, use `#[aggregate(events(..))]`"
    )
}

pub(crate) fn event_enum_empty() -> String {
    "an enum of events needs at least one variant\nhelp: add one: `#[event(\"order.placed\")] Placed { .. }`"
        .to_owned()
}

pub(crate) fn variant_name_taken(name: &str, first: &str) -> String {
    format!(
        "`{name}` is already the stored name of `{first}`\nhelp: every event of an enum has its own name"
    )
}
