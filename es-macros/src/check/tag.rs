//! The rules of `#[derive(Tag)]`, and of the tags of an event.

use super::line::in_container;
use crate::{
    attr::{
        self, CratePath, Many, Single, compact,
        history::OnField,
        tag::{self, Constants, Home},
    },
    diag::Diag,
    ident, messages,
    model::tag::{EventTag, Tag, TaggedField, Tags, Value},
};
use quote::ToTokens;
use syn::{Data, DeriveInput, Field, Fields, Index, Member, Path, Type};

/// The greatest length of a kind, in bytes.
const MAX_KIND_BYTES: usize = 64;

/// The tag that `input` defines; every fault was reported.
pub(crate) fn check(diag: &Diag, input: &DeriveInput) -> Tag {
    let text = ident::text(&input.ident);
    if !input.generics.params.is_empty() {
        diag.over(&input.generics.params, messages::tag::tag_generic(&text));
    }
    let value = value(diag, input, &text);
    let attrs = tag::OnType::read(diag, &input.attrs);
    let has_attribute = input.attrs.iter().any(|attr| attr.path().is_ident("tag"));
    if attrs.kind.is_missing() {
        let text = messages::tag::tag_without_kind(&text, has_attribute);
        diag.at(input.ident.span(), text);
    }
    let kind = attrs.kind.into_valid();
    if let Some(kind) = &kind {
        let (text, place) = (kind.value(), kind.span());
        if text.contains(':') {
            diag.at(place, messages::tag::kind_with_colon());
        } else if text.len() > MAX_KIND_BYTES {
            diag.at(place, messages::tag::kind_too_long(text.len()));
        }
    }
    Tag {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: CratePath::or_runtime(attrs.krate.value()),
        kind,
        value,
        allows: super::allowed_lints(&input.attrs),
    }
}

fn value(diag: &Diag, input: &DeriveInput, text: &str) -> Value {
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => {
            diag.at(data.enum_token.span, messages::tag::tag_not_a_struct());
            return Value::Reported;
        }
        Data::Union(data) => {
            diag.at(data.union_token.span, messages::tag::tag_not_a_struct());
            return Value::Reported;
        }
    };
    for field in &data.fields {
        tag::refuse(diag, &field.attrs, messages::tag::tag_on_field_of_tag);
    }
    let mut fields = data.fields.iter();
    match (&data.fields, fields.next(), fields.len()) {
        (Fields::Unit, ..) => Value::Constant,
        (fields, None, _) => {
            diag.over(fields, messages::tag::tag_without_field(text));
            Value::Reported
        }
        (_, Some(field), 0) => Value::Field {
            member: field
                .ident
                .clone()
                .map_or_else(|| Member::Unnamed(Index::from(0)), Member::Named),
            ty: Box::new(field.ty.clone()),
        },
        (fields, Some(_), more) => {
            diag.over(fields, messages::tag::tag_with_fields(text, more + 1));
            Value::Reported
        }
    }
}

/// A field, and the version that added it with one value for all older events.
pub(super) struct Part<'a> {
    field: &'a Field,
    defaults_since: Option<u16>,
}

impl<'a> Part<'a> {
    pub(super) fn of(field: &'a Field, attrs: &OnField) -> Self {
        let since = attrs.since.value().map(|since| since.value);
        let given = attrs.default.value();
        let same = given.is_some_and(|given| given.tokens.to_string() != "None");
        Self {
            field,
            defaults_since: since.filter(|_| same),
        }
    }
}

/// The tags of one event.
pub(super) fn of_event(
    diag: &Diag,
    parts: &[Part<'_>],
    constants: Many<Constants>,
    home: Option<Single<Home>>,
) -> Tags {
    let mut list: Vec<EventTag> = Vec::new();
    for part in parts {
        let Some(ident) = &part.field.ident else {
            continue;
        };
        let mut given: Vec<String> = Vec::new();
        for one in tag::OnField::read(diag, &part.field.attrs) {
            default_ok(diag, part, &ident::text(ident), &one);
            let of = one.of.into_value().map(|of| of.0);
            let text = of.as_ref().map_or_else(String::new, shown);
            if given.contains(&text) {
                diag.at(one.span, messages::tag::tag_twice(&ident::text(ident)));
                continue;
            }
            given.push(text);
            let inner = in_container(&part.field.ty);
            list.push(EventTag::Field(Box::new(TaggedField {
                field: ident.clone(),
                ty: inner.unwrap_or(&part.field.ty).clone(),
                is_container: inner.is_some(),
                of,
            })));
        }
    }
    let mut paths: Vec<String> = Vec::new();
    for path in constants.into_values().into_iter().flat_map(|all| all.0) {
        let text = compact(&path.to_token_stream());
        if paths.contains(&text) {
            diag.over(&path, messages::tag::constant_twice(&text));
            continue;
        }
        paths.push(text);
        list.push(EventTag::Constant(path));
    }
    let home = home.and_then(Single::into_value);
    let at = match &home {
        Some(home) => named(diag, &home.0, parts, &list),
        None => list.iter().position(is_one),
    };
    if let Some(home) = at {
        let first = list.remove(home);
        list.insert(0, first);
    }
    Tags {
        list,
        has_home: at.is_some(),
    }
}

/// Whether the tag has exactly one value.
fn is_one(tag: &EventTag) -> bool {
    match tag {
        EventTag::Field(field) => !field.is_container,
        EventTag::Constant(_) => true,
    }
}

/// The tag that `home = ..` names.
fn named(diag: &Diag, home: &Path, parts: &[Part<'_>], list: &[EventTag]) -> Option<usize> {
    let word = compact(&home.to_token_stream());
    let name = |tag: &EventTag| match tag {
        EventTag::Field(field) => ident::text(&field.field),
        EventTag::Constant(path) => compact(&path.to_token_stream()),
    };
    let wanted = home.get_ident().map_or_else(|| word.clone(), ident::text);
    let Some(at) = list.iter().position(|tag| name(tag) == wanted) else {
        let mut fields = parts.iter().filter_map(|part| part.field.ident.as_ref());
        let is_field = fields.any(|field| ident::text(field) == wanted);
        let tagged: Vec<_> = list.iter().map(name).collect();
        diag.over(
            home,
            messages::tag::home_without_tag(&word, is_field, &tagged),
        );
        return None;
    };
    if list.get(at).is_some_and(is_one) {
        return Some(at);
    }
    diag.over(home, messages::tag::home_of_several(&word));
    None
}

/// A default is one value for all older events.
fn default_ok(diag: &Diag, part: &Part<'_>, field: &str, tag: &tag::OnField) {
    match (part.defaults_since, tag.default_ok.key()) {
        (Some(since), None) => diag.at(tag.span, messages::tag::tag_of_default(field, since)),
        (None, Some(key)) => diag.at(key.span(), messages::tag::default_ok_without_default()),
        _ => {}
    }
}

fn shown(ty: &Type) -> String {
    attr::compact(&ty.to_token_stream())
}
