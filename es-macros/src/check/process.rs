//! The rules of `#[derive(ProcessManager)]`.

use crate::{
    attr::{
        CratePath, compact,
        process::{OnProcessManager, SentTo},
    },
    diag::Diag,
    ident, messages,
    model::process::Process,
};
use quote::ToTokens;
use syn::DeriveInput;

/// The process manager that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Process {
    // That it is a struct without parameters is a rule of the aggregate that it must be, too.
    let ident = ident::text(&input.ident);
    let attrs = OnProcessManager::read(diag, &input.attrs);
    if attrs.reacts.is_missing() {
        diag.at(
            input.ident.span(),
            messages::process::process_without_inputs(&ident),
        );
    }
    let reacts = attrs.reacts.into_value().map(|list| list.0);
    Process {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_sagas(attrs.krate.value()),
        reacts: super::projection::distinct(diag, reacts.unwrap_or_default()),
        sends: attrs
            .sends
            .into_value()
            .map(|sends| distinct(diag, sends.0)),
        timers: attrs.timers.key().map(proc_macro2::Ident::span),
        rejections: attrs.rejections.key().map(proc_macro2::Ident::span),
        allows: super::allowed_lints(&input.attrs),
    }
}

/// The list without commands that stand in it twice for one aggregate.
fn distinct(diag: &Diag, mut list: Vec<SentTo>) -> Vec<SentTo> {
    let mut seen: Vec<(String, String)> = Vec::new();
    for to in &mut list {
        let aggregate = compact(&to.aggregate.to_token_stream());
        to.commands.retain(|listed| {
            let command = compact(&listed.path.to_token_stream());
            let new = (aggregate.clone(), command);
            let is_new = !seen.contains(&new);
            if is_new {
                seen.push(new);
            } else {
                diag.over(&listed.path, messages::aggregate::listed_twice(&new.1));
            }
            is_new
        });
    }
    list
}
