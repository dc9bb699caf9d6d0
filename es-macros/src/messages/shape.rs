//! `#[derive(Shape)]`.

pub(crate) fn shape_not_a_word(key: &str, example: &str) -> String {
    format!("`{key}` takes a string\nhelp: write it like `{example}`")
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
    format!(
        "a type inside events must own its data\nhelp: use `String` instead of `&{lifetime} str`"
    )
}
