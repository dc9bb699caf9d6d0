//! `#[derive(Tag)]`, `#[tag]`, `tag(..)` and `home = ..`.

use super::words::{dotted, words};
use crate::ident;

pub(crate) fn tag_not_a_struct() -> String {
    "a tag is a struct: one field with its value, or none for a tag with one value\n\
     help: write `struct CourseId(String);`; for an enum implement `Tag` by hand"
        .to_owned()
}

pub(crate) fn tag_generic(ident: &str) -> String {
    format!(
        "a tag cannot be generic: its kind stands for one type\nhelp: write one struct for each, such as `struct {ident}(String);`"
    )
}

pub(crate) fn tag_with_fields(ident: &str, count: usize) -> String {
    format!(
        "a tag has one value, and `{ident}` has {count} fields\n\
         help: keep one field, such as `struct {ident}(String);`, or implement `Tag` by hand and make one text of them"
    )
}

pub(crate) fn tag_without_field(ident: &str) -> String {
    format!(
        "a tag without a field is written without parentheses and braces\nhelp: write `struct {ident};`"
    )
}

pub(crate) fn tag_without_kind(ident: &str, has_attribute: bool) -> String {
    let kind = dotted(ident.strip_suffix("Id").unwrap_or(ident)).replace('.', "_");
    if has_attribute {
        format!(
            "tag `{ident}` has no kind\nhelp: write it first: `#[tag(\"{kind}\")]`; it is stored, so it is never derived from the Rust name"
        )
    } else {
        format!(
            "tag `{ident}` has no `#[tag(..)]`\nhelp: add `#[tag(\"{kind}\")]`; the kind is stored"
        )
    }
}

pub(crate) fn kind_with_colon() -> String {
    "the kind of a tag ends at the first colon where it is stored, so it has none\n\
     help: use another character, such as `.`, `_` or `-`"
        .to_owned()
}

pub(crate) fn kind_too_long(bytes: usize) -> String {
    format!(
        "the kind of the tag has {bytes} bytes, and the limit is 64\nhelp: choose a shorter one"
    )
}

pub(crate) fn tag_on_field_of_tag() -> String {
    "`#[tag]` stands on the type here, or on the field of an event that has this type\nhelp: remove it"
        .to_owned()
}

pub(crate) fn tag_with_equals() -> String {
    "`tag` takes its arguments in parentheses\nhelp: write `#[tag]`, or `#[tag(as = CourseId)]` for a value that is to become a `CourseId`"
        .to_owned()
}

pub(crate) fn kind_on_field() -> String {
    "the kind of a tag belongs to its type, so that all events agree about it\n\
     help: write `#[tag]` here, and the kind on the type: `#[derive(Tag)] #[tag(\"course\")] struct CourseId(String);`"
        .to_owned()
}

pub(crate) fn constant_needs_parentheses() -> String {
    "`tag` on an event names the tags that each of them has\n\
     help: write it like `tag(Invoices)`, with `#[derive(Tag)] #[tag(\"invoices\")] struct Invoices;`; the tag of a field is written `#[tag]` on the field"
        .to_owned()
}

pub(crate) fn constant_not_a_path() -> String {
    "expected the name of a tag without a field\n\
     help: write it like `tag(Invoices)`; for a tag with a value write `#[tag]` on the field that has it"
        .to_owned()
}

pub(crate) fn home_not_a_field() -> String {
    "expected the name of a tagged field\nhelp: write it like `home = course`".to_owned()
}

pub(crate) fn home_without_tag(word: &str, is_field: bool, tagged: &[String]) -> String {
    let what = if is_field {
        format!("the field `{word}` is no tag, so it cannot name a stream")
    } else {
        format!("the event has no tag `{word}`")
    };
    let names: Vec<&str> = tagged.iter().map(String::as_str).collect();
    let help = match (is_field, ident::similar(word, &names), names.as_slice()) {
        (true, ..) => format!("write `#[tag]` on `{word}`"),
        (false, Some(guess), _) => format!("a tag with a similar name exists: `{guess}`"),
        (false, None, []) => "write `#[tag]` on the field that names the stream".to_owned(),
        (false, None, [one]) => format!("its only tag is `{one}`"),
        (false, None, many) => format!("its tags are {}", words(many)),
    };
    format!("{what}\nhelp: {help}")
}

pub(crate) fn home_of_several(word: &str) -> String {
    format!(
        "`{word}` may have no value or several, and an event is written to one stream\n\
         help: name a field that has exactly one value"
    )
}

pub(crate) fn tag_twice(field: &str) -> String {
    format!("the field `{field}` is this tag already\nhelp: remove one of the two")
}

pub(crate) fn constant_twice(path: &str) -> String {
    format!("the event has the tag `{path}` already\nhelp: remove one of the two")
}

pub(crate) fn tag_of_default(field: &str, since: u16) -> String {
    format!(
        "all events that are older than version {since} have the same default in `{field}`, so all of them would have one tag\n\
         help: make the field an `Option` without `default`, which is no tag in older events, or write `#[tag(default_ok)]` if the default is right for each of them"
    )
}

pub(crate) fn default_ok_without_default() -> String {
    "`default_ok` has no meaning here: this field has no `default` for older events\nhelp: remove it"
        .to_owned()
}

pub(crate) fn tag_of_the_past() -> String {
    "an older version has no tags of its own: they are those of the newest form of each event\n\
     help: remove it here; `#[tag]` stands on a field of the newest version"
        .to_owned()
}

pub(crate) fn tag_on_item() -> String {
    "`#[tag]` stands on the field that has the value\n\
     help: move it to a field; for a tag that each of these events has write `tag(..)` in `#[event(..)]`"
        .to_owned()
}

pub(crate) fn tag_on_aggregate() -> String {
    "events have tags, and the state of an aggregate has none\n\
     help: move `#[tag]` to the field of each event that has the value"
        .to_owned()
}
