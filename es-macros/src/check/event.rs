//! The rules of `#[derive(Event)]`.

use super::{
    history::{self, Declared, Event},
    tag,
    unique::{self, Part},
};
use crate::{
    attr::{
        self, CratePath, Many, Name, Place, Single,
        event::{OnEnum, OnEvent, OnStruct},
        history::OnField,
        serde::Reading,
        tag::Home,
    },
    diag::Diag,
    ident, messages,
    model::{
        event::{EventEnum, EventStruct, EventVariant, Item, Kind},
        value_shape::ValueShape,
    },
    place::On,
};
use proc_macro2::Ident;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Field, Fields, GenericParam, Generics, LitStr,
    Visibility,
};

/// The event or events that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Item {
    generics(diag, &input.generics);
    attr::serde::refuse(diag, On::Container, &input.attrs);
    attr::unique::refuse(diag, &input.attrs, messages::unique::unique_on_item);
    attr::tag::refuse(diag, &input.attrs, messages::tag::tag_on_item);
    match &input.data {
        Data::Struct(data) => {
            match &data.fields {
                Fields::Named(_) => {}
                Fields::Unnamed(fields) => diag.over(
                    fields,
                    messages::event::event_tuple_struct(&input.ident.to_string()),
                ),
                Fields::Unit => diag.at(
                    input.ident.span(),
                    messages::event::event_unit_struct(&input.ident.to_string()),
                ),
            }
            Item::Struct(event_struct(diag, input, data.fields.iter()))
        }
        Data::Union(data) => {
            diag.at(data.union_token.span, messages::event::event_on_union());
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
    let faults = diag.count();
    let attrs = OnStruct::read(diag, &input.attrs);
    let fields = payload(diag, Place::EventField, fields);
    let event = Of {
        ident: &input.ident,
        set: None,
        attrs: &input.attrs,
        prefix: input.ident.clone(),
        fields_vis: None,
        rename_all: Reading::of(&input.attrs).rename_all,
        faults,
    };
    EventStruct {
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_runtime(attrs.krate.value()),
        kind: kind(
            diag,
            event,
            attrs.event,
            Some(attrs.home),
            fields,
            &mut Vec::new(),
        ),
        allows: super::allowed_lints(&input.attrs),
    }
}

fn event_enum(diag: &Diag, input: &DeriveInput, data: &DataEnum) -> EventEnum {
    let attrs = OnEnum::read(diag, &input.attrs);
    if data.variants.is_empty() {
        diag.at(input.ident.span(), messages::event::event_enum_empty());
    }
    let container = Reading::of(&input.attrs);
    let mut variants: Vec<EventVariant> = Vec::new();
    let mut rules = Vec::new();
    for variant in &data.variants {
        if let Fields::Unnamed(fields) = &variant.fields {
            diag.over(
                fields,
                messages::event::event_tuple_variant(&variant.ident.to_string()),
            );
        }
        attr::serde::refuse(diag, On::Variant, &variant.attrs);
        attr::unique::refuse(diag, &variant.attrs, messages::unique::unique_on_item);
        attr::tag::refuse(diag, &variant.attrs, messages::tag::tag_on_item);
        let faults = diag.count();
        let attrs = attr::event::read_variant(diag, &variant.attrs);
        let fields = payload(diag, Place::VariantField, &variant.fields);
        let name = format!(
            "{}{}",
            ident::text(&input.ident),
            ident::text(&variant.ident)
        );
        let event = Of {
            ident: &variant.ident,
            set: Some(&input.ident),
            attrs: &variant.attrs,
            prefix: Ident::new(&name, variant.ident.span()),
            fields_vis: Some(&input.vis),
            rename_all: Reading::of(&variant.attrs)
                .rename_all
                .or(container.rename_all_fields),
            faults,
        };
        let kind = kind(diag, event, attrs, None, fields, &mut rules);
        if let Some(name) = &kind.name {
            let text = name.value();
            let first = variants
                .iter()
                .find(|other| other.kind.name.as_ref().is_some_and(|n| n.value() == text));
            if let Some(first) = first {
                diag.at(
                    name.span(),
                    messages::event::variant_name_taken(&text, &ident::text(&first.ident)),
                );
            }
        }
        variants.push(EventVariant {
            ident: variant.ident.clone(),
            kind,
        });
    }
    let retired = super::retire::check(diag, attrs.retire, |path| {
        let listed = variants
            .iter()
            .find(|variant| path.is_ident(&variant.ident));
        listed.map(|variant| variant.ident.clone())
    });
    EventEnum {
        retired,
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_runtime(attrs.krate.value()),
        variants,
        allows: super::allowed_lints(&input.attrs),
    }
}

/// The fields and what stands on each of them.
fn payload<'a>(
    diag: &Diag,
    place: Place,
    fields: impl IntoIterator<Item = &'a Field>,
) -> Vec<(&'a Field, OnField, ValueShape)> {
    fields
        .into_iter()
        .map(|field| {
            let attrs = attr::event::read_field(diag, place, &field.attrs);
            attr::serde::refuse(diag, On::Field, &field.attrs);
            let said = attr::shape::OnField::read(diag, Place::ShapePart, &field.attrs);
            (
                field,
                attrs,
                super::value_shape::check(diag, None, &field.ty, &field.attrs, said),
            )
        })
        .collect()
}

/// A struct or variant that is an event.
struct Of<'a> {
    ident: &'a Ident,
    set: Option<&'a Ident>,
    attrs: &'a [Attribute],
    prefix: Ident,
    fields_vis: Option<&'a Visibility>,
    rename_all: Option<attr::serde::Case>,
    faults: usize,
}

fn kind(
    diag: &Diag,
    event: Of<'_>,
    attrs: OnEvent,
    home: Option<Single<Home>>,
    fields: Vec<(&Field, OnField, ValueShape)>,
    rules_of_set: &mut Vec<String>,
) -> Kind {
    let name = stored_name(diag, event.ident, event.set, attrs.name, event.attrs);
    let version = attrs.version.value().copied();
    let ill_formed = version.is_none() && attrs.version.key().is_some();
    let parts: Vec<_> = fields
        .iter()
        .map(|(field, attrs, _)| Part::of(field, attrs))
        .collect();
    let tagged: Vec<_> = fields
        .iter()
        .map(|(field, attrs, _)| tag::Part::of(field, attrs))
        .collect();
    let history = history::check(
        diag,
        &Event {
            prefix: event.prefix,
            fields_vis: event.fields_vis,
            on: On::Field,
            name: name.as_ref(),
            version,
            ill_formed,
            write: attrs.write.value().copied(),
            rename_all: event.rename_all,
            faults: event.faults,
            ident: event.set.unwrap_or(event.ident),
        },
        fields,
        Declared {
            removed: attrs.removed.into_values(),
            previous: attrs.previous,
            upcasters: [attrs.upcast, attrs.try_upcast, attrs.upcast_json]
                .into_iter()
                .flat_map(Many::into_values)
                .collect(),
        },
    );
    // After the history, which is not looked at further behind a fault.
    let unique = unique::check(
        diag,
        name.as_ref(),
        event.rename_all,
        &parts,
        attrs.releases.into_values(),
        rules_of_set,
    );
    let tags = tag::of_event(diag, &tagged, attrs.tag, home);
    Kind {
        name,
        version: if ill_formed {
            None
        } else {
            Some(version.map_or(1, |version| version.number))
        },
        history,
        unique,
        tags,
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
            messages::event::event_without_name(
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
                let text = messages::event::event_lifetime(&param.lifetime.to_string());
                diag.at(param.lifetime.span(), text);
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                if !typed {
                    diag.over(param, messages::event::event_generic());
                }
                typed = true;
            }
        }
    }
}
