//! The values that several attributes share: stored names, versions, types, identifiers.

use super::{Place, Value, rest_of_item, value_of_item};
use crate::{diag::Diag, messages};
use proc_macro2::{Ident, Span, TokenStream};
use syn::{
    Expr, ExprLit, Lit, LitStr, Path, Token, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

/// The longest stored name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The stored name, which stands alone in the attribute: `#[event("order.placed")]`.
#[derive(Default)]
pub(crate) struct Name {
    given: Option<LitStr>,
    attempted: bool,
    valid: bool,
}

impl Name {
    /// A fault was reported that explains the absence of a name.
    pub(super) fn attempted(&mut self) {
        self.attempted = true;
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.given.is_none() && !self.attempted
    }

    /// The name, if it was given and is one.
    pub(crate) fn into_valid(self) -> Option<LitStr> {
        self.given.filter(|_| self.valid)
    }

    pub(super) fn read(
        &mut self,
        input: ParseStream<'_>,
        diag: &Diag,
        place: Place,
    ) -> syn::Result<()> {
        let tokens = value_of_item(input);
        let Ok(Lit::Str(name)) = syn::parse2::<Lit>(tokens.clone()) else {
            self.attempted = true;
            let text = super::compact(&tokens);
            return Err(syn::Error::new_spanned(
                tokens,
                messages::attribute::name_not_a_string(place, &text),
            ));
        };
        if self.given.is_some() {
            diag.at(name.span(), messages::attribute::second_name(place));
            return Ok(());
        }
        let fault = name_fault(&name.value());
        self.valid = fault.is_none();
        if let Some(fault) = fault {
            let text = name.value();
            diag.at(
                name.span(),
                match fault {
                    NameFault::Empty => messages::attribute::empty_name(place),
                    NameFault::TooLong { bytes } => messages::attribute::long_name(bytes),
                    NameFault::Character(c) => messages::attribute::name_with(place, &text, c),
                    NameFault::Edge(c) => messages::attribute::name_edge(&text, c),
                },
            );
        }
        self.given = Some(name);
        Ok(())
    }
}

/// What keeps a text from being a stored name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFault {
    Empty,
    TooLong { bytes: usize },
    Character(char),
    Edge(char),
}

pub(crate) fn name_fault(name: &str) -> Option<NameFault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
    if let Some(other) = name.chars().find(|c| !allowed(*c)) {
        return Some(NameFault::Character(other));
    }
    let (Some(first), Some(last)) = (name.chars().next(), name.chars().next_back()) else {
        return Some(NameFault::Empty);
    };
    if name.len() > MAX_NAME_BYTES {
        return Some(NameFault::TooLong { bytes: name.len() });
    }
    [first, last]
        .into_iter()
        .find(|c| !c.is_ascii_alphanumeric())
        .map(NameFault::Edge)
}

/// `version = 3`.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) number: u16,
    pub(crate) span: Span,
}

impl Value for Version {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "version = 1")?;
        let tokens = value_of_item(input);
        let fail = |text: String| error(&tokens, key, text);
        let Ok(expr) = syn::parse2::<Expr>(tokens.clone()) else {
            return Err(fail(messages::attribute::version_not_a_number()));
        };
        match ungroup(expr) {
            Expr::Lit(ExprLit {
                lit: Lit::Int(int), ..
            }) => {
                if !int.suffix().is_empty() {
                    return Err(fail(messages::attribute::version_suffixed(
                        int.base10_digits(),
                        int.suffix(),
                    )));
                }
                match int.base10_parse::<u16>() {
                    Ok(0) => Err(fail(messages::attribute::version_zero())),
                    Ok(number) => Ok(Self {
                        number,
                        span: int.span(),
                    }),
                    Err(_) => Err(fail(messages::attribute::version_too_large())),
                }
            }
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Err(fail(messages::attribute::version_quoted(&text.value()))),
            Expr::Path(_) => Err(fail(messages::attribute::version_not_a_literal())),
            _ => Err(fail(messages::attribute::version_not_a_number())),
        }
    }
}

/// A number of events, 1 or more.
pub(super) fn count(key: &Ident, input: ParseStream<'_>) -> syn::Result<(u64, Span)> {
    equals(key, input, "every = 100")?;
    let tokens = value_of_item(input);
    let fail = |text: String| error(&tokens, key, text);
    let Ok(Expr::Lit(ExprLit {
        lit: Lit::Int(int), ..
    })) = syn::parse2::<Expr>(tokens.clone()).map(ungroup)
    else {
        return Err(fail(messages::aggregate::every_not_a_number()));
    };
    match int.base10_parse::<u64>() {
        Ok(0) => Err(fail(messages::aggregate::every_zero())),
        Ok(every) if int.suffix().is_empty() => Ok((every, int.span())),
        _ => Err(fail(messages::aggregate::every_not_a_number())),
    }
}

/// A number that is raised, 0 or more.
pub(super) fn revision(key: &Ident, input: ParseStream<'_>) -> syn::Result<u32> {
    equals(key, input, "apply_revision = 1")?;
    let tokens = value_of_item(input);
    match syn::parse2::<Expr>(tokens.clone()).map(ungroup) {
        Ok(Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        })) if int.suffix().is_empty() => int.base10_parse().ok(),
        _ => None,
    }
    .ok_or_else(|| {
        error(
            &tokens,
            key,
            messages::aggregate::apply_revision_not_a_number(),
        )
    })
}

/// Takes the `=` after a key.
pub(super) fn equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>]) {
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new(
                key.span(),
                messages::attribute::key_without_value(&key.to_string(), example),
            ));
        }
        return Ok(());
    }
    let rest = rest_of_item(input);
    let text = if rest.is_empty() {
        messages::attribute::key_needs_equals(&key.to_string(), example)
    } else {
        messages::attribute::key_with_parentheses(&key.to_string(), example)
    };
    Err(syn::Error::new(key.span(), text))
}

/// An error over the value, or at the key where there is no value.
pub(super) fn error(tokens: &TokenStream, key: &Ident, text: String) -> syn::Error {
    if tokens.is_empty() {
        syn::Error::new(key.span(), text)
    } else {
        syn::Error::new_spanned(tokens, text)
    }
}

/// `::a::b` or `"::a::b"`.
pub(super) fn path_or_string(tokens: &TokenStream) -> Option<Path> {
    let path = |tokens: TokenStream| Path::parse_mod_style.parse2(tokens).ok();
    match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(text) => text.parse_with(Path::parse_mod_style).ok(),
        Err(_) => path(tokens.clone()),
    }
}

/// A type, such as in `id = OrderId`.
pub(super) fn ty(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Type> {
    equals(key, input, example)?;
    let ahead = input.fork();
    if ahead.parse::<Type>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        return input.parse();
    }
    let tokens = value_of_item(input);
    let text = match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(text) => messages::attribute::type_quoted(&key.to_string(), &text.value()),
        Err(_) => messages::attribute::not_a_type(&key.to_string(), example),
    };
    Err(error(&tokens, key, text))
}

/// A new name, such as in `event_enum = OrderFact`.
pub(super) fn new_name(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Ident> {
    equals(key, input, example)?;
    let tokens = value_of_item(input);
    let name = match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(text) => text.parse_with(Ident::parse_any).ok(),
        Err(_) => syn::parse2::<Ident>(tokens.clone()).ok(),
    };
    name.ok_or_else(|| {
        error(
            &tokens,
            key,
            messages::attribute::not_a_new_name(&key.to_string(), example),
        )
    })
}

/// The expression without the invisible groups that `macro_rules` puts around it.
pub(super) fn ungroup(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_teams_bring_are_names() {
        for name in [
            "order.placed",
            "OrderPlaced",
            "a",
            "v1/order:placed_2-x",
            "9",
        ] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        assert_eq!(name_fault(&"a".repeat(128)), None);
    }

    #[test]
    fn other_texts_are_not() {
        assert_eq!(name_fault(""), Some(NameFault::Empty));
        assert_eq!(
            name_fault(&"a".repeat(129)),
            Some(NameFault::TooLong { bytes: 129 })
        );
        assert_eq!(name_fault("a b"), Some(NameFault::Character(' ')));
        assert_eq!(name_fault("é"), Some(NameFault::Character('é')));
        assert_eq!(name_fault(".a"), Some(NameFault::Edge('.')));
        assert_eq!(name_fault("a/"), Some(NameFault::Edge('/')));
    }
}
