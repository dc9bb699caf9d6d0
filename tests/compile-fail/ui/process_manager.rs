#![allow(unused_imports, unreachable_patterns)]

#[path = "process_manager/bare.rs"]
mod process_manager_bare;
#[path = "process_manager/many-faults.rs"]
mod process_manager_many_faults;
#[path = "process_manager/name-here.rs"]
mod process_manager_name_here;
#[path = "process_manager/no-name.rs"]
mod process_manager_no_name;
#[path = "process_manager/not-a-struct.rs"]
mod process_manager_not_a_struct;
#[path = "process_manager/reacts-to-nothing.rs"]
mod process_manager_reacts_to_nothing;
#[path = "process_manager/sends-empty.rs"]
mod process_manager_sends_empty;
#[path = "process_manager/sends-no-command.rs"]
mod process_manager_sends_no_command;
#[path = "process_manager/sends-to-whom.rs"]
mod process_manager_sends_to_whom;
#[path = "process_manager/sends-twice.rs"]
mod process_manager_sends_twice;
#[path = "process_manager/sends-without-list.rs"]
mod process_manager_sends_without_list;
#[path = "process_manager/unknown-key.rs"]
mod process_manager_unknown_key;

fn main() {}
