//! Stored names that are read but no longer written: `drop`, `alias` and `split` on a set.

use super::{Key, Many, Single, Value, history::With, items, rest_of_item};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{LitStr, Path, Token, parenthesized, parse::ParseStream, token::Paren};

/// What a set says of its retired names.
pub(crate) struct Retire {
    pub(crate) drop: Many<Drop>,
    pub(crate) alias: Many<Alias>,
    pub(crate) split: Many<Split>,
}

impl Retire {
    pub(crate) fn new() -> Self {
        Self {
            drop: Many::new("drop"),
            alias: Many::new("alias"),
            split: Many::new("split"),
        }
    }

    /// The keys that are there.
    pub(crate) fn given(&self) -> impl Iterator<Item = &Ident> {
        [self.drop.key(), self.alias.key(), self.split.key()]
            .into_iter()
            .flatten()
    }

    pub(crate) fn keys(&mut self) -> [&mut dyn Key; 3] {
        [&mut self.drop, &mut self.alias, &mut self.split]
    }
}

/// `drop("order.blinked")`.
pub(crate) struct Drop(pub(crate) Vec<LitStr>);

impl Value for Drop {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let mut names = Vec::new();
        inside(key, input, |content| {
            items(content, diag, |input| {
                names.push(name(key, input)?);
                Ok(())
            });
            Ok(())
        })?;
        Ok(Self(names))
    }
}

/// `alias("OrderShipped" => OrderShipped)`.
pub(crate) struct Alias {
    pub(crate) name: LitStr,
    pub(crate) event: Path,
}

impl Value for Alias {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        inside(key, input, |content| {
            let name = name(key, content)?;
            let event = content
                .parse::<Token![=>]>()
                .and_then(|_| content.call(Path::parse_mod_style))
                .map_err(|_| form(key))?;
            if content.is_empty() {
                Ok(Self { name, event })
            } else {
                Err(form(key))
            }
        })
    }
}

/// `split(legacy::PlacedAndPaid, with = split_paid)`.
pub(crate) struct Split {
    pub(crate) event: Path,
    /// `None` where it is ill-formed, which was reported.
    pub(crate) function: Option<Path>,
}

impl Value for Split {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        inside(key, input, |content| {
            let event = content
                .call(Path::parse_mod_style)
                .and_then(|event| content.parse::<Token![,]>().map(|_| event))
                .map_err(|_| form(key))?;
            let mut with: Single<With> = Single::new("with");
            items(content, diag, |input| {
                super::item_of_group(key, input, &mut [&mut with], diag)
            });
            if with.is_missing() {
                return Err(form(key));
            }
            Ok(Self {
                event,
                function: with.into_value().map(|with| with.0),
            })
        })
    }
}

fn form(key: &Ident) -> syn::Error {
    syn::Error::new(key.span(), messages::retire::retire_form(&ident::text(key)))
}

fn name(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    rest_of_item(input);
    Err(form(key))
}

fn inside<T>(
    key: &Ident,
    input: ParseStream<'_>,
    read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    if !input.peek(Paren) {
        rest_of_item(input);
        return Err(form(key));
    }
    let content;
    parenthesized!(content in input);
    let value = read(&content);
    super::history::rest_of_group(&content)?;
    value
}
