//! `#[derive(ProcessManager)]`.

pub(crate) fn process_without_inputs(ident: &str) -> String {
    format!(
        "process manager `{ident}` reacts to nothing\nhelp: add `#[process_manager(reacts(OrderPlaced))]` with every event that it reacts to"
    )
}
