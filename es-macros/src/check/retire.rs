//! The rules of retired names.

use crate::{
    attr::{self, retire::Retire},
    diag::Diag,
    messages,
    model::retire::Retired,
};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{LitStr, Path};

/// The retired names of a set; `listed` finds the variant of an event that it lists.
pub(crate) fn check(
    diag: &Diag,
    retire: Retire,
    listed: impl Fn(&Path) -> Option<Ident>,
) -> Vec<Retired> {
    let mut retired = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut once = |name: &LitStr| {
        let text = name.value();
        let again = names.contains(&text);
        if again {
            diag.at(name.span(), messages::retire::retired_twice(&text));
        }
        names.push(text);
        !again
    };
    for name in retire
        .drop
        .into_values()
        .into_iter()
        .flat_map(|drop| drop.0)
    {
        if once(&name) {
            retired.push(Retired::Dropped(name));
        }
    }
    for alias in retire.alias.into_values() {
        match listed(&alias.event) {
            Some(variant) if once(&alias.name) => retired.push(Retired::Alias(alias.name, variant)),
            Some(_) => {}
            None => {
                let text = attr::compact(&alias.event.to_token_stream());
                diag.over(&alias.event, messages::retire::alias_not_listed(&text));
            }
        }
    }
    for split in retire.split.into_values() {
        retired.extend(split.function.map(|function| Retired::Split {
            event: split.event,
            function,
        }));
    }
    retired
}
