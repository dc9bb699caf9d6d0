//! The catalogue as a page in Markdown.

use super::{
    Catalogue, diagram,
    model::{Action, CommandTo, Described, Milliseconds, ProcessManager, Saga},
    schema_file,
};
use es_runtime::schema::Retirement;
use std::fmt::{self, Write};

pub(super) fn page(catalogue: &Catalogue) -> String {
    let mut page = String::new();
    // Writing to a text cannot fail.
    let _ = write_page(catalogue, &mut page);
    page
}

fn write_page(catalogue: &Catalogue, page: &mut String) -> fmt::Result {
    writeln!(page, "# {}\n", text(&catalogue.title))?;
    writeln!(
        page,
        "A test writes this folder from the code. [asyncapi.json](asyncapi.json) has the events for tools, and\n\
         [catalogue.json](catalogue.json) all of it.\n"
    )?;
    if let Some(diagram) = diagram::of_all(catalogue) {
        write_mermaid(&diagram, page)?;
    }
    for (name, described) in &catalogue.aggregates {
        writeln!(page, "## {}\n", text(name))?;
        if let Some(manager) = catalogue.process_managers.get(name) {
            write_manager(manager, page)?;
        }
        let commands = list(&catalogue.commands_to(name));
        if !commands.is_empty() {
            if described.commands.is_empty() {
                // They are known from who sends them, or were added one by one.
                writeln!(
                    page,
                    "Commands that are known here: {commands}. The aggregate lists none with `commands(..)`, so it may take more.\n"
                )?;
            } else {
                writeln!(page, "Commands: {commands}.\n")?;
            }
        }
        write_events(catalogue, described, page)?;
    }
    for ((name, version), saga) in &catalogue.sagas {
        writeln!(page, "## {}, version {version}\n", text(name))?;
        write_saga(saga, page)?;
    }
    for (name, mermaid) in &catalogue.diagrams {
        writeln!(page, "## {}\n", text(name))?;
        write_mermaid(mermaid, page)?;
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    Ok(())
}

fn write_mermaid(diagram: &str, page: &mut String) -> fmt::Result {
    writeln!(page, "```mermaid\n{}\n```\n", diagram.trim_end())
}

fn write_events(catalogue: &Catalogue, described: &Described, page: &mut String) -> fmt::Result {
    writeln!(page, "| Event | Versions | Read by |\n|---|---|---|")?;
    for event in described.events {
        let versions = (1..=event.shapes.len())
            .map(|version| format!("[{version}]({})", schema_file(event.name, version)));
        let versions: Vec<String> = versions.collect();
        let readers = catalogue.readers.iter().filter(|r| r.reads(event.name));
        let readers =
            readers.map(|reader| format!("{} `{}`", text(&reader.kind), code(&reader.name)));
        let readers: Vec<String> = readers.collect();
        writeln!(
            page,
            "| `{}` | {} | {} |",
            code(event.name),
            versions.join(", "),
            readers.join(", ")
        )?;
    }
    writeln!(page)?;
    if described.retired.is_empty() {
        return Ok(());
    }
    writeln!(page, "Read, and no longer written:\n")?;
    for retired in described.retired {
        let into = match retired.into {
            Retirement::Dropped => "ignored".to_owned(),
            Retirement::Alias(name) => format!("read as `{}`", code(name)),
            Retirement::Split => "read as several events".to_owned(),
        };
        writeln!(page, "- `{}`: {into}", code(retired.name))?;
    }
    writeln!(page)
}

fn write_manager(manager: &ProcessManager, page: &mut String) -> fmt::Result {
    write!(
        page,
        "A process manager. It reacts to {}",
        list(&manager.reacts_to)
    )?;
    if manager.timers {
        write!(page, ", and to timers that it sets")?;
    }
    let sends = manager.sends.as_ref().map(|sends| {
        let sends = sends.iter().copied().map(sent);
        sends.collect::<Vec<_>>().join(", ")
    });
    match sends {
        Some(sends) => write!(page, ". It sends {sends}.")?,
        None => write!(page, ". The code does not declare which commands it sends.")?,
    }
    if manager.rejections {
        write!(page, " It handles commands that are rejected.")?;
    }
    writeln!(page, "\n")
}

fn write_saga(saga: &Saga, page: &mut String) -> fmt::Result {
    let mut said = vec![if saga.frozen {
        "A saga that starts no more".to_owned()
    } else if saga.starts_on.is_empty() {
        "A saga that no event starts".to_owned()
    } else {
        format!("A saga that {} starts", list(&saga.starts_on))
    }];
    if !saga.cancels_on.is_empty() {
        said.push(format!("{} cancels it", list(&saga.cancels_on)));
    }
    if let Some(deadline) = saga.deadline_ms {
        let deadline = Milliseconds(deadline);
        said.push(format!(
            "after {deadline} it is undone, unless it is past its point of no return"
        ));
    }
    writeln!(page, "{}.\n", said.join("; "))?;
    writeln!(
        page,
        "| Step | Does | Is undone by | Time limit | Attempts | Time limit, attempts of the undo |\n|---|---|---|---|---|---|"
    )?;
    for step in &saga.steps {
        let pivot = if step.pivot {
            ", the point of no return"
        } else {
            ""
        };
        let undo = step.undo.map_or_else(String::new, action);
        let of_undo = step.undo.map_or_else(String::new, |_| {
            format!(
                "{}, {}",
                Milliseconds(step.undo_timeout_ms),
                step.undo_attempts
            )
        });
        writeln!(
            page,
            "| `{}`{pivot} | {} | {undo} | {} | {} | {of_undo} |",
            code(step.name),
            action(step.action),
            Milliseconds(step.timeout_ms),
            step.attempts,
        )?;
    }
    writeln!(page)?;
    for (end, what) in [(saga.completed, "completed"), (saga.compensated, "undone")] {
        if let Some(end) = end {
            writeln!(page, "When all is {what}: {}.\n", action(end))?;
        }
    }
    write_mermaid(&saga.diagram, page)
}

fn action(action: Action) -> String {
    match action {
        Action::Call => "a call".to_owned(),
        Action::Command { sends: None } => "a command".to_owned(),
        Action::Command { sends: Some(to) } => sent(to),
    }
}

fn sent(to: CommandTo) -> String {
    format!("`{}` to `{}`", code(to.command), code(to.aggregate))
}

/// Names between backquotes.
fn list(names: &[&str]) -> String {
    let names = names.iter().map(|name| format!("`{}`", code(name)));
    names.collect::<Vec<_>>().join(", ")
}

/// Text of Markdown.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | '-' | ':' | ',' | '/') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A name between backquotes, in a table.
fn code(name: &str) -> String {
    name.replace('`', "'").replace('|', "\\|")
}
