//! Identifiers: raw ones, and the nearest of a list of words to a misspelt one.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

/// The identifier as text, without `r#`.
pub(crate) fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// `Order` and `Event` to `OrderEvent`, at the place of the first.
pub(crate) fn suffixed(ident: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{}{suffix}", text(ident)), ident.span())
}

/// The name of a local of generated code. No name of the user's resolves to it.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// A local with the place and the hygiene of user code, so that errors about its value are shown there. No
/// expression of the user's may stand where it is in scope.
pub(crate) fn local_at(name: &str, place: Span) -> Ident {
    Ident::new(name, place)
}

/// Whether generated code keeps this name for itself, because Rust has no hygiene for what it names.
pub(crate) fn is_reserved(ident: &Ident) -> bool {
    let text = text(ident);
    text.starts_with("__es") || text.starts_with("__Es")
}

/// The same name, resolved as before, but shown at another place in error messages.
pub(crate) fn shown_at(ident: &Ident, place: Span) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(ident.span().located_at(place));
    ident
}

/// The same for each of some tokens.
pub(crate) fn tokens_shown_at(tokens: TokenStream, place: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| {
            let mut token = match token {
                TokenTree::Group(group) => TokenTree::Group(Group::new(
                    group.delimiter(),
                    tokens_shown_at(group.stream(), place),
                )),
                other => other,
            };
            token.set_span(token.span().located_at(place));
            token
        })
        .collect()
}

/// The place of the first token.
pub(crate) fn first_span(of: &impl ToTokens) -> Option<Span> {
    let first = of.to_token_stream().into_iter().next();
    first.map(|token| token.span())
}

/// The word of `known` that was probably meant, if one is near enough.
pub(crate) fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= word.len().max(candidate.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed, replaced or swapped with the next one.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, from) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (cell(&above, j) + usize::from(from != *to))
                .min(cell(&above, j + 1) + 1)
                .min(cell(&row, j) + 1);
            if j > 0 && last == Some(*to) && b.get(j - 1) == Some(&from) {
                cost = cost.min(cell(&before, j - 1).saturating_add(1));
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
        last = Some(from);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_found() {
        let known = &["version", "crate", "every"];
        assert_eq!(similar("versoin", known), Some("version"));
        assert_eq!(similar("vresion", known), Some("version"));
        assert_eq!(similar("versions", known), Some("version"));
        assert_eq!(similar("evry", known), Some("every"));
        assert_eq!(similar("carte", known), Some("crate"));
        assert_eq!(similar("currency", known), None);
        assert_eq!(similar("id", known), None);
    }

    #[test]
    fn swapping_two_letters_is_one_step() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
