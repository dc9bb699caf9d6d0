//! The rules of `#[derive(ProcessManager)]`.

use crate::{
    attr::{CratePath, process::OnProcessManager},
    diag::Diag,
    ident, messages,
    model::process::Process,
};
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
        timers: attrs.timers.key().map(proc_macro2::Ident::span),
        rejections: attrs.rejections.key().map(proc_macro2::Ident::span),
        allows: super::allowed_lints(&input.attrs),
    }
}
