#![allow(unused_imports, unreachable_patterns)]

#[path = "projection/all-of-an-event.rs"]
mod projection_all_of_an_event;
#[path = "projection/all-of-ignored.rs"]
mod projection_all_of_ignored;
#[path = "projection/enum.rs"]
mod projection_enum;
#[path = "projection/events-as.rs"]
mod projection_events_as;
#[path = "projection/events-empty.rs"]
mod projection_events_empty;
#[path = "projection/events-equals.rs"]
mod projection_events_equals;
#[path = "projection/events-of-aggregate-empty.rs"]
mod projection_events_of_aggregate_empty;
#[path = "projection/events-ignore.rs"]
mod projection_events_ignore;
#[path = "projection/generic.rs"]
mod projection_generic;
#[path = "projection/ignored.rs"]
mod projection_ignored;
#[path = "projection/listed-twice.rs"]
mod projection_listed_twice;
#[path = "projection/many-faults.rs"]
mod projection_many_faults;
#[path = "projection/no-attribute.rs"]
mod projection_no_attribute;
#[path = "projection/no-events.rs"]
mod projection_no_events;
#[path = "projection/no-name.rs"]
mod projection_no_name;
#[path = "projection/no-schema.rs"]
mod projection_no_schema;
#[path = "projection/on-unknown-version-quoted.rs"]
mod projection_on_unknown_version_quoted;
#[path = "projection/on-unknown-version.rs"]
mod projection_on_unknown_version;
#[path = "projection/partitions.rs"]
mod projection_partitions;
#[path = "projection/schema-empty.rs"]
mod projection_schema_empty;
#[path = "projection/schema-for-a-store.rs"]
mod projection_schema_for_a_store;
#[path = "projection/schema-form.rs"]
mod projection_schema_form;
#[path = "projection/schema-one-dialect.rs"]
mod projection_schema_one_dialect;
#[path = "projection/schema-twice.rs"]
mod projection_schema_twice;
#[path = "projection/schema-without-braces.rs"]
mod projection_schema_without_braces;
#[path = "projection/schema-without-database.rs"]
mod projection_schema_without_database;
#[path = "projection/subscription-from-quoted.rs"]
mod projection_subscription_from_quoted;
#[path = "projection/subscription-from.rs"]
mod projection_subscription_from;
#[path = "projection/subscription-no-attribute.rs"]
mod projection_subscription_no_attribute;
#[path = "projection/subscription-no-events.rs"]
mod projection_subscription_no_events;
#[path = "projection/subscription-schema.rs"]
mod projection_subscription_schema;
#[path = "projection/unknown-key.rs"]
mod projection_unknown_key;
#[path = "projection/version-zero.rs"]
mod projection_version_zero;

fn main() {}
