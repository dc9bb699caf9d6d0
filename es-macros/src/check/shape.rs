//! The rules of `#[derive(Shape)]`, and of `#[shape(..)]` on the fields of events.

use super::{
    history::{self, Declared, Event},
    value_shape::check as value_shape,
};
use crate::{
    attr::{
        self, CratePath, Many, Single, history as history_attr,
        serde::{Case, Reading, refuse},
        shape::{OnField, OnType, Word},
    },
    diag::Diag,
    ident, messages,
    model::{
        history::History,
        shape::{Body, Fields, Shape},
        value_shape::ValueShape,
    },
    place::On,
};
use proc_macro2::Ident;
use syn::{Data, DeriveInput, GenericParam};

/// The shape of the type that `input` defines; every fault was reported.
#[expect(clippy::too_many_lines, reason = "one case for each kind of item")]
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Shape {
    let faults = diag.count();
    let mut attrs = OnType::read(diag, &input.attrs);
    let in_type: Vec<_> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|one| &one.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let in_type = in_type.into_iter().map(|field| &field.attrs);
    for attrs in in_type.chain([&input.attrs]) {
        attr::unique::refuse(diag, attrs, messages::unique::unique_on_part);
    }
    let removed = std::mem::replace(&mut attrs.removed, Many::new("removed"));
    if !matches!(&input.data, Data::Struct(_)) {
        without_versions(diag, &attrs);
    }
    let container = Reading::of(&input.attrs);
    for param in &input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            let lifetime = param.lifetime.to_string();
            diag.at(
                param.lifetime.span(),
                messages::shape::shape_lifetime(&lifetime),
            );
        }
    }
    if let (Some(key), false) = (attrs.version.key(), input.generics.params.is_empty()) {
        diag.at(key.span(), messages::shape::shape_generic_with_versions());
    }
    let own = Some(&input.ident);
    let mut history = History::default();
    let body = match &input.data {
        Data::Struct(data) => {
            let mut fields = match &data.fields {
                syn::Fields::Named(named) => {
                    if attrs.version.key().is_some() {
                        refuse(diag, On::Versioned, &input.attrs);
                        for field in &named.named {
                            refuse(diag, On::VersionedField, &field.attrs);
                        }
                    }
                    let (fields, lines) = versioned(diag, own, named, container.rename_all);
                    let of = Declared {
                        removed: removed.into_values(),
                        previous: Single::new("previous"),
                        upcasters: Vec::new(),
                    };
                    let event = Event {
                        ident: &input.ident,
                        prefix: input.ident.clone(),
                        fields_vis: None,
                        on: On::VersionedField,
                        name: None,
                        version: attrs.version.value().copied(),
                        ill_formed: attrs.version.key().is_some()
                            && attrs.version.value().is_none(),
                        write: None,
                        rename_all: container.rename_all,
                        faults,
                    };
                    history = history::check(diag, &event, lines, of);
                    fields
                }
                other => {
                    without_versions(diag, &attrs);
                    fields(diag, own, other, container.rename_all)
                }
            };
            if container.transparent {
                fields = only(fields);
            }
            Body::Of(fields)
        }
        Data::Enum(data) => Body::Enum {
            variants: data
                .variants
                .iter()
                .filter_map(|variant| {
                    attr::shape::read_variant(diag, &variant.attrs);
                    let reading = Reading::of(&variant.attrs);
                    let case = reading.rename_all.or(container.rename_all_fields);
                    let fields = fields(diag, own, &variant.fields, case);
                    let name = ident::text(&variant.ident);
                    let stored = reading
                        .rename
                        .unwrap_or_else(|| match container.rename_all {
                            Some(case) => case.variant(&name),
                            None => name,
                        });
                    (!reading.skip).then_some((stored, fields))
                })
                .collect(),
            tag: match (&container.tag, &container.content) {
                (Some(tag), Some(content)) => Some(format!("tag={tag},content={content}")),
                (Some(tag), None) => Some(format!("tag={tag}")),
                _ => container.untagged.then(|| "untagged".to_owned()),
            },
        },
        Data::Union(data) => {
            diag.at(data.union_token.span, messages::shape::shape_on_union());
            Body::Of(Fields::Unit)
        }
    };
    let body = match (attrs.scalar.value(), container.stored_as) {
        (Some(Word(name)), _) => Body::Scalar(name.clone()),
        (None, Some(ty)) => Body::Of(Fields::One(Box::new(ValueShape {
            ty,
            scalar: None,
            unit: None,
            recursive: None,
        }))),
        (None, None) => body,
    };
    Shape {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_runtime(attrs.krate.value()),
        allows: super::allowed_lints(&input.attrs),
        body,
        unit: attrs.unit.into_value().map(|unit| unit.0),
        vis: input.vis.clone(),
        history,
    }
}

/// Only a struct with named fields has versions.
fn without_versions(diag: &Diag, attrs: &OnType) {
    if let Some(key) = attrs.version.key() {
        diag.at(key.span(), messages::shape::shape_without_versions());
    }
}

/// Named fields of a struct, as they are stored and with their history.
fn versioned<'a>(
    diag: &Diag,
    own: Option<&Ident>,
    fields: &'a syn::FieldsNamed,
    case: Option<Case>,
) -> (
    Fields,
    Vec<(&'a syn::Field, history_attr::OnField, ValueShape)>,
) {
    let mut stored = Vec::new();
    let mut lines = Vec::new();
    for field in &fields.named {
        let (said, history) = OnField::read_versioned(diag, &field.attrs);
        let place = value_shape(diag, own, &field.ty, &field.attrs, said);
        let reading = Reading::of(&field.attrs);
        if !reading.skip {
            stored.push((stored_name(&reading, field, case), place.clone()));
            lines.push((field, history, place));
        }
    }
    (Fields::Named(stored), lines)
}

fn stored_name(reading: &Reading, field: &syn::Field, case: Option<Case>) -> String {
    let name = field.ident.as_ref().map(ident::text).unwrap_or_default();
    match (&reading.rename, case) {
        _ if reading.flatten => format!("flatten({name})"),
        (Some(rename), _) => rename.clone(),
        (None, Some(case)) => case.field(&name),
        (None, None) => name,
    }
}

/// What `transparent` leaves: the only field that is stored.
fn only(fields: Fields) -> Fields {
    let place = match &fields {
        Fields::Named(list) => list.first().map(|(_, place)| place),
        Fields::Tuple(list) => list.first(),
        Fields::Unit | Fields::One(_) => None,
    };
    match place {
        Some(place) => Fields::One(Box::new(place.clone())),
        None => fields,
    }
}

fn fields(diag: &Diag, own: Option<&Ident>, fields: &syn::Fields, case: Option<Case>) -> Fields {
    let stored: Vec<_> = fields
        .iter()
        .map(|field| {
            let said = OnField::read(diag, attr::Place::ShapePart, &field.attrs);
            (
                Reading::of(&field.attrs),
                value_shape(diag, own, &field.ty, &field.attrs, said),
                field,
            )
        })
        .filter(|(reading, ..)| !reading.skip)
        .collect();
    match fields {
        syn::Fields::Unit => Fields::Unit,
        syn::Fields::Unnamed(all) => {
            let mut places: Vec<_> = stored.into_iter().map(|(_, place, _)| place).collect();
            match (places.len(), all.unnamed.len()) {
                (1, 1) => places
                    .pop()
                    .map_or(Fields::Unit, |place| Fields::One(Box::new(place))),
                _ => Fields::Tuple(places),
            }
        }
        syn::Fields::Named(_) => {
            let names = stored.iter().filter_map(|(reading, _, field)| {
                Some((stored_name(reading, field, case), field.ident.as_ref()?))
            });
            super::stored::distinct(diag, names);
            Fields::Named(
                stored
                    .into_iter()
                    .map(|(reading, place, field)| {
                        let stored = stored_name(&reading, field, case);
                        (stored, place)
                    })
                    .collect(),
            )
        }
    }
}
