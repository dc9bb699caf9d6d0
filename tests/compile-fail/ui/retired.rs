#![allow(unused_imports, unreachable_patterns)]

#[path = "retired/alias-and-drop.rs"]
mod retired_alias_and_drop;
#[path = "retired/alias-by-name.rs"]
mod retired_alias_by_name;
#[path = "retired/alias-not-listed.rs"]
mod retired_alias_not_listed;
#[path = "retired/alias-without-arrow.rs"]
mod retired_alias_without_arrow;
#[path = "retired/beside-a-set.rs"]
mod retired_beside_a_set;
#[path = "retired/drop-equals.rs"]
mod retired_drop_equals;
#[path = "retired/drop-twice.rs"]
mod retired_drop_twice;
#[path = "retired/drop-without-quotes.rs"]
mod retired_drop_without_quotes;
#[path = "retired/enum-alias-unknown.rs"]
mod retired_enum_alias_unknown;
#[path = "retired/split-closure.rs"]
mod retired_split_closure;
#[path = "retired/split-without-function.rs"]
mod retired_split_without_function;

fn main() {}
