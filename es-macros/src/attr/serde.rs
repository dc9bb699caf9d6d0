//! serde's attributes: those that an event must not have, because they change, blur or lose what
//! is stored without a new version, or because they break the way back from bytes; and those that
//! say how the fields of older versions are read.

use super::{compact, rest_of_item};
use crate::{diag::Diag, messages, place::On};
use proc_macro2::{Ident, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, LitStr, Meta, Path, Token, Type, ext::IdentExt, parse::ParseStream, parse_quote,
    token::Paren,
};

/// Reports the serde attributes that an event, or a type with versions, must not have.
pub(crate) fn refuse(diag: &Diag, on: On, attrs: &[Attribute]) {
    for attr in attrs {
        let Meta::List(list) = &attr.meta else {
            continue;
        };
        if !attr.path().is_ident("serde") {
            continue;
        }
        // What does not parse here is serde's own to report.
        let _ = list.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Ok(key) = input.call(Ident::parse_any) {
                    let nested = input.peek(Paren);
                    if let Some(text) = messages::serde::serde(on, &key.to_string(), nested) {
                        diag.at(key.span(), text);
                    }
                }
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
                if input.parse::<Token![,]>().is_err() {
                    break;
                }
            }
            Ok(())
        });
    }
}

/// What serde's attributes say of names and of reading, on a field or on what holds the fields.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of serde's"
)]
pub(crate) struct Reading {
    /// `rename = ".."`.
    pub(crate) rename: Option<String>,
    /// `rename_all = ".."`.
    pub(crate) rename_all: Option<Case>,
    /// `rename_all_fields = ".."`.
    pub(crate) rename_all_fields: Option<Case>,
    /// The function of `with` or `deserialize_with`.
    pub(crate) deserialize: Option<Path>,
    /// The function of `with` or `serialize_with`.
    pub(crate) serialize: Option<Path>,
    /// The text of `with`, `serialize_with` or `deserialize_with`.
    pub(crate) by: Option<String>,
    /// `skip`, in both directions.
    pub(crate) skip: bool,
    pub(crate) transparent: bool,
    pub(crate) flatten: bool,
    pub(crate) untagged: bool,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    /// The type of `into`, `from` or `try_from`.
    pub(crate) stored_as: Option<Type>,
    /// `default` of a field.
    pub(crate) absent: Option<Absent>,
}

/// What a field has where it is not stored.
#[derive(Clone)]
pub(crate) enum Absent {
    /// `default`.
    Default,
    /// `default = ".."`.
    Function(Path),
}

impl Reading {
    /// What cannot be read here is serde's own to report.
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let _ = attr.parse_nested_meta(|meta| {
                let known = |word: &str| meta.path.is_ident(word);
                let text = || meta.value()?.parse::<LitStr>();
                if let Some(flag) = [
                    ("skip", &mut this.skip),
                    ("transparent", &mut this.transparent),
                    ("flatten", &mut this.flatten),
                    ("untagged", &mut this.untagged),
                ]
                .into_iter()
                .find_map(|(word, flag)| known(word).then_some(flag))
                {
                    *flag = true;
                } else if known("into") || known("from") || known("try_from") {
                    this.stored_as = Some(text()?.parse()?);
                } else if known("tag") {
                    this.tag = Some(text()?.value());
                } else if known("content") {
                    this.content = Some(text()?.value());
                } else if known("default") {
                    this.absent = Some(if meta.input.peek(Token![=]) {
                        Absent::Function(text()?.parse()?)
                    } else {
                        Absent::Default
                    });
                } else if !meta.input.peek(Token![=]) {
                    rest_of_item(meta.input);
                } else if known("rename") {
                    this.rename = Some(text()?.value());
                } else if known("rename_all") {
                    this.rename_all = Case::of(&text()?.value());
                } else if known("rename_all_fields") {
                    this.rename_all_fields = Case::of(&text()?.value());
                } else if known("with") {
                    let path: Path = text()?.parse()?;
                    this.by = Some(compact(&path.to_token_stream()));
                    this.deserialize = Some(parse_quote!(#path::deserialize));
                    this.serialize = Some(parse_quote!(#path::serialize));
                } else if known("deserialize_with") {
                    let path: Path = text()?.parse()?;
                    this.by = Some(compact(&path.to_token_stream()));
                    this.deserialize = Some(path);
                } else if known("serialize_with") {
                    let path: Path = text()?.parse()?;
                    this.by = Some(compact(&path.to_token_stream()));
                    this.serialize = Some(path);
                } else {
                    rest_of_item(meta.input);
                }
                Ok(())
            });
        }
        this
    }
}

/// The value of `rename_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// The stored name of a field, as serde makes it.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => {
                let mut pascal = String::new();
                let mut capital = true;
                for c in name.chars() {
                    if c == '_' {
                        capital = true;
                    } else if std::mem::take(&mut capital) {
                        pascal.push(c.to_ascii_uppercase());
                    } else {
                        pascal.push(c);
                    }
                }
                pascal
            }
            Self::Camel => uncapitalized(&Self::Pascal.field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

impl Case {
    /// The stored name of a variant, as serde makes it.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalized(name),
            Self::Snake => {
                let mut snake = String::new();
                for (at, c) in name.char_indices() {
                    if at > 0 && c.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(c.to_ascii_lowercase());
                }
                snake
            }
            Self::ScreamingSnake => Self::Snake.variant(name).to_ascii_uppercase(),
            Self::Kebab => Self::Snake.variant(name).replace('_', "-"),
            Self::ScreamingKebab => Self::ScreamingSnake.variant(name).replace('_', "-"),
        }
    }
}

fn uncapitalized(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + chars.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::attr::compact;
    use quote::ToTokens;

    #[test]
    fn fields_are_cased_as_serde_does() {
        for (case, name) in [
            ("lowercase", "total_cents"),
            ("UPPERCASE", "TOTAL_CENTS"),
            ("PascalCase", "TotalCents"),
            ("camelCase", "totalCents"),
            ("snake_case", "total_cents"),
            ("SCREAMING_SNAKE_CASE", "TOTAL_CENTS"),
            ("kebab-case", "total-cents"),
            ("SCREAMING-KEBAB-CASE", "TOTAL-CENTS"),
        ] {
            let case = Case::of(case).expect("a rule of serde");
            assert_eq!(case.field("total_cents"), name);
        }
        assert_eq!(Case::of("Kebab"), None);
    }

    #[test]
    fn what_counts_for_reading_is_found_among_the_rest() {
        let item: syn::DeriveInput = syn::parse_str(
            r#"
            #[serde(deny_unknown_fields, bound(serialize = ""), rename_all = "camelCase")]
            #[serde(rename = "x", with = "a::b")]
            struct A;
            "#,
        )
        .expect("an item");
        let read = Reading::of(&item.attrs);
        assert_eq!(read.rename.as_deref(), Some("x"));
        assert_eq!(read.rename_all, Some(Case::Camel));
        let function = read.deserialize.expect("of `with`");
        assert_eq!(compact(&function.to_token_stream()), "a::b::deserialize");
    }
}
