//! The whole of a catalogue as one flowchart of Mermaid: commands, aggregates, events, and what reads them and sends commands in turn.

use super::{
    Catalogue,
    model::{CommandTo, Milliseconds, PROCESS_MANAGER, Reader, SAGA},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

/// `None` for a catalogue without aggregates.
pub(super) fn of_all(catalogue: &Catalogue) -> Option<String> {
    if catalogue.aggregates.is_empty() {
        return None;
    }
    let mut diagram = String::new();
    // Writing to a text cannot fail.
    let _ = write_all(catalogue, &mut diagram);
    Some(diagram)
}

fn write_all(catalogue: &Catalogue, diagram: &mut String) -> fmt::Result {
    writeln!(diagram, "flowchart LR")?;
    // The numbers of the commands, by aggregate and name.
    let mut commands: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut number = 0;
    for (at, (name, described)) in catalogue.aggregates.iter().enumerate() {
        writeln!(diagram, "    a{at}[\"{}\"]", label(name))?;
        for command in catalogue.commands_to(name) {
            let of = commands.len();
            commands.insert((name, command), of);
            writeln!(diagram, "    c{of}>\"{}\"] --> a{at}", label(command))?;
        }
        for event in described.events {
            writeln!(
                diagram,
                "    a{at} --> e{number}([\"{}\"])",
                label(event.name)
            )?;
            for (reader, of) in catalogue.readers.iter().enumerate() {
                if of.reads(event.name) {
                    writeln!(diagram, "    e{number} --> r{reader}")?;
                }
            }
            number += 1;
        }
    }
    for (at, reader) in catalogue.readers.iter().enumerate() {
        let (name, kind) = (label(&reader.name), label(&reader.kind));
        writeln!(diagram, "    r{at}[/\"{name}<br/>{kind}\"/]")?;
        if reader.kind == PROCESS_MANAGER {
            // It has events of its own.
            let own = catalogue
                .aggregates
                .keys()
                .position(|of| *of == reader.name);
            if let Some(own) = own {
                writeln!(diagram, "    r{at} --> a{own}")?;
            }
        }
        let Follows { sends, timers } = follows(catalogue, reader);
        for to in sends {
            // The aggregate may not be in this catalogue.
            if let Some(of) = commands.get(&(to.aggregate, to.command)) {
                writeln!(diagram, "    r{at} --> c{of}")?;
            }
        }
        for timer in timers {
            writeln!(diagram, "    r{at} -. \"{}\" .-> r{at}", label(&timer))?;
        }
    }
    Ok(())
}

/// What a reader does after it has read: the commands that it sends, and what it waits for.
#[derive(Default)]
struct Follows {
    sends: BTreeSet<CommandTo>,
    timers: BTreeSet<String>,
}

fn follows(catalogue: &Catalogue, reader: &Reader) -> Follows {
    let mut follows = Follows::default();
    if reader.kind == SAGA {
        let versions = catalogue.sagas.iter();
        for (_, saga) in versions.filter(|((name, _), _)| *name == reader.name) {
            follows.sends.extend(saga.sends());
            let deadline = saga.deadline_ms.map(Milliseconds);
            follows
                .timers
                .extend(deadline.map(|time| format!("deadline: {time}")));
        }
    }
    let manager = catalogue.process_managers.get(&*reader.name);
    if let Some(manager) = manager.filter(|_| reader.kind == PROCESS_MANAGER) {
        follows.sends.extend(manager.sends.iter().flatten());
        follows
            .timers
            .extend(manager.timers.then(|| "timers".to_owned()));
    }
    follows
}

/// A label of Mermaid between quotes.
fn label(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
