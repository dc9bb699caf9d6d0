//! The rules of `#[derive(Decision)]`.

use crate::{
    attr::{
        self, CratePath,
        decision::{Emit, Emits, OnDecision, Reads},
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
    let emitted_key = attrs.emits.key().is_some();
    let emits =
        emits(diag, attrs.emits.into_value()).filter(|list| !emitted_key || !list.is_empty());
    Decision {
        emits,
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
        let wanted: Vec<_> = new.fields.iter().map(ident::text).collect();
        let source = attr::compact(&new.source.to_token_stream());
        let same = kept.iter().find(|old| {
            old.fields
                .iter()
                .map(ident::text)
                .eq(wanted.iter().cloned())
                && attr::compact(&old.source.to_token_stream()) == source
        });
        if let Some(same) = same {
            let place = new.fields.first().unwrap_or(&new.name).span();
            let text = messages::decision::stream_read_twice(&source, &wanted, &same.name);
            diag.at(place, text);
        }
        let Some(fields) = fields else {
            continue;
        };
        let mut known = Vec::new();
        for (field, wanted) in new.fields.iter().zip(&wanted) {
            match fields.iter().find(|of| ident::text(of) == *wanted) {
                Some(of_the_struct) => known.push(ident::shown_at(of_the_struct, field.span())),
                None => diag.at(
                    field.span(),
                    messages::decision::no_such_field(wanted, fields),
                ),
            }
        }
        if known.len() == new.fields.len() {
            kept.push(Read {
                fields: known,
                name: new.name,
                source: new.source,
            });
        }
    }
    (fields.is_some() && !reads.faulty && diag.count() == faults).then_some(kept)
}

/// The events, `None` where one of them has a fault.
fn emits(diag: &Diag, emits: Option<Emits>) -> Option<Vec<Emit>> {
    let Some(emits) = emits else {
        return Some(Vec::new());
    };
    let mut seen: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for emit in emits.list {
        let text = attr::compact(&emit.event.to_token_stream());
        if seen.contains(&text) {
            diag.over(&emit.event, messages::aggregate::listed_twice(&text));
            continue;
        }
        seen.push(text);
        kept.push(emit);
    }
    (!emits.faulty).then_some(kept)
}
