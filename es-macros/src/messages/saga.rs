//! `#[saga(..)]`.

use super::words::words;

pub(crate) fn saga_not_on_impl() -> String {
    "`#[saga(..)]` belongs on an `impl` block, whose methods are the steps\n\
     help: write `#[saga(\"fulfil-order\")] impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_without_name() -> String {
    "the saga has no name\nhelp: write `#[saga(\"fulfil-order\", ..)]`".to_owned()
}

pub(crate) fn saga_on_trait_impl() -> String {
    "a saga is an inherent `impl` block, not the `impl` of a trait\n\
     help: write `impl FulfilOrder { .. }`"
        .to_owned()
}

pub(crate) fn saga_generic() -> String {
    "a saga cannot be generic: its name stands for one list of steps\n\
     help: remove the parameters"
        .to_owned()
}

pub(crate) fn saga_without_steps() -> String {
    "the saga has no steps\nhelp: write `#[step(undo = ..)]` on each method that is a step"
        .to_owned()
}

pub(crate) fn not_a_method(word: &str) -> String {
    format!(
        "the value of `{word}` is not the name of a method of this block\n\
         help: write it like `{word} = refund`"
    )
}

pub(crate) fn not_a_count(word: &str) -> String {
    format!("the value of `{word}` is not a whole number above 0\nhelp: write it like `{word} = 8`")
}

pub(crate) fn two_roles() -> String {
    "this method already has another role in the saga\nhelp: keep one of the attributes".to_owned()
}

pub(crate) fn role_of_no_method(role: &str) -> String {
    format!("`#[{role}]` belongs on a method\nhelp: remove it here")
}

pub(crate) fn step_name_reserved(step: &str) -> String {
    format!(
        "a step cannot be called `{step}`: that is the name of an outcome of the saga\n\
         help: give the method another name"
    )
}

pub(crate) fn step_async(step: &str, command: bool) -> String {
    if command {
        format!(
            "`{step}` only returns a command, so it cannot be `async`\n\
             help: remove `async`, or make it a `#[step]` if it calls another system"
        )
    } else {
        format!(
            "step `{step}` calls another system, so it must be `async`\n\
             help: write `async fn {step}`, or make it a `#[command]` if it returns one"
        )
    }
}

pub(crate) fn end_async(end: &str) -> String {
    format!("`{end}` only returns a command, so it cannot be `async`\nhelp: remove `async`")
}

pub(crate) fn two_ends(role: &str) -> String {
    format!("the saga already has a method for `#[{role}]`\nhelp: keep one of them")
}

pub(crate) fn step_without_undo(step: &str) -> String {
    format!(
        "step `{step}` does not say how it is undone\n\
         help: write `undo = ..` with an `#[undo]` method, `no_undo` if nothing is left to undo, or \
         `pivot` if there is no way back after it"
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
        "step `{step}` comes after the pivot `{pivot}`, so its undo would never run\n\
         help: remove `undo`; the step is retried until it succeeds"
    )
}

pub(crate) fn two_pivots(first: &str) -> String {
    format!(
        "the saga already has a pivot, `{first}`: there can be only one point of no return\n\
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
        "`{name}` must take `&self` first: it is the stored input of the saga\nhelp: add `&self`"
    )
}

pub(crate) fn other_self(name: &str) -> String {
    format!(
        "`{name}` takes `&self`: it is the stored input of the saga, and no method changes it\n\
         help: write `&self` instead; what a step finds out is its output"
    )
}

pub(crate) fn odd_parameter() -> String {
    "the output of a step is asked for by its name, so this parameter must be a plain name\nhelp: write it like `reserve: &Reservation`".to_owned()
}

pub(crate) fn by_reference(name: &str, ty: &str) -> String {
    format!("`{name}` is passed by shared reference\nhelp: write `{name}: &{ty}`")
}

pub(crate) fn effect_by_value(name: &str, ty: &str) -> String {
    format!("`{name}` is passed by value\nhelp: write `{name}: {ty}`")
}

pub(crate) fn output_in_its_undo(step: &str, ty: &str) -> String {
    format!(
        "the undo of `{step}` cannot ask for its output by name, because the outcome of the step may be \
         unknown\n\
         help: write `did: Effect<&{ty}>`; `did.known()` is the output if there is one"
    )
}

pub(crate) fn effect_without_call(name: &str) -> String {
    format!(
        "`{name}` undoes by a command, which is given no `Effect`\n\
         help: remove this parameter, or make `{name}` an `async fn` that returns `Result<(), Fail>`"
    )
}

pub(crate) fn output_of_later(step: &str) -> String {
    format!(
        "step `{step}` has not run yet at this point\n\
         help: move this method below `{step}`; steps run in the order of the methods"
    )
}

pub(crate) fn unknown_parameter(name: &str, deps: Option<&str>, steps: &[&str]) -> String {
    let deps = match deps {
        Some(deps) => format!("`&{deps}`"),
        None => "what `deps = ..` names".to_owned(),
    };
    let steps = match steps {
        [] => "there is no earlier step".to_owned(),
        many => format!("the earlier steps are {}", words(many)),
    };
    format!(
        "`{name}` is neither an earlier step nor of a type that can be passed\n\
         help: {steps}; other parameters are {deps} and `&StepCx`, in an undo `Effect<&..>`, and in \
         `#[compensated]` `&Failure`"
    )
}
