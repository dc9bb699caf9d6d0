//! `#[derive(Decision)]`.

use super::words::{dotted, words};
use crate::ident;
use proc_macro2::Ident;

pub(crate) fn decision_not_a_struct() -> String {
    "a decision must be a struct: its fields name the aggregates to read\nhelp: write one struct for each decision, such as `struct Transfer { from: String, to: String }`"
        .to_owned()
}

pub(crate) fn decision_generic(ident: &str) -> String {
    format!(
        "a decision cannot be generic: its name stands for one decision\nhelp: write one struct for each, such as `struct {ident} {{ .. }}`"
    )
}

pub(crate) fn decision_without_named_fields(ident: &str) -> String {
    format!(
        "a decision needs named fields: `reads(..)` names those with the ids of the aggregates\nhelp: write `struct {ident} {{ name: Type }}`"
    )
}

pub(crate) fn decision_without_name(ident: &str, has_attribute: bool) -> String {
    let name = dotted(ident);
    if has_attribute {
        format!(
            "decision `{ident}` has no stored name\nhelp: write it first: `#[decision(\"{name}\", ..)]`; append ids are stored under it, so it is never derived from the Rust name"
        )
    } else {
        format!(
            "decision `{ident}` has no `#[decision(..)]`\nhelp: add `#[decision(\"{name}\", error = {ident}Error, reads(..))]`"
        )
    }
}

pub(crate) fn decision_without_error(ident: &str) -> String {
    format!(
        "decision `{ident}` has no error type\nhelp: add `error = {ident}Error` to `#[decision(..)]`; use `std::convert::Infallible` if it is never rejected"
    )
}

pub(crate) fn decision_without_reads(ident: &str) -> String {
    format!(
        "decision `{ident}` reads nothing\nhelp: add `reads(account: Account(account_id))`: a name, the aggregate, and the field with its id"
    )
}

pub(crate) fn reads_need_a_list() -> String {
    "`reads` takes a list\nhelp: write it like `reads(from: Account(from), to: Account(to))`: a name, the aggregate, and the field with its id"
        .to_owned()
}

pub(crate) fn reads_empty() -> String {
    "a decision reads at least one aggregate\nhelp: list them: `reads(from: Account(from), to: Account(to))`"
        .to_owned()
}

pub(crate) fn not_a_read() -> String {
    "expected an aggregate or a fold to read\nhelp: write it like `from: Account(from)`: a name, the aggregate, and the field with its id; a fold has a field for each of its tags"
        .to_owned()
}

pub(crate) fn read_without_name(name: &str, read: &str) -> String {
    format!(
        "this read has no name\nhelp: write `{name}: {read}`; `decide` finds it as `read.{name}`"
    )
}

pub(crate) fn read_of_no_type(name: &Ident) -> String {
    format!(
        "expected the type of an aggregate or a fold and a field\nhelp: write it like `{name}: Account(account_id)`"
    )
}

pub(crate) fn read_without_field(name: &Ident, aggregate: &str) -> String {
    format!(
        "`{name}` does not say which `{aggregate}` to read\nhelp: write the field with its id or tag: `{name}: {aggregate}(field)`; a fold by constant tags is written `{aggregate}()`"
    )
}

pub(crate) fn read_with_other_delimiter(name: &Ident, aggregate: &str, within: &str) -> String {
    format!(
        "the field with the id stands in parentheses\nhelp: write `{name}: {aggregate}({within})`"
    )
}

pub(crate) fn read_with_arguments(name: &Ident, aggregate: &str) -> String {
    format!(
        "a type in `reads(..)` cannot have type arguments\nhelp: name it first: `type Name = {aggregate}<..>;`, then write `{name}: Name(field)`"
    )
}

pub(crate) fn source_not_a_field(name: &Ident, aggregate: &str) -> String {
    format!(
        "expected names of fields of the decision\nhelp: write `{name}: {aggregate}(field)` with the field that has the id, or a field for each tag of a fold"
    )
}

pub(crate) fn not_a_field_name(word: &str, raw: bool) -> String {
    let help = if raw {
        format!("write `r#{word}`")
    } else {
        "use another name".to_owned()
    };
    format!("`{word}` cannot be the name of a field\nhelp: {help}")
}

pub(crate) fn read_twice(name: &Ident) -> String {
    format!("two reads are called `{name}`\nhelp: give this one another name")
}

pub(crate) fn stream_read_twice(source: &str, fields: &[String], other: &Ident) -> String {
    let of = match fields {
        [] => String::new(),
        [field] => format!(" of `{field}`"),
        many => {
            let many: Vec<_> = many.iter().map(String::as_str).collect();
            format!(" of {}", words(&many))
        }
    };
    format!(
        "this is the same read as `{other}`: the `{source}`{of}\nhelp: remove it and use `read.{other}`, or name another field"
    )
}

pub(crate) fn emits_need_a_list(given: &str) -> String {
    let given = if given.is_empty() {
        "StudentSubscribed"
    } else {
        given
    };
    format!("`emits` takes a list of events\nhelp: write `emits({given})`")
}

pub(crate) fn emits_empty() -> String {
    "the list of events is empty\n\
     help: remove `emits()`; it lists events with tags, and those of the aggregates in `reads(..)` need no list"
        .to_owned()
}

/// What the const check says of an event; rustc puts it after `evaluation panicked:`.
pub(crate) fn emitted_unseen(event: &str, decision: &str) -> String {
    format!(
        "no read of `{decision}` sees `{event}`, so two of these decisions at once would not see each other\n\
         help: read a fold that lists `{event}` by one of its tags, or write `emits(blind({event}))` if no rule of the decision depends on it"
    )
}

/// The same of an event without a home.
pub(crate) fn emitted_homeless(event: &str) -> String {
    format!(
        "`{event}` has no tag with exactly one value, so it has no stream to be written to\n\
         help: write `#[tag]` on the field that names the stream, or store it on an aggregate with `Emitted::on`"
    )
}

pub(crate) fn no_such_field(word: &str, fields: &[&Ident]) -> String {
    let names: Vec<String> = fields.iter().map(|field| ident::text(field)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = match (ident::similar(word, &names), names.as_slice()) {
        (Some(guess), _) => format!("a field with a similar name exists: `{guess}`"),
        (None, []) => "add a field with the id of the aggregate".to_owned(),
        (None, [one]) => format!("its only field is `{one}`"),
        (None, many) => format!("its fields are {}", words(many)),
    };
    format!("the decision has no field `{word}`\nhelp: {help}")
}

pub(crate) fn reads_struct_taken(ident: &str) -> String {
    format!(
        "`{ident}` is the decision itself, and `reads_struct` names what is generated for its reads\nhelp: remove it; the struct is then called `{ident}Reads`"
    )
}
