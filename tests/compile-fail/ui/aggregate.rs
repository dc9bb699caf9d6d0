#![allow(unused_imports, unreachable_patterns)]

#[path = "aggregate/attribute-absent.rs"]
mod aggregate_attribute_absent;
#[path = "aggregate/attribute-equals.rs"]
mod aggregate_attribute_equals;
#[path = "aggregate/codec-misspelt.rs"]
mod aggregate_codec_misspelt;
#[path = "aggregate/codec-not-a-string.rs"]
mod aggregate_codec_not_a_string;
#[path = "aggregate/codec-unknown.rs"]
mod aggregate_codec_unknown;
#[path = "aggregate/comma-missing.rs"]
mod aggregate_comma_missing;
#[path = "aggregate/command-enum-without-list.rs"]
mod aggregate_command_enum_without_list;
#[path = "aggregate/command-twice.rs"]
mod aggregate_command_twice;
#[path = "aggregate/commands-empty.rs"]
mod aggregate_commands_empty;
#[path = "aggregate/commands-equals.rs"]
mod aggregate_commands_equals;
#[path = "aggregate/commands-group.rs"]
mod aggregate_commands_group;
#[path = "aggregate/commands-without-list.rs"]
mod aggregate_commands_without_list;
#[path = "aggregate/crate-relative.rs"]
mod aggregate_crate_relative;
#[path = "aggregate/enum.rs"]
mod aggregate_enum;
#[path = "aggregate/enums-of-one-name.rs"]
mod aggregate_enums_of_one_name;
#[path = "aggregate/error-missing.rs"]
mod aggregate_error_missing;
#[path = "aggregate/event-alias-missing.rs"]
mod aggregate_event_alias_missing;
#[path = "aggregate/event-at-fault.rs"]
mod aggregate_event_at_fault;
#[path = "aggregate/event-enum-listed.rs"]
mod aggregate_event_enum_listed;
#[path = "aggregate/event-enum-quoted.rs"]
mod aggregate_event_enum_quoted;
#[path = "aggregate/event-enum-without-list.rs"]
mod aggregate_event_enum_without_list;
#[path = "aggregate/event-twice.rs"]
mod aggregate_event_twice;
#[path = "aggregate/event-variant-taken.rs"]
mod aggregate_event_variant_taken;
#[path = "aggregate/event-with-arguments.rs"]
mod aggregate_event_with_arguments;
#[path = "aggregate/event-with-fields.rs"]
mod aggregate_event_with_fields;
#[path = "aggregate/events-both-ways.rs"]
mod aggregate_events_both_ways;
#[path = "aggregate/events-by-name.rs"]
mod aggregate_events_by_name;
#[path = "aggregate/events-empty.rs"]
mod aggregate_events_empty;
#[path = "aggregate/events-key-inside.rs"]
mod aggregate_events_key_inside;
#[path = "aggregate/events-missing.rs"]
mod aggregate_events_missing;
#[path = "aggregate/events-quoted.rs"]
mod aggregate_events_quoted;
#[path = "aggregate/events-without-list.rs"]
mod aggregate_events_without_list;
#[path = "aggregate/generic.rs"]
mod aggregate_generic;
#[path = "aggregate/id-missing.rs"]
mod aggregate_id_missing;
#[path = "aggregate/id-misspelt.rs"]
mod aggregate_id_misspelt;
#[path = "aggregate/id-quoted.rs"]
mod aggregate_id_quoted;
#[path = "aggregate/id-without-value.rs"]
mod aggregate_id_without_value;
#[path = "aggregate/ignore-and-list.rs"]
mod aggregate_ignore_and_list;
#[path = "aggregate/ignore-misspelt.rs"]
mod aggregate_ignore_misspelt;
#[path = "aggregate/ignore-outside.rs"]
mod aggregate_ignore_outside;
#[path = "aggregate/key-apply-revision.rs"]
mod aggregate_key_apply_revision;
#[path = "aggregate/key-every.rs"]
mod aggregate_key_every;
#[path = "aggregate/key-misspelt.rs"]
mod aggregate_key_misspelt;
#[path = "aggregate/key-on-field.rs"]
mod aggregate_key_on_field;
#[path = "aggregate/key-similar.rs"]
mod aggregate_key_similar;
#[path = "aggregate/key-twice.rs"]
mod aggregate_key_twice;
#[path = "aggregate/key-unknown.rs"]
mod aggregate_key_unknown;
#[path = "aggregate/key-version.rs"]
mod aggregate_key_version;
#[path = "aggregate/many-misspelt.rs"]
mod aggregate_many_misspelt;
#[path = "aggregate/many-snapshot-postcard.rs"]
mod aggregate_many_snapshot_postcard;
#[path = "aggregate/many-snapshot-skipped-fields.rs"]
mod aggregate_many_snapshot_skipped_fields;
#[path = "aggregate/many.rs"]
mod aggregate_many;
#[path = "aggregate/name-as-key.rs"]
mod aggregate_name_as_key;
#[path = "aggregate/name-ill-formed.rs"]
mod aggregate_name_ill_formed;
#[path = "aggregate/name-missing.rs"]
mod aggregate_name_missing;
#[path = "aggregate/name-without-quotes.rs"]
mod aggregate_name_without_quotes;
#[path = "aggregate/snapshot-apply-revision-alone.rs"]
mod aggregate_snapshot_apply_revision_alone;
#[path = "aggregate/snapshot-apply-revision-misspelt.rs"]
mod aggregate_snapshot_apply_revision_misspelt;
#[path = "aggregate/snapshot-apply-revision-not-a-number.rs"]
mod aggregate_snapshot_apply_revision_not_a_number;
#[path = "aggregate/snapshot-bare.rs"]
mod aggregate_snapshot_bare;
#[path = "aggregate/snapshot-equals.rs"]
mod aggregate_snapshot_equals;
#[path = "aggregate/snapshot-every-misspelt.rs"]
mod aggregate_snapshot_every_misspelt;
#[path = "aggregate/snapshot-every-quoted.rs"]
mod aggregate_snapshot_every_quoted;
#[path = "aggregate/snapshot-every-zero.rs"]
mod aggregate_snapshot_every_zero;
#[path = "aggregate/snapshot-number.rs"]
mod aggregate_snapshot_number;
#[path = "aggregate/snapshot-skipped-field.rs"]
mod aggregate_snapshot_skipped_field;
#[path = "aggregate/snapshot-two-fields-of-one-name.rs"]
mod aggregate_snapshot_two_fields_of_one_name;
#[path = "aggregate/snapshot-unknown-key.rs"]
mod aggregate_snapshot_unknown_key;
#[path = "aggregate/tag-on-state.rs"]
mod aggregate_tag_on_state;
#[path = "aggregate/type-ill-formed.rs"]
mod aggregate_type_ill_formed;
#[path = "aggregate/union.rs"]
mod aggregate_union;
#[path = "aggregate/unique-on-state.rs"]
mod aggregate_unique_on_state;

fn main() {}
