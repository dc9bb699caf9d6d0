//! The rules of `#[derive(Fold)]`.

use crate::{
    attr::{self, CratePath, fold::OnFold},
    diag::Diag,
    ident, messages,
    model::fold::Fold,
};
use quote::ToTokens;
use syn::{Data, DeriveInput, Path};

/// The fold that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Fold {
    match &input.data {
        Data::Struct(data) => {
            for field in &data.fields {
                attr::fold::read_field(diag, &field.attrs);
            }
        }
        Data::Enum(data) => diag.at(data.enum_token.span, messages::fold::fold_not_a_struct()),
        Data::Union(data) => diag.at(data.union_token.span, messages::fold::fold_not_a_struct()),
    }
    let ident = ident::text(&input.ident);
    if !input.generics.params.is_empty() {
        diag.over(&input.generics.params, messages::fold::fold_generic(&ident));
    }
    let attrs = OnFold::read(diag, &input.attrs);
    let has_attribute = input.attrs.iter().any(|attr| attr.path().is_ident("fold"));
    if attrs.name.is_missing() {
        diag.at(
            input.ident.span(),
            messages::fold::fold_without_name(&ident, has_attribute),
        );
    }
    if has_attribute && attrs.by.is_missing() {
        diag.at(input.ident.span(), messages::fold::fold_without_by(&ident));
    }
    if has_attribute && attrs.events.is_missing() {
        diag.at(
            input.ident.span(),
            messages::fold::fold_without_events(&ident),
        );
    }
    let by = attrs.by.into_value().map_or_else(Vec::new, |by| by.0);
    let events = attrs.events.into_value();
    let events = events.map_or_else(Vec::new, |list| list.0);
    Fold {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_decisions(attrs.krate.value()),
        name: attrs.name.into_valid(),
        by: distinct(diag, by),
        events: super::projection::distinct(diag, events),
        initial: attrs.initial.into_value().map(|initial| initial.0),
        last: attrs.last.value().is_some(),
        allows: super::allowed_lints(&input.attrs),
    }
}

fn distinct(diag: &Diag, by: Vec<Path>) -> Vec<Path> {
    let mut seen: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for tag in by {
        let text = attr::compact(&tag.to_token_stream());
        if seen.contains(&text) {
            diag.over(&tag, messages::fold::by_twice(&text));
            continue;
        }
        seen.push(text);
        kept.push(tag);
    }
    kept
}
