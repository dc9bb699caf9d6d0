//! `#[saga(..)]`.

use super::words::words;

pub(crate) fn saga_not_on_impl() -> String {
    "`#[saga(..)]` stands on an `impl` block, since its methods are the steps\n\
     help: write `#[saga(\"fulfil-order\")] impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_without_name() -> String {
    "the saga has no name\nhelp: write `#[saga(\"fulfil-order\", ..)]`".to_owned()
}

pub(crate) fn saga_on_trait_impl() -> String {
    "a saga is an `impl` block of its own, not that of a trait\n\
     help: write `impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_generic() -> String {
    "a saga cannot be generic: its name stands for one list of steps\n\
     help: remove the parameters"
        .to_owned()
}

pub(crate) fn saga_without_steps() -> String {
    "the saga has no steps\nhelp: write `#[step(undo = ..)]` on each method that is one".to_owned()
}

pub(crate) fn not_a_method(word: &str) -> String {
    format!(
        "the value of `{word}` is not the name of a method of this block\n\
         help: write it like `{word} = refund`"
    )
}

pub(crate) fn not_a_time(word: &str) -> String {
    format!(
        "the value of `{word}` is not a time: a whole number with ms, s, m, h or d, in quotes\n\
         help: write it like `{word} = \"20s\"`"
    )
}

pub(crate) fn not_a_count(word: &str) -> String {
    format!("the value of `{word}` is not a whole number above 0\nhelp: write it like `{word} = 8`")
}

pub(crate) fn two_roles() -> String {
    "this method has another part in the saga already\nhelp: keep one of the attributes".to_owned()
}

pub(crate) fn role_of_no_method(role: &str) -> String {
    format!("`#[{role}]` stands on a method\nhelp: remove it here")
}

pub(crate) fn step_name_reserved(step: &str) -> String {
    format!(
        "a step cannot be called `{step}`, which is an end of the saga\n\
         help: give the method another name"
    )
}

pub(crate) fn step_async(step: &str, command: bool) -> String {
    if command {
        format!(
            "`{step}` only makes a command, so it cannot be `async`\n\
             help: remove `async`, or make it a `#[step]` if it calls out"
        )
    } else {
        format!(
            "step `{step}` calls out, so it must be `async`\n\
             help: write `async fn {step}`, or make it a `#[command]` if it returns one"
        )
    }
}

pub(crate) fn end_async(end: &str) -> String {
    format!("`{end}` only makes a command, so it cannot be `async`\nhelp: remove `async`")
}

pub(crate) fn two_ends(role: &str) -> String {
    format!("the saga has a method for `#[{role}]` already\nhelp: keep one of them")
}

pub(crate) fn step_without_undo(step: &str) -> String {
    format!(
        "step `{step}` does not say how it is undone\n\
         help: write `undo = ..` with an `#[undo]` method, `no_undo` if nothing is left to undo, or \
         `pivot` if there is no way back from it"
    )
}

pub(crate) fn two_ways_back(step: &str) -> String {
    format!(
        "step `{step}` says twice how it is undone\n\
         help: keep one of `undo`, `no_undo` and `pivot`"
    )
}

pub(crate) fn undo_behind_pivot(step: &str, pivot: &str) -> String {
    format!(
        "step `{step}` lies behind the pivot `{pivot}`, so its undo would never run\n\
         help: remove `undo`; it is tried again until it works"
    )
}

pub(crate) fn two_pivots(first: &str) -> String {
    format!(
        "the saga has a pivot already, `{first}`: there is one point of no return\n\
         help: remove `pivot` here"
    )
}

pub(crate) fn no_such_undo(name: &str) -> String {
    format!(
        "there is no `#[undo]` method `{name}` in this block\n\
         help: write `#[undo] async fn {name}(&self, did: Effect<&..>) -> Result<(), Fail>`"
    )
}

pub(crate) fn undo_of_no_step(name: &str) -> String {
    format!(
        "no step is undone by `{name}`\n\
         help: write `undo = {name}` on its step, or remove `#[undo]`"
    )
}

pub(crate) fn needs_self(name: &str) -> String {
    format!(
        "`{name}` must take `&self` first: what the saga is about is stored\nhelp: write `&self`"
    )
}

pub(crate) fn odd_parameter() -> String {
    "a parameter is known by its name here\nhelp: write it like `reserve: &Reservation`".to_owned()
}

pub(crate) fn output_of_later(step: &str) -> String {
    format!(
        "step `{step}` has not been done when this one runs\n\
         help: move the method below that of `{step}`, since steps run in their order"
    )
}

pub(crate) fn unknown_parameter(name: &str, deps: Option<&str>, steps: &[&str]) -> String {
    let deps = match deps {
        Some(deps) => format!("`&{deps}`"),
        None => "what `deps = ..` names".to_owned(),
    };
    let steps = match steps {
        [] => "no step comes before it".to_owned(),
        many => format!("the steps before it are {}", words(many)),
    };
    format!(
        "`{name}` is no step before this one, and its type is not one that is given\n\
         help: {steps}; besides there are {deps} and `&StepCx`, for an undo `Effect<&..>`, and for \
         `#[compensated]` `&Failure`"
    )
}
