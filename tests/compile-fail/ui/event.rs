#![allow(unused_imports, unreachable_patterns)]

#[path = "event/attribute-absent.rs"]
mod event_attribute_absent;
#[path = "event/attribute-bare.rs"]
mod event_attribute_bare;
#[path = "event/attribute-equals.rs"]
mod event_attribute_equals;
#[path = "event/back-without-type.rs"]
mod event_back_without_type;
#[path = "event/comma-missing.rs"]
mod event_comma_missing;
#[path = "event/crate-not-a-path.rs"]
mod event_crate_not_a_path;
#[path = "event/crate-relative.rs"]
mod event_crate_relative;
#[path = "event/enum-attribute-bare.rs"]
mod event_enum_attribute_bare;
#[path = "event/enum-crate-on-variant.rs"]
mod event_enum_crate_on_variant;
#[path = "event/enum-empty.rs"]
mod event_enum_empty;
#[path = "event/enum-event-attribute.rs"]
mod event_enum_event_attribute;
#[path = "event/enum-generic.rs"]
mod event_enum_generic;
#[path = "event/enum-key-on-field.rs"]
mod event_enum_key_on_field;
#[path = "event/enum-name-missing.rs"]
mod event_enum_name_missing;
#[path = "event/enum-name-on-enum.rs"]
mod event_enum_name_on_enum;
#[path = "event/enum-tuple-variant.rs"]
mod event_enum_tuple_variant;
#[path = "event/enum-version-on-enum.rs"]
mod event_enum_version_on_enum;
#[path = "event/field-borrows.rs"]
mod event_field_borrows;
#[path = "event/generic.rs"]
mod event_generic;
#[path = "event/history-default-missing.rs"]
mod event_history_default_missing;
#[path = "event/history-default-without-since.rs"]
mod event_history_default_without_since;
#[path = "event/history-default-without-value.rs"]
mod event_history_default_without_value;
#[path = "event/history-enum-same-shape.rs"]
mod event_history_enum_same_shape;
#[path = "event/history-enum.rs"]
mod event_history_enum;
#[path = "event/history-removed-after-quoted.rs"]
mod event_history_removed_after_quoted;
#[path = "event/history-removed-after-unknown.rs"]
mod event_history_removed_after_unknown;
#[path = "event/history-removed-and-added-again.rs"]
mod event_history_removed_and_added_again;
#[path = "event/history-removed-before-added.rs"]
mod event_history_removed_before_added;
#[path = "event/history-removed-equals.rs"]
mod event_history_removed_equals;
#[path = "event/history-removed-first-and-after.rs"]
mod event_history_removed_first_and_after;
#[path = "event/history-removed-first-with-value.rs"]
mod event_history_removed_first_with_value;
#[path = "event/history-removed-first.rs"]
mod event_history_removed_first;
#[path = "event/history-removed-is-live.rs"]
mod event_history_removed_is_live;
#[path = "event/history-removed-later.rs"]
mod event_history_removed_later;
#[path = "event/history-removed-on-field.rs"]
mod event_history_removed_on_field;
#[path = "event/history-removed-quoted.rs"]
mod event_history_removed_quoted;
#[path = "event/history-removed-serde-default.rs"]
mod event_history_removed_serde_default;
#[path = "event/history-removed-unknown-key.rs"]
mod event_history_removed_unknown_key;
#[path = "event/history-removed-with-attribute.rs"]
mod event_history_removed_with_attribute;
#[path = "event/history-removed-without-default.rs"]
mod event_history_removed_without_default;
#[path = "event/history-removed-without-in.rs"]
mod event_history_removed_without_in;
#[path = "event/history-removed-without-type.rs"]
mod event_history_removed_without_type;
#[path = "event/history-same-shape.rs"]
mod event_history_same_shape;
#[path = "event/history-since-at-version-one.rs"]
mod event_history_since_at_version_one;
#[path = "event/history-since-first.rs"]
mod event_history_since_first;
#[path = "event/history-since-later.rs"]
mod event_history_since_later;
#[path = "event/history-since-on-struct.rs"]
mod event_history_since_on_struct;
#[path = "event/history-since-quoted.rs"]
mod event_history_since_quoted;
#[path = "event/history-since-without-value.rs"]
mod event_history_since_without_value;
#[path = "event/history-was-attribute-alone.rs"]
mod event_history_was_attribute_alone;
#[path = "event/history-was-before-added.rs"]
mod event_history_was_before_added;
#[path = "event/history-was-before-first.rs"]
mod event_history_was_before_first;
#[path = "event/history-was-before-later.rs"]
mod event_history_was_before_later;
#[path = "event/history-was-empty.rs"]
mod event_history_was_empty;
#[path = "event/history-was-equals.rs"]
mod event_history_was_equals;
#[path = "event/history-was-misspelt-key.rs"]
mod event_history_was_misspelt_key;
#[path = "event/history-was-name-taken.rs"]
mod event_history_was_name_taken;
#[path = "event/history-was-name-without-quotes.rs"]
mod event_history_was_name_without_quotes;
#[path = "event/history-was-only-a-name.rs"]
mod event_history_was_only_a_name;
#[path = "event/history-was-same-name.rs"]
mod event_history_was_same_name;
#[path = "event/history-was-same-type-with.rs"]
mod event_history_was_same_type_with;
#[path = "event/history-was-same-type.rs"]
mod event_history_was_same_type;
#[path = "event/history-was-twice.rs"]
mod event_history_was_twice;
#[path = "event/history-was-type-quoted.rs"]
mod event_history_was_type_quoted;
#[path = "event/history-was-unknown-key.rs"]
mod event_history_was_unknown_key;
#[path = "event/history-was-with-only.rs"]
mod event_history_was_with_only;
#[path = "event/history-was-without-before.rs"]
mod event_history_was_without_before;
#[path = "event/history-was-without-change.rs"]
mod event_history_was_without_change;
#[path = "event/history-with-call.rs"]
mod event_history_with_call;
#[path = "event/history-with-closure.rs"]
mod event_history_with_closure;
#[path = "event/history-with-quoted.rs"]
mod event_history_with_quoted;
#[path = "event/home-misspelt.rs"]
mod event_home_misspelt;
#[path = "event/home-not-tagged.rs"]
mod event_home_not_tagged;
#[path = "event/home-of-one-tag.rs"]
mod event_home_of_one_tag;
#[path = "event/home-of-several.rs"]
mod event_home_of_several;
#[path = "event/home-quoted.rs"]
mod event_home_quoted;
#[path = "event/home-unknown.rs"]
mod event_home_unknown;
#[path = "event/home-without-tags.rs"]
mod event_home_without_tags;
#[path = "event/key-id.rs"]
mod event_key_id;
#[path = "event/key-misspelt.rs"]
mod event_key_misspelt;
#[path = "event/key-on-field.rs"]
mod event_key_on_field;
#[path = "event/key-reserved.rs"]
mod event_key_reserved;
#[path = "event/key-twice.rs"]
mod event_key_twice;
#[path = "event/key-unknown-on-field.rs"]
mod event_key_unknown_on_field;
#[path = "event/key-unknown.rs"]
mod event_key_unknown;
#[path = "event/lifetime.rs"]
mod event_lifetime;
#[path = "event/many-field-borrows.rs"]
mod event_many_field_borrows;
#[path = "event/many-history.rs"]
mod event_many_history;
#[path = "event/many-parameters.rs"]
mod event_many_parameters;
#[path = "event/many-unique.rs"]
mod event_many_unique;
#[path = "event/many-variants.rs"]
mod event_many_variants;
#[path = "event/many-without-back.rs"]
mod event_many_without_back;
#[path = "event/many.rs"]
mod event_many;
#[path = "event/name-as-constant.rs"]
mod event_name_as_constant;
#[path = "event/name-as-key.rs"]
mod event_name_as_key;
#[path = "event/name-as-number.rs"]
mod event_name_as_number;
#[path = "event/name-empty.rs"]
mod event_name_empty;
#[path = "event/name-ends-with-dot.rs"]
mod event_name_ends_with_dot;
#[path = "event/name-given-twice.rs"]
mod event_name_given_twice;
#[path = "event/name-missing.rs"]
mod event_name_missing;
#[path = "event/name-on-field.rs"]
mod event_name_on_field;
#[path = "event/name-too-long.rs"]
mod event_name_too_long;
#[path = "event/name-with-space.rs"]
mod event_name_with_space;
#[path = "event/name-with-umlaut.rs"]
mod event_name_with_umlaut;
#[path = "event/name-without-quotes.rs"]
mod event_name_without_quotes;
#[path = "event/previous-and-history.rs"]
mod event_previous_and_history;
#[path = "event/previous-is-itself.rs"]
mod event_previous_is_itself;
#[path = "event/previous-of-first.rs"]
mod event_previous_of_first;
#[path = "event/previous-on-field.rs"]
mod event_previous_on_field;
#[path = "event/previous-quoted.rs"]
mod event_previous_quoted;
#[path = "event/reserved-name.rs"]
mod event_reserved_name;
#[path = "event/serde-container.rs"]
mod event_serde_container;
#[path = "event/serde-default.rs"]
mod event_serde_default;
#[path = "event/serde-enum.rs"]
mod event_serde_enum;
#[path = "event/serde-field.rs"]
mod event_serde_field;
#[path = "event/serde-two-fields-of-one-name-in-a-variant.rs"]
mod event_serde_two_fields_of_one_name_in_a_variant;
#[path = "event/serde-two-fields-of-one-name.rs"]
mod event_serde_two_fields_of_one_name;
#[path = "event/serde-variant.rs"]
mod event_serde_variant;
#[path = "event/tag-as-quoted.rs"]
mod event_tag_as_quoted;
#[path = "event/tag-bare-key.rs"]
mod event_tag_bare_key;
#[path = "event/tag-constant-quoted.rs"]
mod event_tag_constant_quoted;
#[path = "event/tag-constant-twice.rs"]
mod event_tag_constant_twice;
#[path = "event/tag-default-ok-without-default.rs"]
mod event_tag_default_ok_without_default;
#[path = "event/tag-equals.rs"]
mod event_tag_equals;
#[path = "event/tag-home-on-variant.rs"]
mod event_tag_home_on_variant;
#[path = "event/tag-key-in-event.rs"]
mod event_tag_key_in_event;
#[path = "event/tag-key-unknown.rs"]
mod event_tag_key_unknown;
#[path = "event/tag-kind-on-field.rs"]
mod event_tag_kind_on_field;
#[path = "event/tag-of-default.rs"]
mod event_tag_of_default;
#[path = "event/tag-of-removed-field.rs"]
mod event_tag_of_removed_field;
#[path = "event/tag-on-struct.rs"]
mod event_tag_on_struct;
#[path = "event/tuple-struct.rs"]
mod event_tuple_struct;
#[path = "event/union.rs"]
mod event_union;
#[path = "event/unique-and-releases.rs"]
mod event_unique_and_releases;
#[path = "event/unique-behind-key.rs"]
mod event_unique_behind_key;
#[path = "event/unique-claims-default-without-default.rs"]
mod event_unique_claims_default_without_default;
#[path = "event/unique-equals.rs"]
mod event_unique_equals;
#[path = "event/unique-form-is-a-closure.rs"]
mod event_unique_form_is_a_closure;
#[path = "event/unique-form-quoted.rs"]
mod event_unique_form_quoted;
#[path = "event/unique-form-without-equals.rs"]
mod event_unique_form_without_equals;
#[path = "event/unique-keep-is-a-number.rs"]
mod event_unique_keep_is_a_number;
#[path = "event/unique-keep-without-unit.rs"]
mod event_unique_keep_without_unit;
#[path = "event/unique-keep-without-value.rs"]
mod event_unique_keep_without_value;
#[path = "event/unique-key-misspelt.rs"]
mod event_unique_key_misspelt;
#[path = "event/unique-key-twice.rs"]
mod event_unique_key_twice;
#[path = "event/unique-key-unknown.rs"]
mod event_unique_key_unknown;
#[path = "event/unique-name-edge.rs"]
mod event_unique_name_edge;
#[path = "event/unique-name-empty.rs"]
mod event_unique_name_empty;
#[path = "event/unique-name-too-long.rs"]
mod event_unique_name_too_long;
#[path = "event/unique-name-with-space.rs"]
mod event_unique_name_with_space;
#[path = "event/unique-names-alike.rs"]
mod event_unique_names_alike;
#[path = "event/unique-not-a-text.rs"]
mod event_unique_not_a_text;
#[path = "event/unique-of-default.rs"]
mod event_unique_of_default;
#[path = "event/unique-of-older-type.rs"]
mod event_unique_of_older_type;
#[path = "event/unique-of-removed-field.rs"]
mod event_unique_of_removed_field;
#[path = "event/unique-on-struct.rs"]
mod event_unique_on_struct;
#[path = "event/unique-on-variant.rs"]
mod event_unique_on_variant;
#[path = "event/unique-releases-bare.rs"]
mod event_unique_releases_bare;
#[path = "event/unique-releases-twice.rs"]
mod event_unique_releases_twice;
#[path = "event/unique-releases-unknown-key.rs"]
mod event_unique_releases_unknown_key;
#[path = "event/unique-releases-without-quotes.rs"]
mod event_unique_releases_without_quotes;
#[path = "event/unique-releases-without-rule.rs"]
mod event_unique_releases_without_rule;
#[path = "event/unique-second-name.rs"]
mod event_unique_second_name;
#[path = "event/unique-without-name.rs"]
mod event_unique_without_name;
#[path = "event/unique-without-quotes.rs"]
mod event_unique_without_quotes;
#[path = "event/unit-struct.rs"]
mod event_unit_struct;
#[path = "event/upcast-and-default.rs"]
mod event_upcast_and_default;
#[path = "event/upcast-and-with.rs"]
mod event_upcast_and_with;
#[path = "event/upcast-beyond.rs"]
mod event_upcast_beyond;
#[path = "event/upcast-closure.rs"]
mod event_upcast_closure;
#[path = "event/upcast-equals.rs"]
mod event_upcast_equals;
#[path = "event/upcast-far-beyond.rs"]
mod event_upcast_far_beyond;
#[path = "event/upcast-from-zero.rs"]
mod event_upcast_from_zero;
#[path = "event/upcast-of-first.rs"]
mod event_upcast_of_first;
#[path = "event/upcast-on-field.rs"]
mod event_upcast_on_field;
#[path = "event/upcast-twice.rs"]
mod event_upcast_twice;
#[path = "event/upcast-two-in-one.rs"]
mod event_upcast_two_in_one;
#[path = "event/upcast-without-arrow.rs"]
mod event_upcast_without_arrow;
#[path = "event/version-constant.rs"]
mod event_version_constant;
#[path = "event/version-float.rs"]
mod event_version_float;
#[path = "event/version-in-parentheses.rs"]
mod event_version_in_parentheses;
#[path = "event/version-negative.rs"]
mod event_version_negative;
#[path = "event/version-quoted.rs"]
mod event_version_quoted;
#[path = "event/version-suffixed.rs"]
mod event_version_suffixed;
#[path = "event/version-too-large.rs"]
mod event_version_too_large;
#[path = "event/version-without-number.rs"]
mod event_version_without_number;
#[path = "event/version-without-value.rs"]
mod event_version_without_value;
#[path = "event/version-zero.rs"]
mod event_version_zero;
#[path = "event/write-newer.rs"]
mod event_write_newer;
#[path = "event/write-newest.rs"]
mod event_write_newest;
#[path = "event/write-not-a-version.rs"]
mod event_write_not_a_version;
#[path = "event/write-of-the-first.rs"]
mod event_write_of_the_first;
#[path = "event/write-too-old.rs"]
mod event_write_too_old;
#[path = "event/write-with-previous.rs"]
mod event_write_with_previous;
#[path = "event/write-with-upcast.rs"]
mod event_write_with_upcast;
#[path = "event/write-without-back.rs"]
mod event_write_without_back;
#[path = "event/write-without-removed-back.rs"]
mod event_write_without_removed_back;

fn main() {}
