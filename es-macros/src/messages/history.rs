//! The versions of an event: `since`, `was`, `removed`, `previous`, upcasters and `write`.

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
