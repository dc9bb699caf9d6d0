#![allow(unused_imports, unreachable_patterns)]

#[path = "fold/attribute-absent.rs"]
mod fold_attribute_absent;
#[path = "fold/bare.rs"]
mod fold_bare;
#[path = "fold/by-empty.rs"]
mod fold_by_empty;
#[path = "fold/by-equals.rs"]
mod fold_by_equals;
#[path = "fold/by-kind.rs"]
mod fold_by_kind;
#[path = "fold/by-missing.rs"]
mod fold_by_missing;
#[path = "fold/by-twice.rs"]
mod fold_by_twice;
#[path = "fold/enum.rs"]
mod fold_enum;
#[path = "fold/event-listed-twice.rs"]
mod fold_event_listed_twice;
#[path = "fold/events-empty.rs"]
mod fold_events_empty;
#[path = "fold/events-missing.rs"]
mod fold_events_missing;
#[path = "fold/generic.rs"]
mod fold_generic;
#[path = "fold/key-on-field.rs"]
mod fold_key_on_field;
#[path = "fold/key-unknown.rs"]
mod fold_key_unknown;
#[path = "fold/last-equals.rs"]
mod fold_last_equals;
#[path = "fold/last-misspelt.rs"]
mod fold_last_misspelt;
#[path = "fold/last-twice.rs"]
mod fold_last_twice;
#[path = "fold/many-last-list.rs"]
mod fold_many_last_list;
#[path = "fold/name-missing.rs"]
mod fold_name_missing;

fn main() {}
