//! The rules of `#[derive(Projection)]` and `#[derive(Subscription)]`.

use crate::{
    attr::{
        self, CratePath, Place,
        aggregate::Listed,
        projection::{Entry, OnConsumer},
    },
    diag::Diag,
    ident, messages,
    model::projection::{Consumer, Kind},
};
use quote::ToTokens;
use syn::{Data, DeriveInput};

/// The consumer that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput, kind: Kind) -> Consumer {
    let place = match kind {
        Kind::Projection => Place::Projection,
        Kind::Subscription => Place::Subscription,
    };
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => diag.at(
            data.enum_token.span,
            messages::projection::consumer_not_a_struct(place),
        ),
        Data::Union(data) => diag.at(
            data.union_token.span,
            messages::projection::consumer_not_a_struct(place),
        ),
    }
    if !input.generics.params.is_empty() {
        diag.over(
            &input.generics.params,
            messages::projection::consumer_generic(place),
        );
    }
    let attrs = OnConsumer::read(diag, place, &input.attrs);
    let ident = ident::text(&input.ident);
    let has_attribute = input
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident(place.attribute()));
    if attrs.name.is_missing() {
        diag.at(
            input.ident.span(),
            messages::projection::consumer_without_name(place, &ident, has_attribute),
        );
    }
    if has_attribute && attrs.events.is_missing() {
        diag.at(
            input.ident.span(),
            messages::projection::consumer_without_events(place, &ident),
        );
    }
    if has_attribute && kind == Kind::Projection && attrs.schema.is_missing() {
        diag.at(
            input.ident.span(),
            messages::projection::projection_without_schema(&ident),
        );
    }
    let events = attrs.events.into_value().map(|list| list.0);
    Consumer {
        kind,
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_projections(attrs.krate.value()),
        name: attrs.name.into_valid(),
        version: attrs.version.value().map_or(1, |version| version.number),
        events: distinct(diag, events.unwrap_or_default()),
        tables: attrs.schema.into_value().map_or_else(Vec::new, |all| all.0),
        skip_unknown_version: attrs
            .on_unknown_version
            .value()
            .is_some_and(|given| given.skip),
        partitions: attrs.partitions.value().map_or(1, |given| given.0),
        key: attrs.key.into_value().map(|key| key.0),
        from_now: attrs.from.value().is_some_and(|given| given.now),
        allows: super::allowed_lints(&input.attrs),
    }
}

/// The list without events that stand in it twice.
pub(super) fn distinct(diag: &Diag, list: Vec<Entry>) -> Vec<Entry> {
    let mut seen: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    let mut is_new = |new: &Listed| {
        let text = attr::compact(&new.path.to_token_stream());
        let is_new = !seen.contains(&text);
        if is_new {
            seen.push(text);
        } else {
            diag.over(&new.path, messages::aggregate::listed_twice(&text));
        }
        is_new
    };
    for mut entry in list {
        entry.events.retain(&mut is_new);
        if let Some(ignored) = &mut entry.ignored {
            ignored.retain(&mut is_new);
        }
        if !entry.events.is_empty() {
            kept.push(entry);
        }
    }
    kept
}
