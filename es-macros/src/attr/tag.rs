//! `#[tag(..)]` on a type or on the field of an event, and `tag(..)` and `home = ..` on the event.

use super::{
    CratePath, Flag, Key, Name, Place, Single, Value, item_of_group, items, read, rest_of_item,
    value::{equals, error, ty},
    value_of_item,
};
use crate::{diag::Diag, messages};
use proc_macro2::{Ident, Span};
use syn::{
    Attribute, Lit, Meta, Path, Type, parenthesized, parse::ParseStream, spanned::Spanned,
    token::Paren,
};

/// On a type whose values are tags.
pub(crate) struct OnType {
    pub(crate) kind: Name,
    pub(crate) krate: Single<CratePath>,
}

impl OnType {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            kind: Name::default(),
            krate: Single::new("crate"),
        };
        let keys: &mut [&mut dyn Key] = &mut [&mut this.krate];
        read(diag, Place::TagType, attrs, Some(&mut this.kind), keys);
        this
    }
}

/// `#[tag]` on a field of an event.
pub(crate) struct OnField {
    /// Where the attribute has its name.
    pub(crate) span: Span,
    pub(crate) of: Single<Of>,
    pub(crate) default_ok: Single<Flag>,
}

impl OnField {
    /// Every `#[tag]` of a field.
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Vec<Self> {
        let own = attrs.iter().filter(|attr| attr.path().is_ident("tag"));
        own.map(|attr| Self::one(diag, attr)).collect()
    }

    fn one(diag: &Diag, attr: &Attribute) -> Self {
        let key = Ident::new("tag", attr.path().span());
        let mut this = Self {
            span: key.span(),
            of: Single::new("as"),
            default_ok: Single::new("default_ok"),
        };
        match &attr.meta {
            Meta::Path(_) => {}
            Meta::NameValue(meta) => {
                diag.over(meta, messages::tag::tag_with_equals());
            }
            Meta::List(list) => {
                let parsed = list.parse_args_with(|input: ParseStream<'_>| {
                    items(input, diag, |input| {
                        if input.peek(Lit) {
                            let given = value_of_item(input);
                            let text = messages::tag::kind_on_field();
                            return Err(syn::Error::new_spanned(given, text));
                        }
                        item_of_group(&key, input, &mut [&mut this.of, &mut this.default_ok], diag)
                    });
                    Ok(())
                });
                if let Err(error) = parsed {
                    diag.push(error);
                }
            }
        }
        this
    }
}

/// `as = CustomerId`.
pub(crate) struct Of(pub(crate) Type);

impl Value for Of {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "as = CustomerId").map(Self)
    }
}

/// `tag(Invoices)` on an event: constants that are tags of each of them.
pub(crate) struct Constants(pub(crate) Vec<Path>);

impl Value for Constants {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            rest_of_item(input);
            let text = messages::tag::constant_needs_parentheses();
            return Err(syn::Error::new(key.span(), text));
        }
        let content;
        parenthesized!(content in input);
        let faults = diag.count();
        let mut list = Vec::new();
        items(&content, diag, |input| {
            let given = rest_of_item(input);
            let path = syn::parse::Parser::parse2(Path::parse_mod_style, given.clone());
            let fault = || error(&given, key, messages::tag::constant_not_a_path());
            list.push(path.map_err(|_| fault())?);
            Ok(())
        });
        if list.is_empty() && diag.count() == faults {
            diag.at(key.span(), messages::tag::constant_needs_parentheses());
        }
        Ok(Self(list))
    }
}

/// `home = course`: a tagged field, or one of the constants.
pub(crate) struct Home(pub(crate) Path);

impl Value for Home {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "home = course")?;
        let tokens = value_of_item(input);
        syn::parse::Parser::parse2(Path::parse_mod_style, tokens.clone())
            .map(Self)
            .map_err(|_| error(&tokens, key, messages::tag::home_not_a_field()))
    }
}

/// Reports each `#[tag]` that stands where it has no meaning.
pub(crate) fn refuse(diag: &Diag, attrs: &[Attribute], text: fn() -> String) {
    for attr in attrs {
        if attr.path().is_ident("tag") {
            diag.over(attr.path(), text());
        }
    }
}
