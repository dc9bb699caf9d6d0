//! `#[unique(..)]` on the field of an event, and `releases(..)` on the event.

use super::{
    Flag, Key, Single, Time, Value, compact, history::With, item_of_group, items, rest_of_item,
    value::name_fault, value_of_item,
};
use crate::{diag::Diag, ident, messages, model::unique::RuleName};
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{
    Attribute, Lit, Meta, Token, ext::IdentExt, parenthesized, parse::ParseStream,
    spanned::Spanned, token::Paren,
};

/// One `#[unique(..)]`.
pub(crate) struct Unique {
    /// Where the attribute has its name.
    pub(crate) span: Span,
    pub(crate) rule: Named,
    pub(crate) form: Single<With>,
    pub(crate) keep: Single<Time>,
    pub(crate) claims_default: Single<Flag>,
}

/// The name of a rule, as far as it was given.
pub(crate) enum Named {
    /// The rule is called after the event and the field.
    Absent,
    /// It is at fault, which was reported.
    Reported,
    Given(RuleName),
}

impl Unique {
    /// Every `#[unique]` of a field.
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Vec<Self> {
        let own = attrs.iter().filter(|attr| attr.path().is_ident("unique"));
        own.map(|attr| Self::of(diag, attr)).collect()
    }

    fn of(diag: &Diag, attr: &Attribute) -> Self {
        let key = Ident::new("unique", attr.path().span());
        let mut this = Self {
            span: key.span(),
            rule: Named::Absent,
            form: Single::new("form"),
            keep: Single::new("keep"),
            claims_default: Single::new("claims_default"),
        };
        match &attr.meta {
            Meta::Path(_) => {}
            Meta::NameValue(meta) => {
                let value = compact(&meta.value.to_token_stream());
                diag.over(meta, messages::unique::unique_with_equals(&value));
                this.rule = Named::Reported;
            }
            Meta::List(list) => {
                let parsed = list.parse_args_with(|input: ParseStream<'_>| {
                    let keys: &mut [&mut dyn Key] =
                        &mut [&mut this.form, &mut this.keep, &mut this.claims_default];
                    arguments(&key, input, diag, &mut this.rule, keys);
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

/// `releases("customer.email", keep = "3d")`.
pub(crate) struct Releases {
    /// `None` where it is at fault, which was reported.
    pub(crate) rule: Option<RuleName>,
    pub(crate) keep: Single<Time>,
}

impl Value for Releases {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let nameless = || syn::Error::new(key.span(), messages::unique::releases_without_rule());
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(nameless());
        }
        let content;
        parenthesized!(content in input);
        let mut rule = Named::Absent;
        let mut keep = Single::new("keep");
        let faults = diag.count();
        arguments(key, &content, diag, &mut rule, &mut [&mut keep]);
        let rule = match rule {
            Named::Absent if diag.count() == faults => return Err(nameless()),
            Named::Absent | Named::Reported => None,
            Named::Given(rule) => Some(rule),
        };
        Ok(Self { rule, keep })
    }
}

/// Reads the name of the rule and the keys, in any order.
fn arguments(
    key: &Ident,
    input: ParseStream<'_>,
    diag: &Diag,
    rule: &mut Named,
    keys: &mut [&mut dyn Key],
) {
    items(input, diag, |input| {
        if input.peek(Lit) {
            return name(key, input, diag, rule);
        }
        if let Some(error) = unquoted(key, input, rule, keys) {
            *rule = Named::Reported;
            return Err(error);
        }
        item_of_group(key, input, keys, diag)
    });
}

fn name(key: &Ident, input: ParseStream<'_>, diag: &Diag, rule: &mut Named) -> syn::Result<()> {
    let tokens = value_of_item(input);
    let Ok(Lit::Str(name)) = syn::parse2::<Lit>(tokens.clone()) else {
        *rule = Named::Reported;
        let text = messages::unique::rule_not_a_text(&example(key));
        return Err(syn::Error::new_spanned(tokens, text));
    };
    if !matches!(rule, Named::Absent) {
        diag.at(name.span(), messages::unique::second_rule());
        return Ok(());
    }
    *rule = match name_fault(&name.value()) {
        None => Named::Given(RuleName {
            text: name.value(),
            span: name.span(),
        }),
        Some(fault) => {
            diag.at(name.span(), messages::unique::rule_name_at_fault(fault));
            Named::Reported
        }
    };
    Ok(())
}

/// The error where the name of a rule stands without quotes, or behind a key.
fn unquoted(
    key: &Ident,
    input: ParseStream<'_>,
    rule: &Named,
    keys: &[&mut dyn Key],
) -> Option<syn::Error> {
    if !matches!(rule, Named::Absent) {
        return None;
    }
    let ahead = input.fork();
    let word = ahead.call(Ident::parse_any).ok()?;
    let text = ident::text(&word);
    if ahead.peek(Token![=]) && ["name", "rule"].contains(&text.as_str()) {
        rest_of_item(input);
        let text = messages::unique::rule_behind_key(&text, &example(key));
        return Some(syn::Error::new(word.span(), text));
    }
    let is_path = ahead.peek(Token![.]) || ahead.peek(Token![-]) || ahead.peek(Token![:]);
    let is_word = ahead.is_empty() || ahead.peek(Token![,]);
    let known: Vec<_> = keys.iter().map(|key| key.name()).collect();
    let is_key = known.contains(&text.as_str()) || ident::similar(&text, &known).is_some();
    if !is_path && (!is_word || is_key) {
        return None;
    }
    let given: TokenStream = rest_of_item(input);
    let text = messages::unique::rule_not_a_text(&example(key));
    Some(syn::Error::new_spanned(given, text))
}

/// How the attribute or key looks with a name.
fn example(key: &Ident) -> String {
    if key == "releases" {
        "releases(\"customer.email\")".to_owned()
    } else {
        "#[unique(\"customer.email\")]".to_owned()
    }
}

/// Reports each `#[unique]` that does not stand on the field of an event.
pub(crate) fn refuse(diag: &Diag, attrs: &[Attribute], text: fn() -> String) {
    for attr in attrs {
        if attr.path().is_ident("unique") {
            diag.over(attr.path(), text());
        }
    }
}
