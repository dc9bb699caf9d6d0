//! The rules of `#[derive(Event)]`.

use crate::{
    attr::{
        self, CratePath, Name, Place,
        event::{OnEnum, OnStruct, OnVariant},
        serde::On,
    },
    diag::Diag,
    ident,
    model::event::{EventEnum, EventStruct, EventVariant, Item, Kind},
    wording,
};
use proc_macro2::Ident;
use syn::{Attribute, Data, DataEnum, DeriveInput, Field, Fields, GenericParam, Generics, LitStr};

/// The event or events that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Item {
    generics(diag, &input.generics);
    attr::serde::refuse(diag, On::Container, &input.attrs);
    match &input.data {
        Data::Struct(data) => {
            match &data.fields {
                Fields::Named(_) => {}
                Fields::Unnamed(fields) => diag.over(
                    fields,
                    wording::event_tuple_struct(&input.ident.to_string()),
                ),
                Fields::Unit => diag.at(
                    input.ident.span(),
                    wording::event_unit_struct(&input.ident.to_string()),
                ),
            }
            Item::Struct(event_struct(diag, input, data.fields.iter()))
        }
        Data::Union(data) => {
            diag.at(data.union_token.span, wording::event_on_union());
            Item::Struct(event_struct(diag, input, &data.fields.named))
        }
        Data::Enum(data) => Item::Enum(event_enum(diag, input, data)),
    }
}

fn event_struct<'a>(
    diag: &Diag,
    input: &DeriveInput,
    fields: impl IntoIterator<Item = &'a Field>,
) -> EventStruct {
    let attrs = OnStruct::read(diag, &input.attrs);
    payload(diag, Place::EventField, fields);
    EventStruct {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_default(attrs.krate.value()),
        kind: Kind::new(
            stored_name(diag, &input.ident, None, attrs.name, &input.attrs),
            &attrs.version,
        ),
        allows: super::allowed_lints(&input.attrs),
    }
}

fn event_enum(diag: &Diag, input: &DeriveInput, data: &DataEnum) -> EventEnum {
    let attrs = OnEnum::read(diag, &input.attrs);
    if data.variants.is_empty() {
        diag.at(input.ident.span(), wording::event_enum_empty());
    }
    let mut variants: Vec<EventVariant> = Vec::new();
    for variant in &data.variants {
        if let Fields::Unnamed(fields) = &variant.fields {
            diag.over(
                fields,
                wording::event_tuple_variant(&variant.ident.to_string()),
            );
        }
        attr::serde::refuse(diag, On::Variant, &variant.attrs);
        let attrs = OnVariant::read(diag, &variant.attrs);
        payload(diag, Place::VariantField, &variant.fields);
        let name = stored_name(
            diag,
            &variant.ident,
            Some(&input.ident),
            attrs.name,
            &variant.attrs,
        );
        let kind = Kind::new(name, &attrs.version);
        if let Some(name) = &kind.name {
            let text = name.value();
            let first = variants
                .iter()
                .find(|other| other.kind.name.as_ref().is_some_and(|n| n.value() == text));
            if let Some(first) = first {
                diag.at(
                    name.span(),
                    wording::variant_name_taken(&text, &ident::text(&first.ident)),
                );
            }
        }
        variants.push(EventVariant {
            ident: variant.ident.clone(),
            kind,
        });
    }
    EventEnum {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_default(attrs.krate.value()),
        variants,
        allows: super::allowed_lints(&input.attrs),
    }
}

fn payload<'a>(diag: &Diag, place: Place, fields: impl IntoIterator<Item = &'a Field>) {
    for field in fields {
        attr::event::read_field(diag, place, &field.attrs);
        attr::serde::refuse(diag, On::Field, &field.attrs);
    }
}

fn stored_name(
    diag: &Diag,
    item: &Ident,
    of: Option<&Ident>,
    name: Name,
    attrs: &[Attribute],
) -> Option<LitStr> {
    if name.is_missing() {
        let has_attribute = attrs.iter().any(|attr| attr.path().is_ident("event"));
        diag.at(
            item.span(),
            wording::event_without_name(
                &ident::text(item),
                of.map(ident::text).as_deref(),
                has_attribute,
            ),
        );
    }
    name.into_valid()
}

fn generics(diag: &Diag, generics: &Generics) {
    let mut typed = false;
    for param in &generics.params {
        match param {
            GenericParam::Lifetime(param) => {
                let text = wording::event_lifetime(&param.lifetime.to_string());
                diag.at(param.lifetime.span(), text);
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                if !typed {
                    diag.over(param, wording::event_generic());
                }
                typed = true;
            }
        }
    }
}
