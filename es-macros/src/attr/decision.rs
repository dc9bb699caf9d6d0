//! `#[decision(..)]`.

use super::{
    CratePath, Key, Name, Place, Single, Value,
    aggregate::{ErrorType, Listed},
    compact, items, list, read, rest_of_item, span_or,
    value::{error, new_name},
};
use crate::{diag::Diag, messages};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Path, Token,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    token::Paren,
};

pub(crate) struct OnDecision {
    pub(crate) name: Name,
    pub(crate) error: Single<ErrorType>,
    pub(crate) reads: Single<Reads>,
    pub(crate) emits: Single<Emits>,
    pub(crate) reads_struct: Single<ReadsStruct>,
    pub(crate) krate: Single<CratePath>,
}

impl OnDecision {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            error: Single::new("error"),
            reads: Single::new("reads"),
            emits: Single::new("emits"),
            reads_struct: Single::new("reads_struct"),
            krate: Single::new("crate"),
        };
        let mut keys: [&mut dyn Key; 5] = [
            &mut this.error,
            &mut this.reads,
            &mut this.emits,
            &mut this.reads_struct,
            &mut this.krate,
        ];
        read(
            diag,
            Place::DecisionStruct,
            attrs,
            Some(&mut this.name),
            &mut keys,
        );
        this
    }
}

/// On a field of the decision, where nothing belongs.
pub(crate) fn read_field(diag: &Diag, attrs: &[Attribute]) {
    read(diag, Place::DecisionField, attrs, None, &mut []);
}

/// `reads(from: Account(from), to: Account(to))`.
pub(crate) struct Reads {
    pub(crate) list: Vec<Read>,
    /// Whether an entry is missing from the list because of a fault in it.
    pub(crate) faulty: bool,
}

/// `from: Account(from)`, `pair: Pair(student, course)` or `last: LastInvoice()`.
pub(crate) struct Read {
    pub(crate) name: Ident,
    pub(crate) source: Path,
    pub(crate) fields: Vec<Ident>,
}

impl Value for Reads {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::decision::reads_need_a_list(),
            ));
        }
        let faults = diag.count();
        let empty = messages::decision::reads_empty;
        let list = list(key, input, diag, empty, |input, list| {
            list.push(Read::parse(input)?);
            Ok(())
        })?;
        Ok(Self {
            list,
            faulty: diag.count() > faults,
        })
    }
}

impl Read {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let start = input.span();
        if !input.peek(Ident::peek_any) || input.peek2(Token![::]) || !input.peek2(Token![:]) {
            let rest = rest_of_item(input);
            let place = rest.clone().into_iter().next();
            return Err(match unnamed(&rest) {
                Some(text) => syn::Error::new_spanned(rest, text),
                None => syn::Error::new(
                    place.map_or(start, |first| first.span()),
                    messages::decision::not_a_read(),
                ),
            });
        }
        let name = input.call(Ident::parse_any)?;
        let colon: Token![:] = input.parse()?;
        let rest = rest_of_item(input);
        let place = span_or(&rest, colon.span);
        let (source, keys) = of_source
            .parse2(rest.clone())
            .map_err(|_| syn::Error::new(place, messages::decision::read_of_no_type(&name)))?;
        let text = compact(&source.to_token_stream());
        let fail = |message: String| error(&rest, &name, message);
        let fields = match keys {
            Keys::Fields(fields) => fields,
            Keys::None => return Err(fail(messages::decision::read_without_field(&name, &text))),
            Keys::Delimiter(within) => {
                return Err(fail(messages::decision::read_with_other_delimiter(
                    &name, &text, &within,
                )));
            }
            Keys::Arguments => {
                return Err(fail(messages::decision::read_with_arguments(&name, &text)));
            }
            Keys::Other(given) => {
                let place = span_or(&given, place);
                return Err(syn::Error::new(
                    place,
                    messages::decision::source_not_a_field(&name, &text),
                ));
            }
        };
        for word in fields.iter().chain([&name]) {
            usable(word)?;
        }
        Ok(Self {
            name,
            source,
            fields,
        })
    }
}

/// What is said of an entry that begins with no name: a read without one, or with another sign after it.
fn unnamed(given: &TokenStream) -> Option<String> {
    let (source, keys) = of_source.parse2(given.clone()).ok()?;
    let text = compact(&source.to_token_stream());
    match keys {
        Keys::Fields(fields) => {
            let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
            let name = fields.first().cloned().unwrap_or_else(|| "name".to_owned());
            let read = format!("{text}({})", fields.join(", "));
            Some(messages::decision::read_without_name(&name, &read))
        }
        _ => None,
    }
}

/// What stands after the aggregate or fold.
enum Keys {
    /// Parentheses with names of fields in them, or nothing.
    Fields(Vec<Ident>),
    None,
    /// `[from]` or `{from}`.
    Delimiter(String),
    /// `<T>(from)`.
    Arguments,
    /// Parentheses with something else in them.
    Other(TokenStream),
}

/// `Account(from)`.
fn of_source(input: ParseStream<'_>) -> syn::Result<(Path, Keys)> {
    if input.fork().call(Path::parse_mod_style).is_err() {
        // `bank::Account::<T>(from)`.
        let rest = compact(&rest_of_item(input));
        let before = rest.split('<').next().unwrap_or_default();
        let source = Path::parse_mod_style.parse_str(before.trim_end_matches([':', ' ']))?;
        return Ok((source, Keys::Arguments));
    }
    let source = input.call(Path::parse_mod_style)?;
    if input.is_empty() {
        return Ok((source, Keys::None));
    }
    if input.peek(Token![<]) || input.peek(Token![::]) {
        rest_of_item(input);
        return Ok((source, Keys::Arguments));
    }
    let TokenTree::Group(group) = input.parse()? else {
        return Err(input.error("expected a field"));
    };
    if !input.is_empty() {
        return Err(input.error("expected nothing more"));
    }
    let within = group.stream();
    let keys = match group.delimiter() {
        proc_macro2::Delimiter::Parenthesis => {
            let names = Punctuated::<Ident, Token![,]>::parse_terminated_with;
            let names = |input: ParseStream<'_>| names(input, Ident::parse_any);
            match names.parse2(within.clone()) {
                Ok(fields) => Keys::Fields(fields.into_iter().collect()),
                Err(_) => Keys::Other(within),
            }
        }
        _ => Keys::Delimiter(compact(&within)),
    };
    Ok((source, keys))
}

/// Whether the word can be the name of a field.
fn usable(word: &Ident) -> syn::Result<()> {
    if syn::parse2::<Ident>(word.to_token_stream()).is_ok() {
        return Ok(());
    }
    let text = word.to_string();
    let raw = !matches!(text.as_str(), "self" | "Self" | "super" | "crate" | "_");
    Err(syn::Error::new(
        word.span(),
        messages::decision::not_a_field_name(&text, raw),
    ))
}

/// `emits(StudentSubscribed, blind(CourseSeen))`.
pub(crate) struct Emits {
    pub(crate) list: Vec<Emit>,
    /// Whether an entry is missing from the list because of a fault in it.
    pub(crate) faulty: bool,
}

/// An event that the decision stores without an aggregate.
pub(crate) struct Emit {
    pub(crate) event: Path,
    /// Whether no read needs to see it.
    pub(crate) blind: bool,
}

impl Value for Emits {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            let given = compact(&rest_of_item(input));
            let given = given.trim_start_matches('=').trim();
            let text = messages::decision::emits_need_a_list(given);
            return Err(syn::Error::new(key.span(), text));
        }
        let faults = diag.count();
        let empty = messages::decision::emits_empty;
        let list = list(key, input, diag, empty, |input, list| {
            let ahead = input.fork();
            let word = ahead.call(Ident::parse_any);
            if word.is_ok_and(|word| word == "blind") && ahead.peek(Paren) {
                input.call(Ident::parse_any)?;
                let content;
                parenthesized!(content in input);
                items(&content, diag, |input| {
                    list.push(Emit::read(input, true, diag)?);
                    Ok(())
                });
            } else {
                list.push(Emit::read(input, false, diag)?);
            }
            Ok(())
        })?;
        Ok(Self {
            list,
            faulty: diag.count() > faults,
        })
    }
}

impl Emit {
    fn read(input: ParseStream<'_>, blind: bool, diag: &Diag) -> syn::Result<Self> {
        let listed = Listed::plain(input, "an event", &["blind"], diag)?;
        Ok(Self {
            event: listed.path,
            blind,
        })
    }
}

/// `reads_struct = Accounts`.
pub(crate) struct ReadsStruct(pub(crate) Ident);

impl Value for ReadsStruct {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        new_name(key, input, "reads_struct = Accounts").map(Self)
    }
}
