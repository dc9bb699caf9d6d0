//! `#[derive(Fold)]`.

use super::words::dotted;

pub(crate) fn fold_not_a_struct() -> String {
    "`Fold` can only be derived for structs\nhelp: make the state a struct, such as `struct Seats { taken: u32 }`; an enum fits in a field"
        .to_owned()
}

pub(crate) fn fold_generic(ident: &str) -> String {
    format!(
        "a fold cannot be generic: its name stands for one state\nhelp: write one struct for each, such as `struct {ident} {{ .. }}`"
    )
}

pub(crate) fn fold_without_name(ident: &str, has_attribute: bool) -> String {
    let name = dotted(ident).replace('.', "_");
    if has_attribute {
        format!(
            "fold `{ident}` has no name\nhelp: write it first: `#[fold(\"{name}\", ..)]`; errors show it"
        )
    } else {
        format!(
            "fold `{ident}` has no `#[fold(..)]`\nhelp: add `#[fold(\"{name}\", by(CourseId), events(StudentSubscribed))]`"
        )
    }
}

pub(crate) fn fold_without_by(ident: &str) -> String {
    format!(
        "fold `{ident}` does not say by which tags it is read\n\
         help: add `by(CourseId)` with a type that derives `Tag`; it gets the events that have all tags of the list"
    )
}

pub(crate) fn fold_without_events(ident: &str) -> String {
    format!(
        "fold `{ident}` lists no events\nhelp: add `events(StudentSubscribed)` with every event that its state depends on"
    )
}

pub(crate) fn by_needs_a_list(key: &str, given: &str) -> String {
    let given = if given.is_empty() { "CourseId" } else { given };
    format!("`{key}` takes a list of tags\nhelp: write `{key}({given})`")
}

pub(crate) fn by_empty() -> String {
    "a fold is read by one tag at least\n\
     help: name it: `by(CourseId)`; for events without an id of their own make a constant: `#[derive(Tag)] #[tag(\"invoices\")] struct Invoices;`"
        .to_owned()
}

pub(crate) fn by_twice(tag: &str) -> String {
    format!("`{tag}` is in the list twice\nhelp: keep one of them")
}

/// What the const check says of an event; rustc puts it after `evaluation panicked:`.
pub(crate) fn event_without_tag(event: &str, tag: &str) -> String {
    format!(
        "`{event}` has no tag `{tag}`, so the fold would never get one\n\
         help: write `#[tag]` on a field of type `{tag}` in `{event}`, or remove it from `events(..)`"
    )
}
