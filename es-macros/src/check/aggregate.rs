//! The rules of `#[derive(Aggregate)]`.

use crate::{
    attr::{
        self, CratePath,
        aggregate::{Codec, Events, Listed, OnStruct},
        serde::Reading,
    },
    diag::Diag,
    ident, messages,
    model::aggregate::Aggregate,
    place::On,
};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Data, DeriveInput};

/// The aggregate that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Aggregate {
    shape(diag, input);
    let fields = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        _ => Vec::new(),
    };
    let fields = fields.into_iter().map(|field| &field.attrs);
    for attrs in fields.chain([&input.attrs]) {
        attr::unique::refuse(diag, attrs, messages::unique::unique_on_aggregate);
        attr::tag::refuse(diag, attrs, messages::tag::tag_on_aggregate);
    }
    let attrs = OnStruct::read(diag, &input.attrs);
    let ident = ident::text(&input.ident);
    let has_attribute = input
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("aggregate"));
    if attrs.name.is_missing() {
        diag.at(
            input.ident.span(),
            messages::aggregate::aggregate_without_name(&ident, has_attribute),
        );
    }
    if has_attribute {
        for (missing, text) in [
            (
                attrs.id.is_missing(),
                messages::aggregate::aggregate_without_id(&ident),
            ),
            (
                attrs.error.is_missing(),
                messages::aggregate::aggregate_without_error(&ident),
            ),
            (
                attrs.events.is_missing(),
                messages::aggregate::aggregate_without_events(&ident),
            ),
        ] {
            if missing {
                diag.at(input.ident.span(), text);
            }
        }
    }
    enums(diag, &attrs);
    let event_enum = attrs
        .event_enum
        .into_value()
        .map_or_else(|| ident::suffixed(&input.ident, "Event"), |name| name.0);
    let events = attrs.events.into_value().map(|events| match events {
        Events::List(list) => {
            own_enum(diag, &list, &event_enum).unwrap_or_else(|| Events::List(distinct(diag, list)))
        }
        Events::Set(set) => Events::Set(set),
    });
    let retired = super::retire::check(diag, attrs.retire, |path| match &events {
        Some(Events::List(list)) => {
            let text = attr::compact(&path.to_token_stream());
            let listed = list
                .iter()
                .find(|listed| attr::compact(&listed.path.to_token_stream()) == text);
            listed.map(|listed| listed.variant.clone())
        }
        _ => None,
    });
    let commands = attrs
        .commands
        .into_value()
        .map(|commands| distinct(diag, commands.0));
    let command_enum = attrs.command_enum.into_value();
    if attrs.snapshot.key().is_some() {
        state(diag, input, attrs.codec.value().copied());
    }
    let mut aggregate = Aggregate {
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_runtime(attrs.krate.value()),
        name: attrs.name.into_valid(),
        id: attrs.id.into_value().map(|id| id.0),
        error: attrs.error.into_value().map(|error| error.0),
        events,
        retired,
        event_enum,
        commands,
        command_enum: command_enum
            .map_or_else(|| ident::suffixed(&input.ident, "Command"), |name| name.0),
        snapshot: attrs.snapshot.into_value(),
        codec: attrs.codec.into_value().unwrap_or(Codec::Json),
        allows: super::allowed_lints(&input.attrs),
    };
    if aggregate.commands.is_some()
        && matches!(aggregate.events, Some(Events::List(_)))
        && aggregate.event_enum == aggregate.command_enum
    {
        diag.at(
            aggregate.command_enum.span(),
            messages::aggregate::enum_name_taken(&aggregate.command_enum.to_string()),
        );
        aggregate.commands = None;
    }
    aggregate
}

fn shape(diag: &Diag, input: &DeriveInput) {
    match &input.data {
        Data::Struct(data) => {
            for field in &data.fields {
                attr::aggregate::read_field(diag, &field.attrs);
            }
        }
        Data::Enum(data) => diag.at(
            data.enum_token.span,
            messages::aggregate::aggregate_not_a_struct(),
        ),
        Data::Union(data) => diag.at(
            data.union_token.span,
            messages::aggregate::aggregate_not_a_struct(),
        ),
    }
    if !input.generics.params.is_empty() {
        diag.over(
            &input.generics.params,
            messages::aggregate::aggregate_generic(&ident::text(&input.ident)),
        );
    }
}

/// The fields of a state with snapshots: each must be restored from one.
fn state(diag: &Diag, input: &DeriveInput, codec: Option<Codec>) {
    let Data::Struct(data) = &input.data else {
        return;
    };
    let on = match codec {
        Some(Codec::Postcard(_)) => On::BinaryStateField,
        _ => On::StateField,
    };
    let case = Reading::of(&input.attrs).rename_all;
    let mut stored = Vec::new();
    for field in &data.fields {
        attr::serde::refuse(diag, on, &field.attrs);
        super::value_shape::owned(diag, &field.ty, &field.attrs);
        let reading = Reading::of(&field.attrs);
        if let Some(ident) = field.ident.as_ref().filter(|_| !reading.flatten) {
            let name = ident::text(ident);
            let cased = case.map_or_else(|| name.clone(), |case| case.field(&name));
            stored.push((reading.rename.unwrap_or(cased), ident));
        }
    }
    super::stored::distinct(diag, stored);
}

/// A name for an enum that is not generated.
fn enums(diag: &Diag, attrs: &OnStruct) {
    if let (Some(key), Some(Events::Set(_))) = (attrs.event_enum.key(), attrs.events.value()) {
        diag.at(key.span(), messages::aggregate::event_enum_without_list());
    }
    if matches!(attrs.events.value(), Some(Events::Set(_))) {
        for key in attrs.retire.given() {
            diag.at(
                key.span(),
                messages::retire::retire_without_list(&ident::text(key)),
            );
        }
    }
    if let (Some(key), true) = (attrs.command_enum.key(), attrs.commands.is_missing()) {
        diag.at(key.span(), messages::aggregate::command_enum_without_list());
    }
}

/// The list without types that stand in it twice and without variants of one name.
fn distinct(diag: &Diag, list: Vec<Listed>) -> Vec<Listed> {
    let mut kept: Vec<Listed> = Vec::new();
    for new in list {
        let text = attr::compact(&new.path.to_token_stream());
        let same_type = kept
            .iter()
            .find(|old| attr::compact(&old.path.to_token_stream()) == text);
        if let Some(old) = same_type {
            if old.ignored == new.ignored {
                diag.over(&new.path, messages::aggregate::listed_twice(&text));
            } else {
                let ignored = if old.ignored { old } else { &new };
                diag.over(
                    &ignored.path,
                    messages::aggregate::applied_and_ignored(&text),
                );
            }
            continue;
        }
        let variant = ident::text(&new.variant);
        if kept.iter().any(|old| ident::text(&old.variant) == variant) {
            let place: &dyn ToTokens = match &new.alias {
                Some(alias) => alias,
                None => &new.path,
            };
            diag.over(
                place.to_token_stream(),
                messages::aggregate::variant_taken(&variant, &text),
            );
            continue;
        }
        kept.push(new);
    }
    kept
}

/// A list with the name that the generated enum would get: the user has an enum of events already.
/// It is taken for what was meant, so that no enum of that name is generated next to it.
fn own_enum(diag: &Diag, list: &[Listed], event_enum: &Ident) -> Option<Events> {
    let own = list
        .iter()
        .find(|listed| listed.path.is_ident(event_enum))?;
    diag.over(
        &own.path,
        messages::aggregate::event_enum_listed(&event_enum.to_string()),
    );
    syn::parse2(own.path.to_token_stream())
        .ok()
        .map(Events::Set)
}
