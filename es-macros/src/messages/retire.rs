//! Names that are retired: `drop`, `alias` and `split`.

pub(crate) fn retire_form(key: &str) -> String {
    match key {
        "drop" => "`drop` takes the stored names of events that are no longer read\nhelp: write it like `drop(\"order.blinked\")`",
        "alias" => "`alias` takes a stored name and the event that it is read as\nhelp: write it like `alias(\"OrderShipped\" => OrderShipped)`",
        _ => "`split` takes an event and a function that turns it into several events\nhelp: write it like `split(legacy::PlacedAndPaid, with = split_paid)`",
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
        "`{key}` needs a list `events(..)`, and `events = ..` names an enum\n\
         help: move it to the `#[event(..)]` on that enum"
    )
}

/// What the const check of retired names says; rustc puts it after `evaluation panicked:`.
pub(crate) fn retired_is_live(name: &str) -> String {
    format!("{name} is retired twice, or it is still the stored name of an event of this set")
}
