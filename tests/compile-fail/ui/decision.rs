#![allow(unused_imports, unreachable_patterns)]

#[path = "decision/attribute-absent.rs"]
mod decision_attribute_absent;
#[path = "decision/bare.rs"]
mod decision_bare;
#[path = "decision/crate-relative.rs"]
mod decision_crate_relative;
#[path = "decision/emits-empty.rs"]
mod decision_emits_empty;
#[path = "decision/emits-equals.rs"]
mod decision_emits_equals;
#[path = "decision/emits-group-misspelt.rs"]
mod decision_emits_group_misspelt;
#[path = "decision/emits-twice.rs"]
mod decision_emits_twice;
#[path = "decision/enum.rs"]
mod decision_enum;
#[path = "decision/error-missing.rs"]
mod decision_error_missing;
#[path = "decision/error-misspelt.rs"]
mod decision_error_misspelt;
#[path = "decision/error-quoted.rs"]
mod decision_error_quoted;
#[path = "decision/field-misspelt.rs"]
mod decision_field_misspelt;
#[path = "decision/field-unknown.rs"]
mod decision_field_unknown;
#[path = "decision/generic.rs"]
mod decision_generic;
#[path = "decision/key-events.rs"]
mod decision_key_events;
#[path = "decision/key-misspelt.rs"]
mod decision_key_misspelt;
#[path = "decision/key-on-field.rs"]
mod decision_key_on_field;
#[path = "decision/key-twice.rs"]
mod decision_key_twice;
#[path = "decision/key-unknown.rs"]
mod decision_key_unknown;
#[path = "decision/lifetime.rs"]
mod decision_lifetime;
#[path = "decision/many-faults.rs"]
mod decision_many_faults;
#[path = "decision/name-as-key.rs"]
mod decision_name_as_key;
#[path = "decision/name-missing.rs"]
mod decision_name_missing;
#[path = "decision/name-with-space.rs"]
mod decision_name_with_space;
#[path = "decision/name-without-quotes.rs"]
mod decision_name_without_quotes;
#[path = "decision/read-by-name.rs"]
mod decision_read_by_name;
#[path = "decision/read-called-self.rs"]
mod decision_read_called_self;
#[path = "decision/read-in-brackets.rs"]
mod decision_read_in_brackets;
#[path = "decision/read-keyword.rs"]
mod decision_read_keyword;
#[path = "decision/read-of-no-type.rs"]
mod decision_read_of_no_type;
#[path = "decision/read-of-self.rs"]
mod decision_read_of_self;
#[path = "decision/read-twice.rs"]
mod decision_read_twice;
#[path = "decision/read-with-arguments.rs"]
mod decision_read_with_arguments;
#[path = "decision/read-with-equals.rs"]
mod decision_read_with_equals;
#[path = "decision/read-without-field.rs"]
mod decision_read_without_field;
#[path = "decision/read-without-name.rs"]
mod decision_read_without_name;
#[path = "decision/reads-empty.rs"]
mod decision_reads_empty;
#[path = "decision/reads-equals.rs"]
mod decision_reads_equals;
#[path = "decision/reads-in-braces.rs"]
mod decision_reads_in_braces;
#[path = "decision/reads-missing.rs"]
mod decision_reads_missing;
#[path = "decision/reads-misspelt.rs"]
mod decision_reads_misspelt;
#[path = "decision/reads-struct-quoted.rs"]
mod decision_reads_struct_quoted;
#[path = "decision/reads-struct-taken.rs"]
mod decision_reads_struct_taken;
#[path = "decision/stream-twice.rs"]
mod decision_stream_twice;
#[path = "decision/tuple-struct.rs"]
mod decision_tuple_struct;
#[path = "decision/unit-struct.rs"]
mod decision_unit_struct;

fn main() {}
