//! The right programs of the page of diagnostics, compiled as modules of one program.

#![allow(
    dead_code,
    unused_imports,
    clippy::all,
    clippy::pedantic,
    reason = "each is a program of its own, as short as the wrong one"
)]

#[path = "../right/aggregate/apply-missing.rs"]
mod aggregate_apply_missing;
#[path = "../right/aggregate/apply-missing-for-both.rs"]
mod aggregate_apply_missing_for_both;
#[path = "../right/aggregate/attribute-absent.rs"]
mod aggregate_attribute_absent;
#[path = "../right/aggregate/attribute-equals.rs"]
mod aggregate_attribute_equals;
#[path = "../right/aggregate/codec-misspelt.rs"]
mod aggregate_codec_misspelt;
#[path = "../right/aggregate/comma-missing.rs"]
mod aggregate_comma_missing;
#[path = "../right/aggregate/command-enum-without-list.rs"]
mod aggregate_command_enum_without_list;
#[path = "../right/aggregate/command-twice.rs"]
mod aggregate_command_twice;
#[path = "../right/aggregate/commands-equals.rs"]
mod aggregate_commands_equals;
#[path = "../right/aggregate/crate-relative.rs"]
mod aggregate_crate_relative;
#[path = "../right/aggregate/default-missing-with-handlers.rs"]
mod aggregate_default_missing_with_handlers;
#[path = "../right/aggregate/enums-of-one-name.rs"]
mod aggregate_enums_of_one_name;
#[path = "../right/aggregate/error-missing.rs"]
mod aggregate_error_missing;
#[path = "../right/aggregate/error-not-usable.rs"]
mod aggregate_error_not_usable;
#[path = "../right/aggregate/event-alias-missing.rs"]
mod aggregate_event_alias_missing;
#[path = "../right/aggregate/event-enum-quoted.rs"]
mod aggregate_event_enum_quoted;
#[path = "../right/aggregate/event-enum-without-list.rs"]
mod aggregate_event_enum_without_list;
#[path = "../right/aggregate/event-name-taken.rs"]
mod aggregate_event_name_taken;
#[path = "../right/aggregate/event-not-listed.rs"]
mod aggregate_event_not_listed;
#[path = "../right/aggregate/event-set-without-apply.rs"]
mod aggregate_event_set_without_apply;
#[path = "../right/aggregate/event-under-two-aliases.rs"]
mod aggregate_event_under_two_aliases;
#[path = "../right/aggregate/event-variant-taken.rs"]
mod aggregate_event_variant_taken;
#[path = "../right/aggregate/event-with-arguments.rs"]
mod aggregate_event_with_arguments;
#[path = "../right/aggregate/events-both-ways.rs"]
mod aggregate_events_both_ways;
#[path = "../right/aggregate/events-by-name.rs"]
mod aggregate_events_by_name;
#[path = "../right/aggregate/events-empty.rs"]
mod aggregate_events_empty;
#[path = "../right/aggregate/events-without-list.rs"]
mod aggregate_events_without_list;
#[path = "../right/aggregate/execute-without-clone.rs"]
mod aggregate_execute_without_clone;
#[path = "../right/aggregate/execute-without-handle.rs"]
mod aggregate_execute_without_handle;
#[path = "../right/aggregate/handle-missing.rs"]
mod aggregate_handle_missing;
#[path = "../right/aggregate/id-not-usable.rs"]
mod aggregate_id_not_usable;
#[path = "../right/aggregate/ignore-and-list.rs"]
mod aggregate_ignore_and_list;
#[path = "../right/aggregate/ignore-misspelt.rs"]
mod aggregate_ignore_misspelt;
#[path = "../right/aggregate/ignore-outside.rs"]
mod aggregate_ignore_outside;
#[path = "../right/aggregate/key-apply-revision.rs"]
mod aggregate_key_apply_revision;
#[path = "../right/aggregate/key-every.rs"]
mod aggregate_key_every;
#[path = "../right/aggregate/key-misspelt.rs"]
mod aggregate_key_misspelt;
#[path = "../right/aggregate/key-on-field.rs"]
mod aggregate_key_on_field;
#[path = "../right/aggregate/key-unknown.rs"]
mod aggregate_key_unknown;
#[path = "../right/aggregate/many-snapshot-postcard.rs"]
mod aggregate_many_snapshot_postcard;
#[path = "../right/aggregate/many-snapshot-skipped-fields.rs"]
mod aggregate_many_snapshot_skipped_fields;
#[path = "../right/aggregate/snapshot-apply-revision-alone.rs"]
mod aggregate_snapshot_apply_revision_alone;
#[path = "../right/aggregate/snapshot-apply-revision-not-a-number.rs"]
mod aggregate_snapshot_apply_revision_not_a_number;
#[path = "../right/aggregate/snapshot-bare.rs"]
mod aggregate_snapshot_bare;
#[path = "../right/aggregate/snapshot-every-misspelt.rs"]
mod aggregate_snapshot_every_misspelt;
#[path = "../right/aggregate/snapshot-every-quoted.rs"]
mod aggregate_snapshot_every_quoted;
#[path = "../right/aggregate/snapshot-every-zero.rs"]
mod aggregate_snapshot_every_zero;
#[path = "../right/aggregate/snapshot-number.rs"]
mod aggregate_snapshot_number;
#[path = "../right/aggregate/snapshot-skipped-field.rs"]
mod aggregate_snapshot_skipped_field;
#[path = "../right/aggregate/snapshot-two-fields-of-one-name.rs"]
mod aggregate_snapshot_two_fields_of_one_name;
#[path = "../right/aggregate/snapshot-unknown-key.rs"]
mod aggregate_snapshot_unknown_key;
#[path = "../right/aggregate/snapshot-without-partial-eq.rs"]
mod aggregate_snapshot_without_partial_eq;
#[path = "../right/aggregate/tag-on-state.rs"]
mod aggregate_tag_on_state;
#[path = "../right/aggregate/type-ill-formed.rs"]
mod aggregate_type_ill_formed;
#[path = "../right/aggregate/unique-on-state.rs"]
mod aggregate_unique_on_state;
#[path = "../right/decision/attribute-absent.rs"]
mod decision_attribute_absent;
#[path = "../right/decision/crate-relative.rs"]
mod decision_crate_relative;
#[path = "../right/decision/decide-missing.rs"]
mod decision_decide_missing;
#[path = "../right/decision/derive-missing.rs"]
mod decision_derive_missing;
#[path = "../right/decision/emits-unseen.rs"]
mod decision_emits_unseen;
#[path = "../right/decision/key-misspelt.rs"]
mod decision_key_misspelt;
#[path = "../right/decision/lifetime.rs"]
mod decision_lifetime;
#[path = "../right/decision/many-reads-struct-defined.rs"]
mod decision_many_reads_struct_defined;
#[path = "../right/decision/read-keyword.rs"]
mod decision_read_keyword;
#[path = "../right/event/attribute-absent.rs"]
mod event_attribute_absent;
#[path = "../right/event/attribute-bare.rs"]
mod event_attribute_bare;
#[path = "../right/event/attribute-equals.rs"]
mod event_attribute_equals;
#[path = "../right/event/back-without-type.rs"]
mod event_back_without_type;
#[path = "../right/event/comma-missing.rs"]
mod event_comma_missing;
#[path = "../right/event/crate-not-a-path.rs"]
mod event_crate_not_a_path;
#[path = "../right/event/crate-relative.rs"]
mod event_crate_relative;
#[path = "../right/event/enum-crate-on-variant.rs"]
mod event_enum_crate_on_variant;
#[path = "../right/event/enum-empty.rs"]
mod event_enum_empty;
#[path = "../right/event/enum-key-on-field.rs"]
mod event_enum_key_on_field;
#[path = "../right/event/enum-tuple-variant.rs"]
mod event_enum_tuple_variant;
#[path = "../right/event/field-borrows.rs"]
mod event_field_borrows;
#[path = "../right/event/history-default-missing.rs"]
mod event_history_default_missing;
#[path = "../right/event/history-default-trait-missing.rs"]
mod event_history_default_trait_missing;
#[path = "../right/event/history-default-without-since.rs"]
mod event_history_default_without_since;
#[path = "../right/event/history-enum.rs"]
mod event_history_enum;
#[path = "../right/event/history-enum-same-shape.rs"]
mod event_history_enum_same_shape;
#[path = "../right/event/history-removed-after-quoted.rs"]
mod event_history_removed_after_quoted;
#[path = "../right/event/history-removed-and-added-again.rs"]
mod event_history_removed_and_added_again;
#[path = "../right/event/history-removed-before-added.rs"]
mod event_history_removed_before_added;
#[path = "../right/event/history-removed-equals.rs"]
mod event_history_removed_equals;
#[path = "../right/event/history-removed-first-with-value.rs"]
mod event_history_removed_first_with_value;
#[path = "../right/event/history-removed-is-live.rs"]
mod event_history_removed_is_live;
#[path = "../right/event/history-since-first.rs"]
mod event_history_since_first;
#[path = "../right/event/history-since-on-struct.rs"]
mod event_history_since_on_struct;
#[path = "../right/event/history-since-quoted.rs"]
mod event_history_since_quoted;
#[path = "../right/event/history-was-attribute-alone.rs"]
mod event_history_was_attribute_alone;
#[path = "../right/event/history-was-before-added.rs"]
mod event_history_was_before_added;
#[path = "../right/event/history-was-before-later.rs"]
mod event_history_was_before_later;
#[path = "../right/event/history-was-empty.rs"]
mod event_history_was_empty;
#[path = "../right/event/history-was-name-taken.rs"]
mod event_history_was_name_taken;
#[path = "../right/event/history-was-same-name.rs"]
mod event_history_was_same_name;
#[path = "../right/event/history-was-same-type.rs"]
mod event_history_was_same_type;
#[path = "../right/event/history-was-same-type-with.rs"]
mod event_history_was_same_type_with;
#[path = "../right/event/history-was-type-quoted.rs"]
mod event_history_was_type_quoted;
#[path = "../right/event/history-was-type-without-argument.rs"]
mod event_history_was_type_without_argument;
#[path = "../right/event/history-was-with-only.rs"]
mod event_history_was_with_only;
#[path = "../right/event/history-was-without-change.rs"]
mod event_history_was_without_change;
#[path = "../right/event/history-with-call.rs"]
mod event_history_with_call;
#[path = "../right/event/history-with-closure.rs"]
mod event_history_with_closure;
#[path = "../right/event/history-with-missing.rs"]
mod event_history_with_missing;
#[path = "../right/event/history-with-quoted.rs"]
mod event_history_with_quoted;
#[path = "../right/event/history-with-unknown.rs"]
mod event_history_with_unknown;
#[path = "../right/event/history-with-wrong-result.rs"]
mod event_history_with_wrong_result;
#[path = "../right/event/key-id.rs"]
mod event_key_id;
#[path = "../right/event/key-on-field.rs"]
mod event_key_on_field;
#[path = "../right/event/key-unknown.rs"]
mod event_key_unknown;
#[path = "../right/event/key-unknown-on-field.rs"]
mod event_key_unknown_on_field;
#[path = "../right/event/many-field-borrows.rs"]
mod event_many_field_borrows;
#[path = "../right/event/name-on-field.rs"]
mod event_name_on_field;
#[path = "../right/event/name-with-umlaut.rs"]
mod event_name_with_umlaut;
#[path = "../right/event/no-serde.rs"]
mod event_no_serde;
#[path = "../right/event/previous-is-itself.rs"]
mod event_previous_is_itself;
#[path = "../right/event/previous-of-another-name.rs"]
mod event_previous_of_another_name;
#[path = "../right/event/previous-of-first.rs"]
mod event_previous_of_first;
#[path = "../right/event/previous-on-field.rs"]
mod event_previous_on_field;
#[path = "../right/event/reserved-name.rs"]
mod event_reserved_name;
#[path = "../right/event/serde-default.rs"]
mod event_serde_default;
#[path = "../right/event/serde-two-fields-of-one-name.rs"]
mod event_serde_two_fields_of_one_name;
#[path = "../right/event/serde-two-fields-of-one-name-in-a-variant.rs"]
mod event_serde_two_fields_of_one_name_in_a_variant;
#[path = "../right/event/tag-kind-on-field.rs"]
mod event_tag_kind_on_field;
#[path = "../right/event/tag-of-default.rs"]
mod event_tag_of_default;
#[path = "../right/event/tag-of-no-tag.rs"]
mod event_tag_of_no_tag;
#[path = "../right/event/tag-of-removed-field.rs"]
mod event_tag_of_removed_field;
#[path = "../right/event/try-upcast-error-is-no-error.rs"]
mod event_try_upcast_error_is_no_error;
#[path = "../right/event/try-upcast-is-infallible.rs"]
mod event_try_upcast_is_infallible;
#[path = "../right/event/tuple-struct.rs"]
mod event_tuple_struct;
#[path = "../right/event/unique-equals.rs"]
mod event_unique_equals;
#[path = "../right/event/unique-form-unknown.rs"]
mod event_unique_form_unknown;
#[path = "../right/event/unique-keep-is-a-number.rs"]
mod event_unique_keep_is_a_number;
#[path = "../right/event/unique-of-default.rs"]
mod event_unique_of_default;
#[path = "../right/event/unique-of-older-type.rs"]
mod event_unique_of_older_type;
#[path = "../right/event/unique-of-removed-field.rs"]
mod event_unique_of_removed_field;
#[path = "../right/event/unique-on-variant.rs"]
mod event_unique_on_variant;
#[path = "../right/event/unique-releases-twice.rs"]
mod event_unique_releases_twice;
#[path = "../right/event/unique-second-name.rs"]
mod event_unique_second_name;
#[path = "../right/event/unique-twice.rs"]
mod event_unique_twice;
#[path = "../right/event/unique-without-display.rs"]
mod event_unique_without_display;
#[path = "../right/event/unique-without-name.rs"]
mod event_unique_without_name;
#[path = "../right/event/unit-struct.rs"]
mod event_unit_struct;
#[path = "../right/event/upcast-closure.rs"]
mod event_upcast_closure;
#[path = "../right/event/upcast-is-fallible.rs"]
mod event_upcast_is_fallible;
#[path = "../right/event/upcast-json-wrong-argument.rs"]
mod event_upcast_json_wrong_argument;
#[path = "../right/event/upcast-of-first.rs"]
mod event_upcast_of_first;
#[path = "../right/event/upcast-on-field.rs"]
mod event_upcast_on_field;
#[path = "../right/event/upcast-unknown-function.rs"]
mod event_upcast_unknown_function;
#[path = "../right/event/version-in-parentheses.rs"]
mod event_version_in_parentheses;
#[path = "../right/event/version-without-value.rs"]
mod event_version_without_value;
#[path = "../right/event/write-newer.rs"]
mod event_write_newer;
#[path = "../right/event/write-newest.rs"]
mod event_write_newest;
#[path = "../right/event/write-not-a-version.rs"]
mod event_write_not_a_version;
#[path = "../right/event/write-of-the-first.rs"]
mod event_write_of_the_first;
#[path = "../right/event/write-too-old.rs"]
mod event_write_too_old;
#[path = "../right/event/write-with-previous.rs"]
mod event_write_with_previous;
#[path = "../right/event/write-with-upcast.rs"]
mod event_write_with_upcast;
#[path = "../right/event/write-without-back.rs"]
mod event_write_without_back;
#[path = "../right/event/write-without-removed-back.rs"]
mod event_write_without_removed_back;
#[path = "../right/fold/all-of-lacks-one.rs"]
mod fold_all_of_lacks_one;
#[path = "../right/fold/attribute-absent.rs"]
mod fold_attribute_absent;
#[path = "../right/fold/event-with-other-names.rs"]
mod fold_event_with_other_names;
#[path = "../right/fold/last-equals.rs"]
mod fold_last_equals;
#[path = "../right/fold/many-broken-events.rs"]
mod fold_many_broken_events;
#[path = "../right/laws/laws.rs"]
mod laws_laws;
#[path = "../right/lock/assert-of-an-event-without-shape.rs"]
mod lock_assert_of_an_event_without_shape;
#[path = "../right/lock/nested-type-changed.rs"]
mod lock_nested_type_changed;
#[path = "../right/process_manager/all-of-lacks-one.rs"]
mod process_manager_all_of_lacks_one;
#[path = "../right/process_manager/bare.rs"]
mod process_manager_bare;
#[path = "../right/process_manager/impl-without-being-listed.rs"]
mod process_manager_impl_without_being_listed;
#[path = "../right/process_manager/rejected-without-flag.rs"]
mod process_manager_rejected_without_flag;
#[path = "../right/process_manager/sends-to-whom.rs"]
mod process_manager_sends_to_whom;
#[path = "../right/process_manager/sends-unlisted.rs"]
mod process_manager_sends_unlisted;
#[path = "../right/process_manager/timer-without-flag.rs"]
mod process_manager_timer_without_flag;
#[path = "../right/process_manager/unknown-key.rs"]
mod process_manager_unknown_key;
#[path = "../right/projection/all-of-an-event.rs"]
mod projection_all_of_an_event;
#[path = "../right/projection/all-of-ignored.rs"]
mod projection_all_of_ignored;
#[path = "../right/projection/all-of-ignores-a-foreign-event.rs"]
mod projection_all_of_ignores_a_foreign_event;
#[path = "../right/projection/all-of-lacks-one.rs"]
mod projection_all_of_lacks_one;
#[path = "../right/projection/enum.rs"]
mod projection_enum;
#[path = "../right/projection/events-as.rs"]
mod projection_events_as;
#[path = "../right/projection/events-empty.rs"]
mod projection_events_empty;
#[path = "../right/projection/events-equals.rs"]
mod projection_events_equals;
#[path = "../right/projection/events-ignore.rs"]
mod projection_events_ignore;
#[path = "../right/projection/ignored.rs"]
mod projection_ignored;
#[path = "../right/projection/impl-for-a-database-without-tables.rs"]
mod projection_impl_for_a_database_without_tables;
#[path = "../right/projection/listed-twice.rs"]
mod projection_listed_twice;
#[path = "../right/projection/missing-impl.rs"]
mod projection_missing_impl;
#[path = "../right/projection/no-attribute.rs"]
mod projection_no_attribute;
#[path = "../right/projection/no-events.rs"]
mod projection_no_events;
#[path = "../right/projection/no-name.rs"]
mod projection_no_name;
#[path = "../right/projection/no-schema.rs"]
mod projection_no_schema;
#[path = "../right/projection/not-an-event.rs"]
mod projection_not_an_event;
#[path = "../right/projection/on-unknown-version-quoted.rs"]
mod projection_on_unknown_version_quoted;
#[path = "../right/projection/partitions.rs"]
mod projection_partitions;
#[path = "../right/projection/schema-empty.rs"]
mod projection_schema_empty;
#[path = "../right/projection/schema-file-without-braces.rs"]
mod projection_schema_file_without_braces;
#[path = "../right/projection/schema-for-a-store.rs"]
mod projection_schema_for_a_store;
#[path = "../right/projection/schema-form.rs"]
mod projection_schema_form;
#[path = "../right/projection/schema-not-a-text.rs"]
mod projection_schema_not_a_text;
#[path = "../right/projection/subscription-from.rs"]
mod projection_subscription_from;
#[path = "../right/projection/subscription-from-quoted.rs"]
mod projection_subscription_from_quoted;
#[path = "../right/projection/subscription-missing-impl.rs"]
mod projection_subscription_missing_impl;
#[path = "../right/projection/subscription-schema.rs"]
mod projection_subscription_schema;
#[path = "../right/projection/unknown-key.rs"]
mod projection_unknown_key;
#[path = "../right/projection/unlisted-impl.rs"]
mod projection_unlisted_impl;
#[path = "../right/projection/version-zero.rs"]
mod projection_version_zero;
#[path = "../right/retired/alias-and-drop.rs"]
mod retired_alias_and_drop;
#[path = "../right/retired/drop-equals.rs"]
mod retired_drop_equals;
#[path = "../right/retired/enum-alias-unknown.rs"]
mod retired_enum_alias_unknown;
#[path = "../right/retired/enum-drop-is-live.rs"]
mod retired_enum_drop_is_live;
#[path = "../right/retired/split-closure.rs"]
mod retired_split_closure;
#[path = "../right/retired/split-without-function.rs"]
mod retired_split_without_function;
#[path = "../right/saga/attempts-zero.rs"]
mod saga_attempts_zero;
#[path = "../right/saga/bare.rs"]
mod saga_bare;
#[path = "../right/saga/command-async.rs"]
mod saga_command_async;
#[path = "../right/saga/command-of-other-type.rs"]
mod saga_command_of_other_type;
#[path = "../right/saga/deadline-without-unit.rs"]
mod saga_deadline_without_unit;
#[path = "../right/saga/deps-by-value.rs"]
mod saga_deps_by_value;
#[path = "../right/saga/effect-by-reference.rs"]
mod saga_effect_by_reference;
#[path = "../right/saga/end-async.rs"]
mod saga_end_async;
#[path = "../right/saga/exhausted-word.rs"]
mod saga_exhausted_word;
#[path = "../right/saga/no-name.rs"]
mod saga_no_name;
#[path = "../right/saga/no-such-undo.rs"]
mod saga_no_such_undo;
#[path = "../right/saga/output-by-value.rs"]
mod saga_output_by_value;
#[path = "../right/saga/output-of-other-type.rs"]
mod saga_output_of_other_type;
#[path = "../right/saga/output-of-other-type-in-undo.rs"]
mod saga_output_of_other_type_in_undo;
#[path = "../right/saga/output-without-deserialize.rs"]
mod saga_output_without_deserialize;
#[path = "../right/saga/reconcile-of-no-method.rs"]
mod saga_reconcile_of_no_method;
#[path = "../right/saga/step-unknown-key.rs"]
mod saga_step_unknown_key;
#[path = "../right/saga/timeout-not-a-time.rs"]
mod saga_timeout_not_a_time;
#[path = "../right/saga/two-pivots.rs"]
mod saga_two_pivots;
#[path = "../right/saga/two-ways-back.rs"]
mod saga_two_ways_back;
#[path = "../right/saga/undo-not-a-method.rs"]
mod saga_undo_not_a_method;
#[path = "../right/saga/unknown-key.rs"]
mod saga_unknown_key;
#[path = "../right/saga/unknown-parameter.rs"]
mod saga_unknown_parameter;
#[path = "../right/saga/without-undo.rs"]
mod saga_without_undo;
#[path = "../right/shape/as-not-a-text.rs"]
mod shape_as_not_a_text;
#[path = "../right/shape/event-field-key.rs"]
mod shape_event_field_key;
#[path = "../right/shape/event-field-without-shape.rs"]
mod shape_event_field_without_shape;
#[path = "../right/shape/field-without-shape.rs"]
mod shape_field_without_shape;
#[path = "../right/shape/key-on-variant.rs"]
mod shape_key_on_variant;
#[path = "../right/shape/key-unknown.rs"]
mod shape_key_unknown;
#[path = "../right/shape/key-unknown-on-field.rs"]
mod shape_key_unknown_on_field;
#[path = "../right/shape/lifetime.rs"]
mod shape_lifetime;
#[path = "../right/shape/recursive-with-value.rs"]
mod shape_recursive_with_value;
#[path = "../right/shape/since-without-default.rs"]
mod shape_since_without_default;
#[path = "../right/shape/two-fields-of-one-name.rs"]
mod shape_two_fields_of_one_name;
#[path = "../right/shape/unique-on-part.rs"]
mod shape_unique_on_part;
#[path = "../right/shape/unit-without-value.rs"]
mod shape_unit_without_value;
#[path = "../right/shape/version-on-generic.rs"]
mod shape_version_on_generic;
#[path = "../right/tag/generic.rs"]
mod tag_generic;
#[path = "../right/tag/no-field.rs"]
mod tag_no_field;
