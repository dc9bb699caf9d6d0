//! The versions of an event: `since`, `was`, `removed`, `previous`, upcasters and `write`.

pub(crate) fn not_a_version(key: &str) -> String {
    format!("`{key}` takes a version number\nhelp: write it like `{key} = 2`")
}

pub(crate) fn field_name_not_a_string(given: &str) -> String {
    format!("the stored name of a field must be a string\nhelp: write `name = \"{given}\"`")
}

pub(crate) fn function_is_a_closure(key: &str, example: &str) -> String {
    format!(
        "`{key}` takes the path of a function, not a closure: tests and messages need its name\n\
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
    "`was(..)` does not say when this changed\nhelp: add `before = ` and the version that changed it"
        .to_owned()
}

/// `with` is whether a function is given.
pub(crate) fn was_without_change(with: bool) -> String {
    if with {
        "`was(..)` changes neither the name nor the type\n\
         help: old and new values would look alike; give the field a new name and write the old one here: `name = \"..\"`"
    } else {
        "`was(..)` does not say what changed\nhelp: add `name = \"..\"`, `type = ..` or both, as they were before"
    }
    .to_owned()
}

pub(crate) fn removed_form() -> String {
    "`removed(..)` starts with the field as it was declared\n\
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
    "only `#[serde(..)]`, `#[shape(..)]` and doc comments can describe an older field\nhelp: remove it"
        .to_owned()
}

pub(crate) fn was_attribute_alone() -> String {
    "an attribute in `was(..)` goes before `type`: it was on the field while the field had that type\n\
     help: write it like `was(#[serde(with = \"hex\")] type = u32, before = 2)`"
        .to_owned()
}

pub(crate) fn first_and_after() -> String {
    "a field cannot have been first and after another field\nhelp: remove `first` or `after`"
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
    "`since = 1` is redundant: without `since` a field exists from version 1 on\nhelp: remove it"
        .to_owned()
}

pub(crate) fn since_later(since: u16, newest: u16) -> String {
    format!(
        "`since = {since}` is later than the event's version {newest}\nhelp: raise the event to `version = {since}`"
    )
}

pub(crate) fn default_without_since(field: &str) -> String {
    format!(
        "`default` is for stored events without `{field}`, and without `since` every event has it\n\
         help: add `since = ` and the version that added the field, or remove `default`"
    )
}

pub(crate) fn added_without_default(field: &str, since: u16) -> String {
    format!(
        "events stored before version {since} have no value for `{field}`\n\
         help: add `default = ..` next to `since`, or make the field an `Option`"
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
        "the field was added in version {since}, so `before = {before}` describes nothing\n\
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
    if given > newest {
        format!(
            "`in = {given}` is later than the event's version {newest}\n\
             help: raise the event to `version = {given}`, or name the first version without the field"
        )
    } else {
        format!(
            "`in = {given}` says that no version had the field\n\
             help: name the first version without the field, 2 or later"
        )
    }
}

pub(crate) fn removed_before_added(since: u16, until: u16) -> String {
    format!(
        "a field cannot be removed in version {until} if it was added in version {since}\n\
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

pub(crate) fn same_name(field: &str, name: &str, before: u16) -> String {
    format!(
        "`{field}` is stored as `{name}` in version {before} too, so `name` changes nothing\n\
         help: write the name that was stored before version {before}, or remove `name`"
    )
}

/// `with` is whether a function is given.
pub(crate) fn same_type(field: &str, ty: &str, before: u16, with: bool) -> String {
    let help = if with {
        "old and new values would look alike; give the field a new name and write the old one here: `name = \"..\"`"
            .to_owned()
    } else {
        format!("write the type that it had before version {before}, or remove `type`")
    };
    format!(
        "`{field}` is stored as `{ty}` in version {before} too, so `type` changes nothing\nhelp: {help}"
    )
}

/// `removed` is whether one of them stands in `removed(..)`.
pub(crate) fn two_fields(version: u16, name: &str, removed: bool) -> String {
    let help = if removed {
        "help: if this is a field that still exists, remove this entry; if the field changed, write `was(..)` on it"
    } else {
        "help: only one field can have had this name; correct `name` or `before`"
    };
    format!("version {version} would have two fields named `{name}`\n{help}")
}

pub(crate) fn previous_not_a_path() -> String {
    "`previous` takes the type of the version before\nhelp: write it like `previous = v1::OrderPlaced`"
        .to_owned()
}

pub(crate) fn previous_of_first() -> String {
    "version 1 has no `previous`\nhelp: remove it, or raise `version`".to_owned()
}

pub(crate) fn previous_and_history(newest: u16) -> String {
    format!(
        "the versions before {newest} are described twice: by `previous` and here\n\
         help: keep `since`, `was`, `removed` and upcasters on the type that `previous` names, or remove `previous`"
    )
}

pub(crate) fn previous_is_itself(ident: &str) -> String {
    format!(
        "`{ident}` cannot be its own previous version\nhelp: keep the older struct under another path, such as `v1::{ident}`"
    )
}

/// What the const check of `previous` says; rustc puts it after `evaluation panicked:`.
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

pub(crate) fn upcast_form(key: &str, example: &str) -> String {
    format!(
        "`{key}` takes an older version and a function from it to the next one\nhelp: write it like `{example}`"
    )
}

pub(crate) fn upcast_with_more(key: &str) -> String {
    format!("`{key}(..)` takes one function\nhelp: write another `{key}(..)` for the next one")
}

pub(crate) fn upcast_beyond(from: u16, newest: u16) -> String {
    let last = newest.saturating_sub(1);
    let help = match last {
        0 => "help: raise `version` first; an upcaster starts from an older version".to_owned(),
        1 => "help: an upcaster can start from version 1 only".to_owned(),
        last => format!("help: an upcaster can start from versions 1 to {last}"),
    };
    if from == newest {
        format!("no upcaster can start from version {from}: it is the newest\n{help}")
    } else {
        format!("there is no version {from}: the newest is {newest}\n{help}")
    }
}

pub(crate) fn two_upcasters(from: u16) -> String {
    format!(
        "version {from} has two upcasters to version {}\nhelp: keep one of them",
        u32::from(from) + 1
    )
}

pub(crate) fn upcast_and_field(from: u16, field: &str, key: &str) -> String {
    format!(
        "the upcast from version {from} to {} is described twice: here and by `{key}` on `{field}`\n\
         help: remove `{key}` and let the function set `{field}`, or remove this upcaster",
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
        "`write = {given}` is more than one version older than {newest}\nhelp: write `write = {before}`, and deploy the versions one after the other"
    )
}

pub(crate) fn write_without_fields(key: &str) -> String {
    format!(
        "`write` converts back field by field, and `{key}` does not say how\nhelp: describe the newest change with `since`, `was` and `removed`, or deploy the programs that read the new version before those that write it"
    )
}

/// `types` are those of a field that is there today: now and before.
pub(crate) fn no_way_back(
    newest: u16,
    before: u16,
    field: &str,
    types: Option<&(String, String)>,
) -> String {
    let help = match types {
        None => "help: add `back = ..` to its `removed`, with the value to write".to_owned(),
        Some((now, then)) => {
            format!("help: add `back = path` to its `was`, the path of a `fn(&{now}) -> {then}`")
        }
    };
    format!(
        "version {newest} cannot be written as version {before}: `{field}` has no `back`\n{help}"
    )
}

pub(crate) fn back_without_type() -> String {
    "`back` is for a change of type: a field that is only renamed needs none\nhelp: remove it"
        .to_owned()
}
