#![allow(unused_imports, unreachable_patterns)]

#[path = "tag/attribute-absent.rs"]
mod tag_attribute_absent;
#[path = "tag/enum.rs"]
mod tag_enum;
#[path = "tag/generic.rs"]
mod tag_generic;
#[path = "tag/kind-missing.rs"]
mod tag_kind_missing;
#[path = "tag/kind-too-long.rs"]
mod tag_kind_too_long;
#[path = "tag/kind-with-colon.rs"]
mod tag_kind_with_colon;
#[path = "tag/kind-without-quotes.rs"]
mod tag_kind_without_quotes;
#[path = "tag/no-field.rs"]
mod tag_no_field;
#[path = "tag/on-field.rs"]
mod tag_on_field;
#[path = "tag/two-fields.rs"]
mod tag_two_fields;

fn main() {}
