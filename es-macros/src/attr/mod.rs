//! Reads `#[event(..)]` and `#[aggregate(..)]`: a stored name that stands alone, and keys.
//!
//! A fault in one key does not hide the next: it is reported, and reading goes on after the next
//! comma. The values that could be understood stay in their [`Single`]s with their places, so that
//! later rules can point at them.

pub(crate) mod aggregate;
#[cfg(feature = "consumers")]
pub(crate) mod decision;
pub(crate) mod event;
mod flag;
#[cfg(feature = "consumers")]
pub(crate) mod fold;
pub(crate) mod history;
mod krate;
#[cfg(feature = "consumers")]
pub(crate) mod process;
#[cfg(feature = "consumers")]
pub(crate) mod projection;
pub(crate) mod retire;
#[cfg(feature = "consumers")]
pub(crate) mod saga;
pub(crate) mod serde;
pub(crate) mod shape;
pub(crate) mod tag;
mod time;
pub(crate) mod unique;
mod value;

pub(crate) use crate::place::Place;
pub(crate) use flag::Flag;
pub(crate) use krate::CratePath;
pub(crate) use time::Time;
pub(crate) use value::{Name, NameFault, Version, name_fault};

use crate::{diag::Diag, ident, messages};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Meta, Token, ext::IdentExt, parenthesized, parse::ParseStream, spanned::Spanned,
    token::Paren,
};

/// What can stand as the value of a key.
pub(crate) trait Value: Sized {
    /// What to do when the key is there twice.
    const KEEP_ONE: &'static str = "keep one of them";
    /// Whether the value of a misspelt key is taken as well, since without it the user's own code
    /// would be said to be wrong.
    const TAKEN_WHEN_MISSPELT: bool = false;

    /// Reads what follows the key, its `=` or `(` included.
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self>;
}

/// One known key and the value that was given to it.
pub(crate) struct Single<T> {
    name: &'static str,
    value: Option<T>,
    key: Option<Ident>,
    attempted: bool,
}

impl<T> Single<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            value: None,
            key: None,
            attempted: false,
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    pub(crate) fn into_value(self) -> Option<T> {
        self.value
    }

    /// Where the key stands, if it is there.
    pub(crate) fn key(&self) -> Option<&Ident> {
        self.key.as_ref()
    }

    /// Whether the key is absent and nothing was reported that stands for it.
    pub(crate) fn is_missing(&self) -> bool {
        self.key.is_none() && !self.attempted
    }
}

/// One known key that may stand there several times, and the values that were given to it.
pub(crate) struct Many<T> {
    name: &'static str,
    values: Vec<T>,
    key: Option<Ident>,
}

impl<T> Many<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            values: Vec::new(),
            key: None,
        }
    }

    /// Where the key stands, if it is there.
    pub(crate) fn key(&self) -> Option<&Ident> {
        self.key.as_ref()
    }

    pub(crate) fn into_values(self) -> Vec<T> {
        self.values
    }
}

impl<T: Value> Key for Many<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attempted(&mut self) {}

    fn guessed(&mut self, _: &Ident, _: TokenStream) {}

    fn read(&mut self, key: Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<()> {
        self.key = Some(key.clone());
        self.values.push(T::read(&key, input, diag)?);
        Ok(())
    }
}

/// A [`Single`] or [`Many`] of any type.
pub(crate) trait Key {
    fn name(&self) -> &'static str;
    /// A fault was reported that explains the absence of this key.
    fn attempted(&mut self);
    /// Another word was written where this key was probably meant, which was reported. Its value
    /// is taken where it fits, so that a misspelt key leaves no holes behind.
    fn guessed(&mut self, word: &Ident, value: TokenStream);
    fn read(&mut self, key: Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<()>;
}

impl<T: Value> Key for Single<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attempted(&mut self) {
        self.attempted = true;
    }

    fn guessed(&mut self, word: &Ident, value: TokenStream) {
        self.attempted();
        if !T::TAKEN_WHEN_MISSPELT {
            return;
        }
        let diag = Diag::new();
        let read = |input: ParseStream<'_>| T::read(word, input, &diag);
        let value = syn::parse::Parser::parse2(read, value).ok();
        let value = value.filter(|_| diag.is_clean());
        // Its faults are not worth a second error.
        drop(diag.into_errors());
        if self.value.is_none() {
            self.value = value;
        }
    }

    fn read(&mut self, key: Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<()> {
        let repeated = self.key.is_some();
        if repeated {
            diag.at(
                key.span(),
                messages::attribute::duplicate_key(self.name, T::KEEP_ONE),
            );
        } else {
            self.key = Some(key.clone());
        }
        let value = T::read(&key, input, diag)?;
        if !repeated {
            self.value = Some(value);
        }
        Ok(())
    }
}

/// Reads every attribute `#[place.attribute()(..)]` of `attrs` into `name` and `keys`.
pub(crate) fn read(
    diag: &Diag,
    place: Place,
    attrs: &[Attribute],
    mut name: Option<&mut Name>,
    keys: &mut [&mut dyn Key],
) {
    for attr in attrs {
        if !attr.path().is_ident(place.attribute()) {
            continue;
        }
        match &attr.meta {
            Meta::Path(path) => {
                diag.over(path, messages::attribute::bare_attribute(place));
                all_attempted(name.as_deref_mut(), keys);
            }
            Meta::NameValue(meta) => {
                let value = compact(&meta.value.to_token_stream());
                diag.over(
                    meta,
                    messages::attribute::attribute_with_equals(place, &value),
                );
                all_attempted(name.as_deref_mut(), keys);
            }
            Meta::List(list) => {
                let parsed = list.parse_args_with(|input: ParseStream<'_>| {
                    items(input, diag, |input| {
                        item(input, diag, place, name.as_deref_mut(), keys)
                    });
                    Ok(())
                });
                if let Err(error) = parsed {
                    diag.push(error);
                }
            }
        }
    }
}

/// The attribute itself is at fault: nothing in it counts as missing.
fn all_attempted(name: Option<&mut Name>, keys: &mut [&mut dyn Key]) {
    if let Some(name) = name {
        name.attempted();
    }
    for key in keys {
        key.attempted();
    }
}

/// Reads items between commas; after a fault it goes on after the next comma.
pub(crate) fn items(
    input: ParseStream<'_>,
    diag: &Diag,
    mut one: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if let Err(error) = one(input) {
            diag.push(error);
            rest_of_item(input);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            let rest = rest_of_item(input);
            diag.over(rest, messages::attribute::expected_comma());
        }
        if input.parse::<Token![,]>().is_err() {
            break;
        }
    }
}

/// Reads the list in the parentheses after `key`; `one` adds what it reads to the list. A list without any is reported as
/// `empty`.
pub(super) fn list<T>(
    key: &Ident,
    input: ParseStream<'_>,
    diag: &Diag,
    empty: impl FnOnce() -> String,
    mut one: impl FnMut(ParseStream<'_>, &mut Vec<T>) -> syn::Result<()>,
) -> syn::Result<Vec<T>> {
    let faults = diag.count();
    let mut list = Vec::new();
    let content;
    parenthesized!(content in input);
    items(&content, diag, |input| one(input, &mut list));
    if list.is_empty() && diag.count() == faults {
        diag.at(key.span(), empty());
    }
    Ok(list)
}

/// A stored name or a key with its value.
fn item(
    input: ParseStream<'_>,
    diag: &Diag,
    place: Place,
    name: Option<&mut Name>,
    keys: &mut [&mut dyn Key],
) -> syn::Result<()> {
    if input.peek(syn::Lit) {
        let Some(name) = name else {
            let rest = rest_of_item(input);
            return Err(syn::Error::new_spanned(
                rest,
                messages::attribute::no_name_here(place),
            ));
        };
        return name.read(input, diag, place);
    }
    let start = input.span();
    let Ok(key) = input.call(Ident::parse_any) else {
        return Err(syn::Error::new(
            start,
            messages::attribute::expected_key(place),
        ));
    };
    let word = ident::text(&key);
    if let Some(found) = keys.iter_mut().find(|key| key.name() == word) {
        return found.read(key, input, diag);
    }
    Err(unknown_item(key, input, place, name, keys))
}

/// Reads `(key = value, ..)` after the key of a group; `before` takes what may stand before a key.
pub(crate) fn group(
    key: &Ident,
    input: ParseStream<'_>,
    diag: &Diag,
    example: &str,
    keys: &mut [&mut dyn Key],
    mut before: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Paren) {
        rest_of_item(input);
        let text = messages::attribute::group_form(&ident::text(key), example);
        return Err(syn::Error::new(key.span(), text));
    }
    let content;
    parenthesized!(content in input);
    items(&content, diag, |input| {
        before(input)?;
        item_of_group(key, input, keys, diag)
    });
    Ok(())
}

/// One key of a group with its value.
pub(crate) fn item_of_group(
    group: &Ident,
    input: ParseStream<'_>,
    keys: &mut [&mut dyn Key],
    diag: &Diag,
) -> syn::Result<()> {
    let group = ident::text(group);
    let known: Vec<_> = keys.iter().map(|key| key.name()).collect();
    let start = input.span();
    let Ok(key) = input.call(Ident::parse_any) else {
        let text = messages::attribute::expected_key_of_group(&group, &known);
        return Err(syn::Error::new(start, text));
    };
    let word = ident::text(&key);
    if let Some(found) = keys.iter_mut().find(|key| key.name() == word) {
        return found.read(key, input, diag);
    }
    rest_of_item(input);
    let guess = ident::similar(&word, &known);
    if let Some(found) = keys.iter_mut().find(|key| Some(key.name()) == guess) {
        found.attempted();
    }
    let text = messages::attribute::unknown_key_of_group(&group, &word, guess, &known);
    Err(syn::Error::new(key.span(), text))
}

/// What is wrong with an item that begins with no known key. The name or key that was probably
/// meant does not count as missing.
fn unknown_item(
    key: Ident,
    input: ParseStream<'_>,
    place: Place,
    name: Option<&mut Name>,
    keys: &mut [&mut dyn Key],
) -> syn::Error {
    let word = ident::text(&key);
    let known: Vec<_> = keys.iter().map(|key| key.name()).collect();
    let guess = ident::similar(&word, &known);
    let is_path = input.peek(Token![.]) || input.peek(Token![::]) || input.peek(Token![-]);
    let is_word = input.is_empty() || input.peek(Token![,]);
    let rest = rest_of_item(input);
    if let Some(name) = name {
        let is_name =
            is_word && name.is_missing() && guess.is_none() && place.belongs(&word).is_none();
        if is_path || is_name {
            name.attempted();
            let given: TokenStream = [TokenTree::from(key)].into_iter().chain(rest).collect();
            let text = messages::attribute::name_without_quotes(place, &compact(&given));
            return syn::Error::new_spanned(given, text);
        }
        if word == "name" {
            name.attempted();
        }
    }
    if let Some(found) = keys.iter_mut().find(|key| Some(key.name()) == guess) {
        found.guessed(&key, rest.clone());
    }
    let text = messages::attribute::unknown_key(place, &word, guess, &compact(&rest));
    syn::Error::new(key.span(), text)
}

/// Takes a value: one literal, or the tokens up to the next comma.
pub(crate) fn value_of_item(input: ParseStream<'_>) -> TokenStream {
    match input.parse::<syn::Lit>() {
        Ok(literal) => literal.into_token_stream(),
        Err(_) => rest_of_item(input),
    }
}

/// Takes the tokens up to the next comma at this level.
pub(crate) fn rest_of_item(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

/// Tokens as a person would write them in a message.
pub(crate) fn compact(tokens: &TokenStream) -> String {
    let mut text = tokens.to_string();
    for (loose, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" . ", "."),
        (" - ", "-"),
        ("- ", "-"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("& ", "&"),
    ] {
        text = text.replace(loose, tight);
    }
    text
}

/// The place of tokens, or another where there are none.
pub(crate) fn span_or(tokens: &TokenStream, other: Span) -> Span {
    if tokens.is_empty() {
        other
    } else {
        tokens.span()
    }
}
