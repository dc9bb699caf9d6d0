#![allow(unused_imports, unreachable_patterns)]

#[path = "shape/as-not-a-text.rs"]
mod shape_as_not_a_text;
#[path = "shape/event-field-key.rs"]
mod shape_event_field_key;
#[path = "shape/key-of-the-type-on-field.rs"]
mod shape_key_of_the_type_on_field;
#[path = "shape/key-on-variant.rs"]
mod shape_key_on_variant;
#[path = "shape/key-unknown-on-field.rs"]
mod shape_key_unknown_on_field;
#[path = "shape/key-unknown.rs"]
mod shape_key_unknown;
#[path = "shape/lifetime.rs"]
mod shape_lifetime;
#[path = "shape/many-serde-with-versions.rs"]
mod shape_many_serde_with_versions;
#[path = "shape/recursive-with-value.rs"]
mod shape_recursive_with_value;
#[path = "shape/since-without-default.rs"]
mod shape_since_without_default;
#[path = "shape/two-fields-of-one-name.rs"]
mod shape_two_fields_of_one_name;
#[path = "shape/union.rs"]
mod shape_union;
#[path = "shape/unique-on-part.rs"]
mod shape_unique_on_part;
#[path = "shape/unit-without-value.rs"]
mod shape_unit_without_value;
#[path = "shape/version-on-enum.rs"]
mod shape_version_on_enum;
#[path = "shape/version-on-generic.rs"]
mod shape_version_on_generic;
#[path = "shape/version-on-tuple-struct.rs"]
mod shape_version_on_tuple_struct;
#[path = "shape/version-without-change.rs"]
mod shape_version_without_change;

fn main() {}
