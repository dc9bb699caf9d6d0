//! `#[decision(..)]`.

use super::{
    CratePath, Key, Name, Place, Single, Value,
    aggregate::ErrorType,
    compact, items, read, rest_of_item, span_or,
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
    token::Paren,
};

pub(crate) struct OnDecision {
    pub(crate) name: Name,
    pub(crate) error: Single<ErrorType>,
    pub(crate) reads: Single<Reads>,
    pub(crate) reads_struct: Single<ReadsStruct>,
    pub(crate) krate: Single<CratePath>,
}

impl OnDecision {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            error: Single::new("error"),
            reads: Single::new("reads"),
            reads_struct: Single::new("reads_struct"),
            krate: Single::new("crate"),
        };
        let mut keys: [&mut dyn Key; 4] = [
            &mut this.error,
            &mut this.reads,
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

/// `from: Account(from)`.
pub(crate) struct Read {
    pub(crate) name: Ident,
    pub(crate) aggregate: Path,
    pub(crate) field: Ident,
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
        let mut list = Vec::new();
        let content;
        parenthesized!(content in input);
        items(&content, diag, |input| {
            list.push(Read::parse(input)?);
            Ok(())
        });
        if list.is_empty() && diag.count() == faults {
            diag.at(key.span(), messages::decision::reads_empty());
        }
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
        let (aggregate, source) = of_aggregate
            .parse2(rest.clone())
            .map_err(|_| syn::Error::new(place, messages::decision::read_of_no_type(&name)))?;
        let text = compact(&aggregate.to_token_stream());
        let fail = |message: String| error(&rest, &name, message);
        let field = match source {
            Source::Field(field) => field,
            Source::None => return Err(fail(messages::decision::read_without_field(&name, &text))),
            Source::Delimiter(within) => {
                return Err(fail(messages::decision::read_with_other_delimiter(
                    &name, &text, &within,
                )));
            }
            Source::Arguments => {
                return Err(fail(messages::decision::read_with_arguments(&name, &text)));
            }
            Source::Other(given) => {
                let place = span_or(&given, place);
                return Err(syn::Error::new(
                    place,
                    messages::decision::source_not_a_field(&name, &text),
                ));
            }
        };
        for word in [&name, &field] {
            usable(word)?;
        }
        Ok(Self {
            name,
            aggregate,
            field,
        })
    }
}

/// What is said of an entry that begins with no name: a read without one, or with another sign after it.
fn unnamed(given: &TokenStream) -> Option<String> {
    let (aggregate, source) = of_aggregate.parse2(given.clone()).ok()?;
    let text = compact(&aggregate.to_token_stream());
    match source {
        Source::Field(field) => Some(messages::decision::read_without_name(
            &text,
            &field.to_string(),
        )),
        _ => None,
    }
}

/// What stands after the aggregate.
enum Source {
    Field(Ident),
    None,
    /// `[from]` or `{from}`.
    Delimiter(String),
    /// `<T>(from)`.
    Arguments,
    /// Parentheses without a single name in them.
    Other(TokenStream),
}

/// `Account(from)`.
fn of_aggregate(input: ParseStream<'_>) -> syn::Result<(Path, Source)> {
    if input.fork().call(Path::parse_mod_style).is_err() {
        // `bank::Account::<T>(from)`.
        let rest = compact(&rest_of_item(input));
        let before = rest.split('<').next().unwrap_or_default();
        let aggregate = Path::parse_mod_style.parse_str(before.trim_end_matches([':', ' ']))?;
        return Ok((aggregate, Source::Arguments));
    }
    let aggregate = input.call(Path::parse_mod_style)?;
    if input.is_empty() {
        return Ok((aggregate, Source::None));
    }
    if input.peek(Token![<]) || input.peek(Token![::]) {
        rest_of_item(input);
        return Ok((aggregate, Source::Arguments));
    }
    let TokenTree::Group(group) = input.parse()? else {
        return Err(input.error("expected a field"));
    };
    if !input.is_empty() {
        return Err(input.error("expected nothing more"));
    }
    let within = group.stream();
    let source = match group.delimiter() {
        proc_macro2::Delimiter::Parenthesis => match Ident::parse_any.parse2(within.clone()) {
            Ok(field) => Source::Field(field),
            Err(_) if within.is_empty() => Source::None,
            Err(_) => Source::Other(within),
        },
        _ => Source::Delimiter(compact(&within)),
    };
    Ok((aggregate, source))
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

/// `reads_struct = Accounts`.
pub(crate) struct ReadsStruct(pub(crate) Ident);

impl Value for ReadsStruct {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        new_name(key, input, "reads_struct = Accounts").map(Self)
    }
}
