//! Every message of the derives, one function each.
//!
//! Style: lower case, no full stop, code in backticks, first what is wrong, then a `help:` line
//! with text to paste.

use crate::place::{On, Place};

/// Which stored name an example shows.
fn example_name(place: Place) -> &'static str {
    match place {
        Place::AggregateStruct | Place::AggregateField => "order",
        Place::Projection => "order_summaries",
        Place::Subscription => "mailer",
        Place::Saga => "fulfil-order",
        _ => "order.placed",
    }
}

fn words(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

// The attribute as a whole.

pub(crate) fn bare_attribute(place: Place) -> String {
    let attribute = place.attribute();
    if place.has_name() {
        let name = example_name(place);
        format!("`#[{attribute}]` says nothing\nhelp: write `#[{attribute}(\"{name}\")]`")
    } else if place == Place::ProcessManager {
        format!("`#[{attribute}]` says nothing\nhelp: write `#[{attribute}(reacts(OrderPlaced))]`")
    } else {
        format!("`#[{attribute}]` says nothing\nhelp: remove it")
    }
}

pub(crate) fn attribute_with_equals(place: Place, value: &str) -> String {
    let attribute = place.attribute();
    let inside = if value.starts_with('"') { value } else { ".." };
    format!(
        "`{attribute}` takes its contents in parentheses\nhelp: write `#[{attribute}({inside})]`"
    )
}

pub(crate) fn expected_comma() -> String {
    "expected `,` before this".to_owned()
}

pub(crate) fn expected_key(place: Place) -> String {
    format!(
        "expected a key of `#[{}(..)]`\n{}",
        place.attribute(),
        keys_help(place)
    )
}

fn keys_help(place: Place) -> String {
    let keys = place.keys();
    let item = place.item();
    match keys {
        [] => format!("help: {item} has no keys; they stand on the struct"),
        many => format!("help: the keys on {item} are {}", words(many)),
    }
}

pub(crate) fn unknown_key(
    place: Place,
    word: &str,
    guess: Option<&'static str>,
    rest: &str,
) -> String {
    let attribute = place.attribute();
    let item = place.item();
    if place == Place::ShapePart && Place::ShapeField.keys().contains(&word) {
        return format!(
            "`{word}` does not belong here: only named fields of a struct have a history in `#[shape(..)]`\n\
             help: on the field of an event write `#[event({word} ..)]`"
        );
    }
    if let Some(other) = place.belongs(word) {
        return format!(
            "`{word}` does not belong on {item}\nhelp: move it to the `#[{attribute}(..)]` on {}",
            match (place, other) {
                (Place::VariantField, Place::EventVariant) => "the variant",
                _ => other.the_item(),
            }
        );
    }
    let value = rest.trim_start_matches('=').trim();
    match (attribute, word) {
        (_, "name") if place.has_name() => {
            let value = if value.starts_with('"') {
                value.to_owned()
            } else {
                format!("\"{}\"", example_name(place))
            };
            return format!(
                "the stored name stands alone, without a key\nhelp: write `#[{attribute}({value})]`"
            );
        }
        ("event", "name") if place == Place::EventEnum => return no_name_here(place),
        ("event", "id") => {
            return "an event has no `id` of its own: it belongs to the stream of its aggregate\n\
                    help: write `id = ..` on the aggregate, or make it a field of the event if others need it"
                .to_owned();
        }
        ("projection" | "subscription", "ignore") => {
            return "`ignore` has no meaning here: events that are not listed are not read\n\
                    help: remove it"
                .to_owned();
        }
        ("aggregate", "event") => {
            return "unknown key `event` in `#[aggregate(..)]`\nhelp: list the events: `events(OrderPlaced)`"
                .to_owned();
        }
        ("aggregate", "command") => {
            return "unknown key `command` in `#[aggregate(..)]`\nhelp: list the commands: `commands(PlaceOrder)`"
                .to_owned();
        }
        ("aggregate", "every") => {
            return "`every` belongs inside `snapshot(..)`\nhelp: write `snapshot(every = 100)`"
                .to_owned();
        }
        ("aggregate", "fold_rev") => {
            return "`fold_rev` belongs inside `snapshot(..)`\n\
                    help: write `snapshot(every = 100, fold_rev = 1)`"
                .to_owned();
        }
        ("aggregate", "ignore") => {
            return "`ignore(..)` belongs inside `events(..)`\nhelp: write `events(OrderPlaced, ignore(ReceiptSent))`"
                .to_owned();
        }
        ("aggregate", "version") => {
            return "an aggregate has no version: its state is rebuilt from events\n\
                    help: remove it; events have versions"
                .to_owned();
        }
        _ => {}
    }
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => keys_help(place),
    };
    format!("unknown key `{word}` in `#[{attribute}(..)]`\n{help}")
}

pub(crate) fn duplicate_key(name: &str, keep_one: &str) -> String {
    format!("`{name}` is given twice\nhelp: {keep_one}")
}

pub(crate) fn key_needs_equals(name: &str, example: &str) -> String {
    format!("`{name}` needs a value\nhelp: write `{example}`")
}

pub(crate) fn key_with_parentheses(name: &str, example: &str) -> String {
    format!("the value of `{name}` stands behind `=`\nhelp: write it like `{example}`")
}

pub(crate) fn key_without_value(name: &str, example: &str) -> String {
    format!("there is no value after `{name} =`\nhelp: write `{example}`")
}

// Stored names.

pub(crate) fn no_name_here(place: Place) -> String {
    match place {
        Place::EventEnum => "an enum of events has no stored name: each variant has one\n\
             help: move it to `#[event(..)]` on the variant"
            .to_owned(),
        Place::ProcessManager => "a process manager has the name of its aggregate\n\
             help: move it to `#[aggregate(..)]`"
            .to_owned(),
        other => format!("{} has no stored name\nhelp: remove it", other.item()),
    }
}

pub(crate) fn name_not_a_string(place: Place, given: &str) -> String {
    format!(
        "the stored name must be a string literal\nhelp: write `#[{}(\"{}\")]` instead of `{given}`",
        place.attribute(),
        example_name(place)
    )
}

pub(crate) fn name_without_quotes(place: Place, given: &str) -> String {
    let name = if given.contains("::") || given.contains('(') {
        example_name(place)
    } else {
        given
    };
    format!(
        "the stored name must be a string literal\nhelp: write `#[{}(\"{name}\")]`",
        place.attribute()
    )
}

pub(crate) fn second_name(place: Place) -> String {
    format!(
        "{} has one stored name, and this is the second\nhelp: keep one of them",
        place.item()
    )
}

pub(crate) fn empty_name(place: Place) -> String {
    format!(
        "the stored name is empty\nhelp: write one such as `\"{}\"`",
        example_name(place)
    )
}

pub(crate) fn long_name(bytes: usize) -> String {
    format!(
        "the stored name has {bytes} bytes, and 128 are the most\nhelp: it is stored with every event; a few words are enough"
    )
}

pub(crate) fn name_with(place: Place, name: &str, character: char) -> String {
    let help = if character.is_whitespace() {
        format!("help: write `\"{}\"`", joined(name))
    } else {
        format!("help: write one such as `\"{}\"`", example_name(place))
    };
    format!(
        "a stored name has only ASCII letters, digits and `. _ - : /`, and {character:?} is none of them\n{help}"
    )
}

fn joined(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join("-")
}

pub(crate) fn name_edge(name: &str, character: char) -> String {
    let inner = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let help = if inner.is_empty() {
        String::new()
    } else {
        format!("\nhelp: write `\"{inner}\"`")
    };
    format!("a stored name starts and ends with a letter or a digit, not with `{character}`{help}")
}

// Versions and other values.

pub(crate) fn version_zero() -> String {
    "event versions start at 1\nhelp: write `version = 1` for the first recorded shape".to_owned()
}

pub(crate) fn version_too_large() -> String {
    "`version` must be a whole number from 1 to 65535".to_owned()
}

pub(crate) fn version_not_a_number() -> String {
    "`version` must be a whole number from 1 to 65535\nhelp: write `version = 1`".to_owned()
}

pub(crate) fn version_quoted(text: &str) -> String {
    let number = match text.trim().parse::<u16>() {
        Ok(number) if number > 0 => number,
        _ => 1,
    };
    format!(
        "`version` must be a number, not a string\nhelp: write `version = {number}` without quotes"
    )
}

pub(crate) fn version_suffixed(digits: &str, suffix: &str) -> String {
    format!("`version` takes a plain number\nhelp: write `version = {digits}` without `{suffix}`")
}

pub(crate) fn version_not_a_literal() -> String {
    "`version` must be a literal: the derive reads it before any constant has a value\n\
     help: write the number itself, such as `version = 1`"
        .to_owned()
}

pub(crate) fn crate_not_a_path() -> String {
    "`crate` takes the path of es-runtime\nhelp: write `crate = \"::es_runtime\"`".to_owned()
}

pub(crate) fn crate_path_is_relative(path: &str) -> String {
    format!(
        "`crate` needs an absolute path: it is used in several places\nhelp: write `crate = \"::{path}\"` for a dependency, `crate = \"crate::{path}\"` for a module of this crate"
    )
}

pub(crate) fn not_a_type(key: &str, example: &str) -> String {
    format!("`{key}` takes a type\nhelp: write it like `{example}`")
}

pub(crate) fn type_quoted(key: &str, text: &str) -> String {
    format!("`{key}` takes a type, not a string\nhelp: write `{key} = {text}` without quotes")
}

pub(crate) fn not_a_new_name(key: &str, example: &str) -> String {
    format!("`{key}` takes the name of the enum to generate\nhelp: write it like `{example}`")
}

// `#[derive(Event)]`.

/// `of` is the enum of a variant.
pub(crate) fn event_without_name(ident: &str, of: Option<&str>, has_attribute: bool) -> String {
    let of = of.map(|name| name.strip_suffix("Event").unwrap_or(name));
    let name = dotted(&format!("{}{ident}", of.unwrap_or_default()));
    if has_attribute {
        format!(
            "event `{ident}` has no stored name\nhelp: put it first: `#[event(\"{name}\", ..)]`; it is stored, so it is never taken from the Rust name"
        )
    } else {
        format!(
            "event `{ident}` has no stored name\nhelp: add `#[event(\"{name}\")]`; it is stored, so it is never taken from the Rust name"
        )
    }
}

/// `OrderPlaced` to `order.placed`, for examples.
fn dotted(ident: &str) -> String {
    let mut name = String::new();
    for c in ident.chars().filter(char::is_ascii_alphanumeric) {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('.');
        }
        name.push(c.to_ascii_lowercase());
    }
    if name.is_empty() {
        "order.placed".to_owned()
    } else {
        name
    }
}

pub(crate) fn event_on_union() -> String {
    "`Event` can be derived for structs and enums only\nhelp: make it a struct with named fields"
        .to_owned()
}

pub(crate) fn event_generic() -> String {
    "an event cannot be generic: one stored name has one shape\nhelp: write one struct for each payload type"
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

/// `nested` is whether the attribute has parentheses, as in `rename(serialize = "a")`.
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
            "the stored name stands beside the payload, never inside it",
            "remove it; the payload has the fields only",
        ),
        (On::Field | On::VersionedField, "alias") => (
            "two stored names of one field would blur what a version looks like",
            "remove it; `#[serde(rename = \"..\")]` keeps a stored name under a new Rust name",
        ),
        (On::Variant, "alias") => (
            "the stored name is the one in `#[event(..)]`",
            "remove it; a variant can be renamed freely",
        ),
        (On::Container | On::Versioned, "default") => (
            "a damaged payload would be read as one with other values",
            "remove it; make a field that may be absent an `Option`",
        ),
        (On::Field, "default") => (
            "a payload without the field would be read as one with another value",
            "remove it; make a field that may be absent an `Option`",
        ),
        (On::Container, "transparent") => (
            "the payload would be the bare value, which can never gain a field",
            "remove it; the payload keeps its field's name",
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
            "the stored form would not be that of its fields, which the versions describe",
            "remove it, or keep the older type under another name for `was(type = ..)`",
        ),
        (On::Field | On::VersionedField, "skip" | "skip_serializing" | "skip_deserializing") => (
            "the field would be lost between writing and reading",
            "remove it, or keep what is not stored out of the event",
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
                "what is written under one name must be read under the same",
                "give one name for both ways",
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
    };
    Some(format!(
        "`#[serde({shown})]` is not allowed on {whose}: {why}\nhelp: {help}"
    ))
}

// Retired names.

pub(crate) fn retire_form(key: &str) -> String {
    match key {
        "drop" => "`drop` takes the stored names that stand for nothing any more\nhelp: write it like `drop(\"order.blinked\")`",
        "alias" => "`alias` takes a stored name and the event that it is read as\nhelp: write it like `alias(\"OrderShipped\" => OrderShipped)`",
        _ => "`split` takes an event and a function to several events\nhelp: write it like `split(legacy::PlacedAndPaid, with = split_paid)`",
    }
    .to_owned()
}

pub(crate) fn retired_twice(name: &str) -> String {
    format!("`{name}` is retired twice\nhelp: keep one of them")
}

pub(crate) fn alias_not_listed(event: &str) -> String {
    format!(
        "`{event}` is not an event of this set, so no name can be read as it\nhelp: list it, or name one that is listed"
    )
}

pub(crate) fn retire_without_list(key: &str) -> String {
    format!(
        "`{key}` belongs to a list `events(..)`, and `events = ..` is a set of its own\n\
         help: move it to the `#[event(..)]` on that enum"
    )
}

/// What the const check of retired names says; rustc puts it behind `evaluation panicked:`.
pub(crate) fn retired_is_live(name: &str) -> String {
    format!(
        "{name} is retired, and it is still the stored name of an event of this set or retired twice"
    )
}

// Shapes.

pub(crate) fn shape_not_a_word(key: &str, example: &str) -> String {
    format!("`{key}` takes a text\nhelp: write it like `{example}`")
}

pub(crate) fn flag_with_value(key: &str) -> String {
    format!("`{key}` takes no value\nhelp: write just `{key}`")
}

pub(crate) fn shape_on_union() -> String {
    "`Shape` can be derived for structs and enums only\nhelp: make it an enum".to_owned()
}

pub(crate) fn shape_without_versions() -> String {
    "only a struct with named fields can have versions of its own\n\
     help: remove `version`, and keep the older type under another name for `was(type = ..)`"
        .to_owned()
}

pub(crate) fn shape_generic_with_versions() -> String {
    "a generic type cannot have versions of its own\n\
     help: remove `version`, and keep the older type under another name for `was(type = ..)`"
        .to_owned()
}

pub(crate) fn shape_lifetime(lifetime: &str) -> String {
    format!("a type inside events owns its data\nhelp: use `String` instead of `&{lifetime} str`")
}

// The history of an event.

pub(crate) fn group_form(group: &str, example: &str) -> String {
    format!("`{group}` takes its contents in parentheses\nhelp: write it like `{example}`")
}

pub(crate) fn expected_key_of_group(group: &str, known: &[&str]) -> String {
    format!(
        "expected a key of `{group}(..)`\nhelp: its keys are {}",
        words(known)
    )
}

pub(crate) fn unknown_key_of_group(
    group: &str,
    word: &str,
    guess: Option<&str>,
    known: &[&str],
) -> String {
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => format!("help: its keys are {}", words(known)),
    };
    format!("unknown key `{word}` in `{group}(..)`\n{help}")
}

pub(crate) fn not_a_version(key: &str) -> String {
    format!("`{key}` takes the number of a version\nhelp: write it like `{key} = 2`")
}

pub(crate) fn field_name_not_a_string(given: &str) -> String {
    format!("the stored name of a field is a string\nhelp: write `name = \"{given}\"`")
}

pub(crate) fn function_is_a_closure(key: &str, example: &str) -> String {
    format!(
        "`{key}` takes the path of a function: a closure has no name that tests and messages could use\n\
         help: write a `fn` and give its name, like `{example}`"
    )
}

pub(crate) fn function_quoted(key: &str, text: &str) -> String {
    format!(
        "`{key}` takes the path of a function, not a string\nhelp: write `{key} = {text}` without quotes"
    )
}

pub(crate) fn not_a_function(key: &str, example: &str) -> String {
    format!("`{key}` takes the path of a function\nhelp: write it like `{example}`")
}

pub(crate) fn was_without_before() -> String {
    "`was(..)` does not say until when\nhelp: add `before = ` and the version in which it changed"
        .to_owned()
}

/// `with` is whether a function is given.
pub(crate) fn was_without_change(with: bool) -> String {
    if with {
        "`was(..)` changes neither the name nor the type\n\
         help: an old value cannot be told from a new one then; give the field a new name and write the old one here: `name = \"..\"`"
    } else {
        "`was(..)` does not say what changed\nhelp: add `name = \"..\"`, `type = ..` or both, as they were before"
    }
    .to_owned()
}

pub(crate) fn removed_form() -> String {
    "`removed(..)` begins with a field as it was declared\n\
     help: write it like `removed(coupon: Option<String>, in = 3)`"
        .to_owned()
}

pub(crate) fn removed_without_in(field: &str) -> String {
    format!(
        "`removed({field}: ..)` does not say when\nhelp: add `in = ` and the first version without `{field}`"
    )
}

/// On an attribute inside of `removed(..)` or `was(..)`.
pub(crate) fn attribute_of_the_past() -> String {
    "only `#[serde(..)]`, `#[shape(..)]` and documentation say how a field was stored\nhelp: remove it"
        .to_owned()
}

pub(crate) fn was_attribute_alone() -> String {
    "an attribute in `was(..)` stands before `type`: it is what stood on the field while it had that type\n\
     help: write it like `was(#[serde(with = \"hex\")] type = u32, before = 2)`"
        .to_owned()
}

pub(crate) fn first_and_after() -> String {
    "a field cannot have stood first and behind another one\nhelp: remove `first` or `after`"
        .to_owned()
}

pub(crate) fn after_not_a_field() -> String {
    "`after` takes the name of a field\nhelp: write it like `after = customer`".to_owned()
}

pub(crate) fn after_unknown(field: &str) -> String {
    format!(
        "there is no field `{field}` here\nhelp: name a field of the event, or one of an earlier `removed(..)`"
    )
}

pub(crate) fn since_first() -> String {
    "`since = 1` says nothing: every field is there since version 1 unless it says otherwise\nhelp: remove it"
        .to_owned()
}

pub(crate) fn since_later(since: u16, newest: u16) -> String {
    format!(
        "`since = {since}` is later than the event's version {newest}\nhelp: raise the event to `version = {since}`"
    )
}

pub(crate) fn default_without_since(field: &str) -> String {
    format!(
        "`default` is for stored events that have no `{field}`, and without `since` every event has it\n\
         help: add `since = ` and the version that added the field, or remove `default`"
    )
}

pub(crate) fn added_without_default(field: &str, since: u16) -> String {
    format!(
        "events stored before version {since} have no value for `{field}`\n\
         help: add `default = ..` beside `since`, or make the field an `Option`"
    )
}

pub(crate) fn before_later(before: u16, newest: u16) -> String {
    format!(
        "`before = {before}` is later than the event's version {newest}\n\
         help: raise the event to `version = {before}`, or name the version in which it changed"
    )
}

pub(crate) fn before_first(before: u16, since: u16) -> String {
    format!(
        "the field is there since version {since}, so nothing was `before = {before}`\n\
         help: name the version in which it changed, {} or later",
        u32::from(since) + 1
    )
}

pub(crate) fn two_changes(before: u16) -> String {
    format!(
        "two changes of one field in version {before}\nhelp: merge them into one `was(name = .., type = .., before = {before})`"
    )
}

pub(crate) fn removed_out_of_range(given: u16, newest: u16) -> String {
    let help = if given > newest {
        format!(
            "help: raise the event to `version = {given}`, or name the first version without the field"
        )
    } else {
        "help: name the first version without the field, 2 or later".to_owned()
    };
    format!("no field was removed `in = {given}`: the event has versions up to {newest}\n{help}")
}

pub(crate) fn removed_before_added(since: u16, until: u16) -> String {
    format!(
        "a field cannot be removed in version {until} and there since version {since}\n\
         help: `since` is the first version with it, `in` the first without it"
    )
}

pub(crate) fn same_shape(number: u16, name: &str) -> String {
    format!(
        "versions {} and {number} of `{name}` have the same shape\n\
         help: say what changed with `since` or `was(..)` on a field or with `removed(..)`, or lower `version`; a new meaning needs a new event",
        number.saturating_sub(1)
    )
}

/// `removed` is whether one of them stands in `removed(..)`.
pub(crate) fn two_fields(version: u16, name: &str, removed: bool) -> String {
    let help = if removed {
        "help: if it is the field that is there today, remove this and write `was(..)` on that one if it changed"
    } else {
        "help: only one field can have had this name; correct `name` or `before`"
    };
    format!("version {version} would have two fields named `{name}`\n{help}")
}

pub(crate) fn previous_not_a_path() -> String {
    "`previous` takes the type that is the version before\nhelp: write it like `previous = v1::OrderPlaced`"
        .to_owned()
}

pub(crate) fn previous_of_first() -> String {
    "version 1 has no `previous`\nhelp: remove it, or raise `version`".to_owned()
}

pub(crate) fn previous_and_history(newest: u16) -> String {
    format!(
        "the versions before {newest} are described twice: by `previous` and here\n\
         help: keep `since`, `was`, `removed` and steps on the type behind `previous`, or remove `previous`"
    )
}

pub(crate) fn previous_is_itself(ident: &str) -> String {
    format!(
        "`{ident}` cannot be its own previous version\nhelp: keep the older struct under another path, such as `v1::{ident}`"
    )
}

/// What the const check of `previous` says; rustc puts it behind `evaluation panicked:`.
pub(crate) fn previous_has_another_name(path: &str, name: &str) -> String {
    format!("`previous` must be an older version of `{name}`, and `{path}` has another stored name")
}

/// The same for its version.
pub(crate) fn previous_has_another_version(path: &str, newest: u16) -> String {
    format!(
        "`previous` of version {newest} must be version {}, and `{path}` is not",
        newest.saturating_sub(1)
    )
}

pub(crate) fn step_form(key: &str, example: &str) -> String {
    format!(
        "`{key}` names a version and the function that leads on from it\nhelp: write it like `{example}`"
    )
}

pub(crate) fn step_with_more(key: &str) -> String {
    format!("`{key}(..)` is one step\nhelp: write another `{key}(..)` for the next one")
}

pub(crate) fn step_beyond(from: u16, newest: u16) -> String {
    let last = newest.saturating_sub(1);
    let help = match last {
        0 => "help: raise `version` first; the step leads from the version before".to_owned(),
        1 => "help: the only step is from version 1".to_owned(),
        last => format!("help: the steps are from versions 1 to {last}"),
    };
    if from == newest {
        format!("there is no step from version {from}: it is the newest\n{help}")
    } else {
        format!("there is no version {from}: the newest is {newest}\n{help}")
    }
}

pub(crate) fn two_steps(from: u16) -> String {
    format!(
        "the step from version {from} to {} is described twice\nhelp: keep one of them",
        u32::from(from) + 1
    )
}

pub(crate) fn step_and_field(from: u16, field: &str, key: &str) -> String {
    format!(
        "the step from version {from} to {} is described twice: here and by `{key}` on `{field}`\n\
         help: remove `{key}`, and let the function give `{field}` its value; or remove the step",
        u32::from(from) + 1
    )
}

// `#[derive(Aggregate)]`.

pub(crate) fn aggregate_not_a_struct() -> String {
    "`Aggregate` can only be derived for structs\nhelp: make the state a struct, such as `struct Order { status: Status }`; an enum fits in a field"
        .to_owned()
}

pub(crate) fn aggregate_generic(ident: &str) -> String {
    format!(
        "an aggregate cannot be generic: its stored name stands for one state\nhelp: write one struct for each, such as `struct {ident} {{ .. }}`"
    )
}

pub(crate) fn aggregate_without_name(ident: &str, has_attribute: bool) -> String {
    let name = dotted(ident);
    if has_attribute {
        format!(
            "aggregate `{ident}` has no stored name\nhelp: put it first: `#[aggregate(\"{name}\", ..)]`; it is stored, so it is never taken from the Rust name"
        )
    } else {
        format!(
            "aggregate `{ident}` has no `#[aggregate(..)]`\nhelp: add `#[aggregate(\"{name}\", id = {ident}Id, error = {ident}Error, events(..))]`"
        )
    }
}

pub(crate) fn aggregate_without_id(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no id type\nhelp: add `id = {ident}Id` to `#[aggregate(..)]`; any type with `Display` and `FromStr` is one, such as `String`"
    )
}

pub(crate) fn aggregate_without_error(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no error type\nhelp: add `error = {ident}Error` to `#[aggregate(..)]`; use `std::convert::Infallible` if no command is refused"
    )
}

pub(crate) fn aggregate_without_events(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no events\nhelp: add `events(..)` with every event that can stand in its stream"
    )
}

pub(crate) fn events_empty() -> String {
    "an aggregate needs at least one event\nhelp: list them: `events(OrderPlaced, OrderShipped)`"
        .to_owned()
}

pub(crate) fn commands_empty() -> String {
    "the list of commands is empty\nhelp: remove `commands()`; the list only makes an enum of them"
        .to_owned()
}

pub(crate) fn events_need_a_list() -> String {
    "`events` takes a list of events or an enum\nhelp: write `events(OrderPlaced)` or `events = OrderEvent`"
        .to_owned()
}

pub(crate) fn commands_need_a_list() -> String {
    "`commands` takes a list\nhelp: write `commands(PlaceOrder)`".to_owned()
}

pub(crate) fn commands_with_equals(given: &str) -> String {
    format!(
        "`commands` takes a list\nhelp: write `commands({given})`; an enum of commands needs no list, only `impl Handle<{given}>`"
    )
}

pub(crate) fn not_a_listed_type(what: &str) -> String {
    format!("expected the path of {what}\nhelp: list types, separated by commas")
}

pub(crate) fn listed_by_stored_name(what: &str, name: &str) -> String {
    format!(
        "{what} is listed by its type, not by a stored name\nhelp: write the type whose name is `\"{name}\"`"
    )
}

pub(crate) fn listed_with_arguments(path: &str, what: &str) -> String {
    format!(
        "{what} in a list cannot have type arguments\nhelp: name it first: `type Name = {path}<..>;`"
    )
}

pub(crate) fn listed_with_fields(path: &str, what: &str) -> String {
    format!("{what} is listed by its type only\nhelp: write just `{path}` and define it elsewhere")
}

pub(crate) fn key_inside_a_list(key: &str, what: &str) -> String {
    format!("expected the path of {what}, found the key `{key}`\nhelp: close the list before it")
}

pub(crate) fn unknown_group(
    word: &str,
    what: &str,
    guess: Option<&str>,
    groups: &[&str],
) -> String {
    let help = match (guess, groups) {
        (Some(guess), _) => format!("help: a group with a similar name exists: `{guess}(..)`"),
        (None, [group, ..]) => format!("help: the only group here is `{group}(..)`"),
        (None, []) => format!("help: write just `{word}`"),
    };
    format!("expected the path of {what}, found `{word}(..)`\n{help}")
}

pub(crate) fn alias_not_a_name(path: &str) -> String {
    format!("`as` takes the name of the variant\nhelp: write it like `{path} as OtherName`")
}

pub(crate) fn listed_twice(path: &str) -> String {
    format!("`{path}` is already in this list\nhelp: remove it here")
}

pub(crate) fn applied_and_ignored(path: &str) -> String {
    format!(
        "`{path}` is both applied and ignored\nhelp: remove it from `ignore(..)` or from the list"
    )
}

pub(crate) fn variant_taken(variant: &str, path: &str) -> String {
    format!(
        "two variants would be called `{variant}`\nhelp: give this one another name: `{path} as Other{variant}`"
    )
}

pub(crate) fn every_zero() -> String {
    "a snapshot every 0 events is impossible\nhelp: write 1 or more, or remove `snapshot(..)`"
        .to_owned()
}

pub(crate) fn every_not_a_number() -> String {
    "`every` must be a number of events, 1 or more\nhelp: write `every = 100`".to_owned()
}

pub(crate) fn fold_rev_not_a_number() -> String {
    "`fold_rev` must be a number from 0 to 4294967295\nhelp: write `fold_rev = 1`".to_owned()
}

pub(crate) fn snapshot_needs_every(given: &str) -> String {
    format!("`{given}` does not say how often\nhelp: write `snapshot(every = 100)`")
}

pub(crate) fn unknown_snapshot_key(word: &str, guess: Option<&str>) -> String {
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => {
            "help: its keys are `every` and `fold_rev`, as in `snapshot(every = 100)`".to_owned()
        }
    };
    format!("unknown key `{word}` in `snapshot(..)`\n{help}")
}

pub(crate) fn codec_not_a_string() -> String {
    "`codec` takes the name of a codec\nhelp: write `codec = \"json\"` or `codec = \"postcard\"`"
        .to_owned()
}

pub(crate) fn unknown_codec(name: &str, guess: Option<&str>) -> String {
    let help = match guess {
        Some(guess) => format!("help: a codec with a similar name exists: `\"{guess}\"`"),
        None => "help: the codecs are `\"json\"` and `\"postcard\"`".to_owned(),
    };
    format!("there is no codec `{name}`\n{help}")
}

pub(crate) fn event_enum_without_list() -> String {
    "`event_enum` names a generated enum, and `events = ..` generates none\nhelp: remove it"
        .to_owned()
}

pub(crate) fn event_enum_listed(name: &str) -> String {
    format!(
        "`{name}` is also the name of the enum that is generated from this list\nhelp: if `{name}` is your enum of events, write `events = {name}`; else name the generated one, such as `event_enum = {name}s`"
    )
}

pub(crate) fn command_enum_without_list() -> String {
    "`command_enum` names a generated enum, and there is no `commands(..)` to make one of\nhelp: remove it or list the commands"
        .to_owned()
}

pub(crate) fn enum_name_taken(name: &str) -> String {
    format!("two generated enums would be called `{name}`\nhelp: give one of them another name")
}

/// What the const check of stored names says; rustc puts it behind `evaluation panicked:`.
pub(crate) fn stored_name_repeated(aggregate: &str, path: &str) -> String {
    format!(
        "two events of `{aggregate}` have the same stored name: `{path}` repeats that of an earlier event in the list"
    )
}

// Writing an older version.

pub(crate) fn write_newest(given: u16, newest: u16) -> String {
    if given == newest {
        format!("`write = {given}` is already the newest version\nhelp: remove it")
    } else {
        format!(
            "`write = {given}` is newer than the event, which has version {newest}\nhelp: remove it"
        )
    }
}

pub(crate) fn write_too_old(given: u16, newest: u16) -> String {
    let before = newest.saturating_sub(1);
    format!(
        "`write = {given}` is more than one version back from {newest}\nhelp: write `write = {before}`, and deploy the versions one after the other"
    )
}

pub(crate) fn write_without_fields(key: &str) -> String {
    format!(
        "`write` goes back field by field, and `{key}` does not say how\nhelp: describe the newest change with `since`, `was` and `removed`, or deploy what reads it before what writes it"
    )
}

pub(crate) fn no_way_back(newest: u16, before: u16, field: &str, removed: bool) -> String {
    let help = if removed {
        "help: add `back = ..` with the value to write to its `removed`"
    } else {
        "help: add `back = path` to its `was`"
    };
    format!("no way back from version {newest} to {before}: `{field}` has no `back`\n{help}")
}

pub(crate) fn back_without_type() -> String {
    "`back` is for a change of type: a field that is only renamed goes back by itself\nhelp: remove it"
        .to_owned()
}

// Projections and subscriptions.

pub(crate) fn consumer_not_a_struct(place: Place) -> String {
    format!(
        "{} is a struct, which may hold what its handlers need\nhelp: write `struct` here",
        place.item()
    )
}

pub(crate) fn consumer_generic(place: Place) -> String {
    format!(
        "{} cannot be generic: its name stands for one checkpoint\nhelp: put a `Box<dyn ..>` into a field, or write one struct for each",
        place.item()
    )
}

pub(crate) fn consumer_without_name(place: Place, ident: &str, has_attribute: bool) -> String {
    let attribute = place.attribute();
    let name = dotted(ident).replace('.', "_");
    if has_attribute {
        format!(
            "{attribute} `{ident}` has no name\nhelp: put it first: `#[{attribute}(\"{name}\", ..)]`; its checkpoint is kept under it"
        )
    } else {
        let rest = if place == Place::Projection {
            ", schema(..)"
        } else {
            ""
        };
        format!(
            "{attribute} `{ident}` has no `#[{attribute}(..)]`\nhelp: add `#[{attribute}(\"{name}\", events(..){rest})]`"
        )
    }
}

pub(crate) fn consumer_without_events(place: Place, ident: &str) -> String {
    let attribute = place.attribute();
    format!(
        "{attribute} `{ident}` lists no events\nhelp: add `events(OrderPlaced)` with every event that it handles"
    )
}

pub(crate) fn projection_without_schema(ident: &str) -> String {
    format!(
        "projection `{ident}` has no tables\nhelp: add `schema(Sqlite = include_str!(\"tables.sql\"))`; in the statements `{{name}}` stands for a table of its own"
    )
}

pub(crate) fn list_needs_parentheses(key: &str, given: &str) -> String {
    let given = if given.is_empty() {
        "OrderPlaced"
    } else {
        given
    };
    format!(
        "`{key}` takes a list\nhelp: write `{key}({given})`; an enum of events can stand in the list too"
    )
}

pub(crate) fn list_empty(key: &str) -> String {
    format!(
        "the list of events is empty, so nothing would ever be handled\nhelp: list them: `{key}(OrderPlaced, OrderShipped)`"
    )
}

// Process managers.

pub(crate) fn process_without_inputs(ident: &str) -> String {
    format!(
        "process manager `{ident}` reacts to nothing\nhelp: add `#[process_manager(reacts(OrderPlaced))]` with every event that it reacts to"
    )
}

pub(crate) fn alias_without_enum() -> String {
    "`as` names the variant of a generated enum, and none is generated here\nhelp: write the path alone"
        .to_owned()
}

pub(crate) fn schema_form() -> String {
    "`schema` names the read database and the statements that make the tables\nhelp: write `schema(Sqlite = include_str!(\"tables.sql\"))`"
        .to_owned()
}

pub(crate) fn database_twice(database: &str) -> String {
    format!("`{database}` has a schema already\nhelp: keep one of them")
}

pub(crate) fn not_one_of(key: &str, words: [&str; 2], guess: Option<&str>) -> String {
    let [usual, other] = words;
    match guess {
        Some(guess) => {
            format!("`{key}` is `{usual}` or `{other}`\nhelp: write `{key} = {guess}`")
        }
        None => format!(
            "`{key}` is `{usual}` or `{other}`\nhelp: remove it for `{usual}`, or write `{key} = {other}`"
        ),
    }
}

pub(crate) fn partitions_not_a_number() -> String {
    "`partitions` is a whole number from 1 to 1024\nhelp: write `partitions = 4`".to_owned()
}

// Sagas.

pub(crate) fn saga_not_on_impl() -> String {
    "`#[saga(..)]` stands on an `impl` block, since its methods are the steps\n\
     help: write `#[saga(\"fulfil-order\")] impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_without_name() -> String {
    "the saga has no name\nhelp: write `#[saga(\"fulfil-order\", ..)]`".to_owned()
}

pub(crate) fn saga_on_trait_impl() -> String {
    "a saga is an `impl` block of its own, not that of a trait\n\
     help: write `impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_generic() -> String {
    "a saga cannot be generic: its name stands for one list of steps\n\
     help: remove the parameters"
        .to_owned()
}

pub(crate) fn saga_without_steps() -> String {
    "the saga has no steps\nhelp: write `#[step(undo = ..)]` on each method that is one".to_owned()
}

pub(crate) fn not_a_method(word: &str) -> String {
    format!(
        "the value of `{word}` is not the name of a method of this block\n\
         help: write it like `{word} = refund`"
    )
}

pub(crate) fn not_a_time(word: &str) -> String {
    format!(
        "the value of `{word}` is not a time: a whole number with ms, s, m, h or d, in quotes\n\
         help: write it like `{word} = \"20s\"`"
    )
}

pub(crate) fn not_a_count(word: &str) -> String {
    format!("the value of `{word}` is not a whole number above 0\nhelp: write it like `{word} = 8`")
}

pub(crate) fn two_roles() -> String {
    "this method has another part in the saga already\nhelp: keep one of the attributes".to_owned()
}

pub(crate) fn role_of_no_method(role: &str) -> String {
    format!("`#[{role}]` stands on a method\nhelp: remove it here")
}

pub(crate) fn step_name_reserved(step: &str) -> String {
    format!(
        "a step cannot be called `{step}`, which is an end of the saga\n\
         help: give the method another name"
    )
}

pub(crate) fn step_async(step: &str, command: bool) -> String {
    if command {
        format!(
            "`{step}` only makes a command, so it cannot be `async`\n\
             help: remove `async`, or make it a `#[step]` if it calls out"
        )
    } else {
        format!(
            "step `{step}` calls out, so it must be `async`\n\
             help: write `async fn {step}`, or make it a `#[command]` if it returns one"
        )
    }
}

pub(crate) fn end_async(end: &str) -> String {
    format!("`{end}` only makes a command, so it cannot be `async`\nhelp: remove `async`")
}

pub(crate) fn two_ends(role: &str) -> String {
    format!("the saga has a method for `#[{role}]` already\nhelp: keep one of them")
}

pub(crate) fn step_without_undo(step: &str) -> String {
    format!(
        "step `{step}` does not say how it is undone\n\
         help: write `undo = ..` with an `#[undo]` method, `no_undo` if nothing is left to undo, or \
         `pivot` if there is no way back from it"
    )
}

pub(crate) fn two_ways_back(step: &str) -> String {
    format!(
        "step `{step}` says twice how it is undone\n\
         help: keep one of `undo`, `no_undo` and `pivot`"
    )
}

pub(crate) fn undo_behind_pivot(step: &str, pivot: &str) -> String {
    format!(
        "step `{step}` lies behind the pivot `{pivot}`, so its undo would never run\n\
         help: remove `undo`; it is tried again until it works"
    )
}

pub(crate) fn two_pivots(first: &str) -> String {
    format!(
        "the saga has a pivot already, `{first}`: there is one point of no return\n\
         help: remove `pivot` here"
    )
}

pub(crate) fn no_such_undo(name: &str) -> String {
    format!(
        "there is no `#[undo]` method `{name}` in this block\n\
         help: write `#[undo] async fn {name}(&self, did: Effect<&..>) -> Result<(), Fail>`"
    )
}

pub(crate) fn undo_of_no_step(name: &str) -> String {
    format!(
        "no step is undone by `{name}`\n\
         help: write `undo = {name}` on its step, or remove `#[undo]`"
    )
}

pub(crate) fn needs_self(name: &str) -> String {
    format!(
        "`{name}` must take `&self` first: what the saga is about is stored\nhelp: write `&self`"
    )
}

pub(crate) fn odd_parameter() -> String {
    "a parameter is known by its name here\nhelp: write it like `reserve: &Reservation`".to_owned()
}

pub(crate) fn output_of_later(step: &str) -> String {
    format!(
        "step `{step}` has not been done when this one runs\n\
         help: move the method below that of `{step}`, since steps run in their order"
    )
}

pub(crate) fn unknown_parameter(name: &str, deps: Option<&str>, steps: &[&str]) -> String {
    let deps = match deps {
        Some(deps) => format!("`&{deps}`"),
        None => "what `deps = ..` names".to_owned(),
    };
    let steps = match steps {
        [] => "no step comes before it".to_owned(),
        many => format!("the steps before it are {}", words(many)),
    };
    format!(
        "`{name}` is no step before this one, and its type is not one that is given\n\
         help: {steps}; besides there are {deps} and `&StepCx`, for an undo `Effect<&..>`, and for \
         `#[compensated]` `&Failure`"
    )
}
