//! Diagrams of sagas as Mermaid text.

use super::{Info, StepInfo};
use crate::{
    key::StepDirection,
    names::{COMPENSATED, COMPLETED},
    state::{Phase, SagaState, StepStatus},
};
use std::fmt::Write as _;

/// A flowchart of the steps and their undos. With a state it also shows the progress.
pub(crate) fn diagram(info: &Info, state: Option<&SagaState>) -> String {
    let mut text = String::from("flowchart LR\n");
    // Writing to a string cannot fail.
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "    {words}");
    };
    line(format_args!("start((start))"));
    let mut before = "start".to_owned();
    let mut way_back: Option<String> = None;
    for (index, step) in info.steps.iter().enumerate() {
        let name = quoted(step.name);
        let shape = match (step.pivot, step.is_command()) {
            (true, _) => format!("{{{{\"{name}\"}}}}"),
            (false, true) => format!("([\"{name}\"])"),
            (false, false) => format!("[\"{name}\"]"),
        };
        line(format_args!("s{index}{shape}"));
        line(format_args!("{before} --> s{index}"));
        for needed in &step.needs {
            let at = info.steps.iter().position(|other| other.name == *needed);
            if let Some(at) = at.filter(|at| at + 1 < index) {
                line(format_args!("s{at} -.-> s{index}"));
            }
        }
        if step.has_undo() {
            line(format_args!("u{index}[/\"undo {name}\"/]"));
            line(format_args!("s{index} -. fails .-> u{index}"));
            if let Some(earlier) = &way_back {
                line(format_args!("u{index} --> {earlier}"));
            }
            way_back = Some(format!("u{index}"));
        }
        before = format!("s{index}");
    }
    line(format_args!("{COMPLETED}(({COMPLETED}))"));
    line(format_args!("{before} --> {COMPLETED}"));
    let first_undo = info.steps.iter().position(StepInfo::has_undo);
    line(format_args!("{COMPENSATED}(({COMPENSATED}))"));
    match first_undo {
        Some(index) => line(format_args!("u{index} --> {COMPENSATED}")),
        None => line(format_args!("start -. fails .-> {COMPENSATED}")),
    }
    if let Some(state) = state {
        classes(info, state, &mut line);
    }
    text
}

fn classes(info: &Info, state: &SagaState, line: &mut impl FnMut(std::fmt::Arguments<'_>)) {
    line(format_args!("classDef done fill:#bfe5bf,stroke:#2b7a2b"));
    line(format_args!("classDef undone fill:#d9d9d9,stroke:#555555"));
    line(format_args!("classDef failed fill:#f3b7b7,stroke:#a11919"));
    line(format_args!(
        "classDef now fill:#ffe08a,stroke:#9a6b00,stroke-width:3px"
    ));
    for (index, step) in info.steps.iter().enumerate() {
        let Some(known) = state.step(step.name) else {
            continue;
        };
        let class = match known.status {
            StepStatus::Done | StepStatus::Skipped => Some("done"),
            StepStatus::DidNotHappen | StepStatus::Unknown => Some("failed"),
            StepStatus::Undone => Some("undone"),
            StepStatus::Scheduled | StepStatus::Stuck => None,
        };
        if let Some(class) = class {
            line(format_args!("class s{index} {class}"));
        }
        if step.has_undo() && known.status == StepStatus::Undone {
            line(format_args!("class u{index} done"));
        }
        let pending = state.pending.as_ref();
        if let Some(pending) = pending.filter(|pending| pending.step == step.name) {
            let to = match pending.to {
                StepDirection::Do => 's',
                StepDirection::Undo => 'u',
            };
            let class = if state.parked.is_some() {
                "failed"
            } else {
                "now"
            };
            line(format_args!("class {to}{index} {class}"));
        }
    }
    match state.phase {
        Phase::Completed => line(format_args!("class {COMPLETED} done")),
        Phase::Compensated => line(format_args!("class {COMPENSATED} done")),
        _ => {}
    }
}

/// Quotes end a label.
fn quoted(name: &str) -> String {
    name.replace('"', "#quot;")
}
