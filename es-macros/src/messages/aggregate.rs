//! `#[derive(Aggregate)]`.

use super::words::dotted;

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
            "aggregate `{ident}` has no stored name\nhelp: write it first: `#[aggregate(\"{name}\", ..)]`; it is stored, so it is never derived from the Rust name"
        )
    } else {
        format!(
            "aggregate `{ident}` has no `#[aggregate(..)]`\nhelp: add `#[aggregate(\"{name}\", id = {ident}Id, error = {ident}Error, events(..))]`"
        )
    }
}

pub(crate) fn aggregate_without_id(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no id type\nhelp: add `id = {ident}Id` to `#[aggregate(..)]`; any type with `Display` and `FromStr` will do, such as `String`"
    )
}

pub(crate) fn aggregate_without_error(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no error type\nhelp: add `error = {ident}Error` to `#[aggregate(..)]`; use `std::convert::Infallible` if no command is ever rejected"
    )
}

pub(crate) fn aggregate_without_events(ident: &str) -> String {
    format!(
        "aggregate `{ident}` has no events\nhelp: add `events(..)` with every event that can occur in its stream"
    )
}

pub(crate) fn events_empty() -> String {
    "an aggregate needs at least one event\nhelp: list them: `events(OrderPlaced, OrderShipped)`"
        .to_owned()
}

pub(crate) fn commands_empty() -> String {
    "the list of commands is empty\nhelp: remove `commands()`; the list only generates an enum"
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

pub(crate) fn apply_revision_not_a_number() -> String {
    "`apply_revision` must be a number from 0 to 4294967295\nhelp: write `apply_revision = 1`"
        .to_owned()
}

pub(crate) fn snapshot_needs_every(given: &str, revision: Option<u32>) -> String {
    let revision = revision.map_or_else(String::new, |given| format!(", apply_revision = {given}"));
    format!("`{given}` does not say how often\nhelp: write `snapshot(every = 100{revision})`")
}

pub(crate) fn unknown_snapshot_key(word: &str, guess: Option<&str>) -> String {
    let help = match guess {
        Some(guess) => format!("help: a key with a similar name exists: `{guess}`"),
        None => "help: its keys are `every` and `apply_revision`, as in `snapshot(every = 100)`"
            .to_owned(),
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
        "`{name}` is also the name of the enum that is generated from this list\nhelp: if `{name}` is your enum of events, write `events = {name}`; otherwise rename the generated one, such as `event_enum = {name}s`"
    )
}

pub(crate) fn command_enum_without_list() -> String {
    "`command_enum` names a generated enum, and without `commands(..)` none is generated\nhelp: remove it, or list the commands"
        .to_owned()
}

pub(crate) fn enum_name_taken(name: &str) -> String {
    format!("two generated enums would be called `{name}`\nhelp: give one of them another name")
}

/// What the const check of stored names says, around the name and the path of the earlier event; rustc puts it
/// after `evaluation panicked:`.
pub(crate) fn stored_name_repeated(aggregate: &str) -> [String; 4] {
    [
        format!("two events of `{aggregate}` are stored as `"),
        "`: `".to_owned(),
        "` and `".to_owned(),
        "`\nhelp: give the newer one another name in its `#[event(..)]`; if they are one event, list it once"
            .to_owned(),
    ]
}
