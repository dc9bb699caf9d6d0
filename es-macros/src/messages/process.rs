//! `#[derive(ProcessManager)]`.

pub(crate) fn process_without_inputs(ident: &str) -> String {
    format!(
        "process manager `{ident}` reacts to nothing\nhelp: add `#[process_manager(reacts(OrderPlaced))]` with every event that it reacts to"
    )
}

pub(crate) fn sends_need_a_list() -> String {
    "`sends` takes a list\nhelp: write `sends(Order::{CancelOrder})` with every command that it sends"
        .to_owned()
}

pub(crate) fn sends_empty() -> String {
    "the list of commands is empty\nhelp: list them with their aggregates: `sends(Order::{CancelOrder})`"
        .to_owned()
}

pub(crate) fn sent_to_whom(command: &str) -> String {
    format!(
        "`sends` does not say which aggregate `{command}` goes to\nhelp: write the aggregate before it, like `Order::{{{command}}}`"
    )
}

pub(crate) fn nothing_sent_to(aggregate: &str) -> String {
    format!(
        "the braces after `{aggregate}::` are empty\nhelp: write the commands to `{aggregate}` in them, like `{aggregate}::{{CancelOrder}}`"
    )
}
