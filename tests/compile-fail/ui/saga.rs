#![allow(unused_imports, unreachable_patterns)]

#[path = "saga/attempts-zero.rs"]
mod saga_attempts_zero;
#[path = "saga/bare.rs"]
mod saga_bare;
#[path = "saga/command-async.rs"]
mod saga_command_async;
#[path = "saga/deadline-without-unit.rs"]
mod saga_deadline_without_unit;
#[path = "saga/deps-by-value.rs"]
mod saga_deps_by_value;
#[path = "saga/deps-mutable.rs"]
mod saga_deps_mutable;
#[path = "saga/effect-by-reference.rs"]
mod saga_effect_by_reference;
#[path = "saga/effect-of-command.rs"]
mod saga_effect_of_command;
#[path = "saga/end-async.rs"]
mod saga_end_async;
#[path = "saga/exhausted-word.rs"]
mod saga_exhausted_word;
#[path = "saga/flag-with-value.rs"]
mod saga_flag_with_value;
#[path = "saga/generic.rs"]
mod saga_generic;
#[path = "saga/many-faults.rs"]
mod saga_many_faults;
#[path = "saga/no-name.rs"]
mod saga_no_name;
#[path = "saga/no-self.rs"]
mod saga_no_self;
#[path = "saga/no-steps.rs"]
mod saga_no_steps;
#[path = "saga/no-such-undo.rs"]
mod saga_no_such_undo;
#[path = "saga/not-an-impl.rs"]
mod saga_not_an_impl;
#[path = "saga/odd-parameter.rs"]
mod saga_odd_parameter;
#[path = "saga/output-by-value.rs"]
mod saga_output_by_value;
#[path = "saga/output-in-its-undo.rs"]
mod saga_output_in_its_undo;
#[path = "saga/output-of-later.rs"]
mod saga_output_of_later;
#[path = "saga/reserved-name.rs"]
mod saga_reserved_name;
#[path = "saga/retry-form.rs"]
mod saga_retry_form;
#[path = "saga/retry-unknown-key.rs"]
mod saga_retry_unknown_key;
#[path = "saga/self-by-value.rs"]
mod saga_self_by_value;
#[path = "saga/self-mutable.rs"]
mod saga_self_mutable;
#[path = "saga/start-unknown-key.rs"]
mod saga_start_unknown_key;
#[path = "saga/step-not-async.rs"]
mod saga_step_not_async;
#[path = "saga/step-not-send.rs"]
mod saga_step_not_send;
#[path = "saga/step-unknown-key.rs"]
mod saga_step_unknown_key;
#[path = "saga/timeout-not-a-time.rs"]
mod saga_timeout_not_a_time;
#[path = "saga/trait-impl.rs"]
mod saga_trait_impl;
#[path = "saga/two-roles.rs"]
mod saga_two_roles;
#[path = "saga/two-ways-back.rs"]
mod saga_two_ways_back;
#[path = "saga/undo-behind-pivot.rs"]
mod saga_undo_behind_pivot;
#[path = "saga/undo-not-a-method.rs"]
mod saga_undo_not_a_method;
#[path = "saga/undo-not-send.rs"]
mod saga_undo_not_send;
#[path = "saga/undo-of-no-step.rs"]
mod saga_undo_of_no_step;
#[path = "saga/unknown-key.rs"]
mod saga_unknown_key;
#[path = "saga/unknown-parameter-of-first.rs"]
mod saga_unknown_parameter_of_first;
#[path = "saga/unknown-parameter.rs"]
mod saga_unknown_parameter;
#[path = "saga/without-undo.rs"]
mod saga_without_undo;

fn main() {}
