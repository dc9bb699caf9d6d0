//! The rules of `#[derive(Decision)]`.

use crate::{
    attr::{
        self, CratePath,
        decision::{OnDecision, Reads},
    },
    diag::Diag,
    ident, messages,
    model::decision::{Decision, Read},
};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Data, DeriveInput, Fields};

/// The decision that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Decision {
    let fields = fields(diag, input);
    let attrs = OnDecision::read(diag, &input.attrs);
    let ident = ident::text(&input.ident);
    let has_attribute = input
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("decision"));
    if attrs.name.is_missing() {
        diag.at(
            input.ident.span(),
            messages::decision::decision_without_name(&ident, has_attribute),
        );
    }
    if has_attribute && attrs.error.is_missing() {
        diag.at(
            input.ident.span(),
            messages::decision::decision_without_error(&ident),
        );
    }
    if has_attribute && attrs.reads.is_missing() {
        diag.at(
            input.ident.span(),
            messages::decision::decision_without_reads(&ident),
        );
    }
    let reads_struct = attrs
        .reads_struct
        .into_value()
        .map_or_else(|| ident::suffixed(&input.ident, "Reads"), |name| name.0);
    let taken = reads_struct == input.ident;
    if taken {
        diag.at(
            reads_struct.span(),
            messages::decision::reads_struct_taken(&ident),
        );
    }
    let reads = attrs.reads.into_value();
    let reads = reads.and_then(|reads| list(diag, fields.as_deref(), reads));
    Decision {
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_decisions(attrs.krate.value()),
        name: attrs.name.into_valid(),
        error: attrs.error.into_value().map(|error| error.0),
        reads,
        reads_struct: if taken {
            ident::suffixed(&input.ident, "Reads")
        } else {
            reads_struct
        },
        allows: super::allowed_lints(&input.attrs),
    }
}

/// The names of the struct's fields; `None` where it is no struct with named fields, which is reported.
fn fields<'a>(diag: &Diag, input: &'a DeriveInput) -> Option<Vec<&'a Ident>> {
    if !input.generics.params.is_empty() {
        diag.over(
            &input.generics.params,
            messages::decision::decision_generic(&ident::text(&input.ident)),
        );
    }
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => {
            diag.at(
                data.enum_token.span,
                messages::decision::decision_not_a_struct(),
            );
            return None;
        }
        Data::Union(data) => {
            diag.at(
                data.union_token.span,
                messages::decision::decision_not_a_struct(),
            );
            return None;
        }
    };
    for field in &data.fields {
        attr::decision::read_field(diag, &field.attrs);
    }
    let text = messages::decision::decision_without_named_fields(&ident::text(&input.ident));
    match &data.fields {
        Fields::Named(fields) => Some(
            fields
                .named
                .iter()
                .filter_map(|field| field.ident.as_ref())
                .collect(),
        ),
        Fields::Unnamed(fields) => {
            diag.over(fields, text);
            None
        }
        Fields::Unit => {
            diag.at(input.ident.span(), text);
            None
        }
    }
}

/// The reads, `None` where one of them has a fault.
fn list(diag: &Diag, fields: Option<&[&Ident]>, reads: Reads) -> Option<Vec<Read>> {
    let faults = diag.count();
    let mut kept: Vec<Read> = Vec::new();
    for new in reads.list {
        let name = ident::text(&new.name);
        if kept.iter().any(|old| ident::text(&old.name) == name) {
            diag.at(new.name.span(), messages::decision::read_twice(&new.name));
        }
        let wanted = ident::text(&new.field);
        let aggregate = attr::compact(&new.aggregate.to_token_stream());
        let same = kept.iter().find(|old| {
            ident::text(&old.field) == wanted
                && attr::compact(&old.aggregate.to_token_stream()) == aggregate
        });
        if let Some(same) = same {
            diag.at(
                new.field.span(),
                messages::decision::stream_read_twice(&aggregate, &new.field, &same.name),
            );
        }
        let Some(fields) = fields else {
            continue;
        };
        let of_the_struct = fields.iter().find(|field| ident::text(field) == wanted);
        let Some(of_the_struct) = of_the_struct else {
            diag.at(
                new.field.span(),
                messages::decision::no_such_field(&wanted, fields),
            );
            continue;
        };
        kept.push(Read {
            field: ident::shown_at(of_the_struct, new.field.span()),
            name: new.name,
            aggregate: new.aggregate,
        });
    }
    (fields.is_some() && !reads.faulty && diag.count() == faults).then_some(kept)
}
