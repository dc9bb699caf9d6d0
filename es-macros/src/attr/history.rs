//! What an event says of its older versions: `since`, `default` and `was` on fields, `removed` on
//! the event, and the upcasters that the user wrote.

use super::{
    Flag, Key, Many, Single, Value, compact, group, item_of_group, items, rest_of_item,
    value::{equals, error, ty, ungroup},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, Lit, LitStr, Path, Token, Type, Visibility,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    token::Paren,
};

/// The number of a version, with its place.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: u16,
    pub(crate) span: Span,
}

impl Number {
    fn of(tokens: &TokenStream) -> Option<Self> {
        let Ok(Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        })) = syn::parse2::<Expr>(tokens.clone()).map(ungroup)
        else {
            return None;
        };
        match int.base10_parse::<u16>() {
            Ok(value) if value > 0 && int.suffix().is_empty() => Some(Self {
                value,
                span: int.span(),
            }),
            _ => None,
        }
    }
}

impl Value for Number {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        equals(key, input, &format!("{word} = 2"))?;
        let tokens = value_of_item(input);
        Self::of(&tokens)
            .ok_or_else(|| error(&tokens, key, messages::history::not_a_version(&word)))
    }
}

/// `default = "USD"` or any other expression.
pub(crate) struct Given {
    pub(crate) tokens: TokenStream,
    /// A string goes through `Into`.
    pub(crate) is_text: bool,
}

impl Value for Given {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, &format!("{} = 0", ident::text(key)))?;
        let ahead = input.fork();
        let whole = ahead.parse::<Expr>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,]));
        let tokens = if whole {
            input.parse::<Expr>()?.into_token_stream()
        } else {
            rest_of_item(input)
        };
        let is_text = matches!(syn::parse2::<Lit>(tokens.clone()), Ok(Lit::Str(_)));
        Ok(Self { tokens, is_text })
    }
}

/// `type = f64`.
struct OldType(Type);

impl Value for OldType {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "type = f64").map(Self)
    }
}

/// `name = "total"`, the stored name of a field.
struct FieldName(LitStr);

impl Value for FieldName {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "name = \"total\"")?;
        let tokens = value_of_item(input);
        syn::parse2::<LitStr>(tokens.clone())
            .map(Self)
            .map_err(|_| {
                error(
                    &tokens,
                    key,
                    messages::history::field_name_not_a_string(&compact(&tokens)),
                )
            })
    }
}

/// `with = cents_from_dollars`.
pub(crate) struct With(pub(crate) Path);

impl Value for With {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        let example = format!("{word} = path_of_function");
        equals(key, input, &example)?;
        function(&word, &example, input).map(Self)
    }
}

/// The path of a function, up to the next comma.
fn function(word: &str, example: &str, input: ParseStream<'_>) -> syn::Result<Path> {
    let start = input.span();
    let ahead = input.fork();
    if ahead.parse::<Path>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        return input.parse();
    }
    if input.peek(Token![|]) || input.peek(Token![||]) || input.peek(Token![move]) {
        // The parameters of a closure have commas of their own.
        while !input.is_empty() {
            input.parse::<TokenTree>()?;
        }
        return Err(syn::Error::new(
            start,
            messages::history::function_is_a_closure(word, example),
        ));
    }
    let tokens = rest_of_item(input);
    let text = match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(text) => messages::history::function_quoted(word, &text.value()),
        Err(_) => messages::history::not_a_function(word, example),
    };
    Err(if tokens.is_empty() {
        syn::Error::new(start, text)
    } else {
        syn::Error::new_spanned(tokens, text)
    })
}

/// `previous = v3::OrderPlaced`.
pub(crate) struct Previous(pub(crate) Path);

impl Value for Previous {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "previous = v1::OrderPlaced")?;
        let tokens = value_of_item(input);
        Path::parse_mod_style
            .parse2(tokens.clone())
            .map(Self)
            .map_err(|_| error(&tokens, key, messages::history::previous_not_a_path()))
    }
}

/// `upcast(2 => split_name)` and its kind.
pub(crate) struct Upcaster {
    pub(crate) kind: UpcasterKind,
    pub(crate) from: Number,
    pub(crate) function: Path,
}

/// How an upcaster that the user wrote is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpcasterKind {
    /// `upcast`: a function of the older version to the next.
    Plain,
    /// `try_upcast`: the same with a `Result`.
    Try,
    /// `upcast_json`: a function that changes the JSON object in place.
    Json,
}

impl Value for Upcaster {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        let example = format!("{word}(1 => path_of_function)");
        let form = |span| syn::Error::new(span, messages::history::upcast_form(&word, &example));
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(form(key.span()));
        }
        let content;
        parenthesized!(content in input);
        let inside = |content: ParseStream<'_>| {
            let number = content
                .parse::<Lit>()
                .map_err(|_| form(key.span()))?
                .into_token_stream();
            let from = Number::of(&number).ok_or_else(|| {
                syn::Error::new_spanned(&number, messages::history::upcast_form(&word, &example))
            })?;
            if content.parse::<Token![=>]>().is_err() {
                return Err(form(key.span()));
            }
            let function = function(&word, &example, content)?;
            if !content.is_empty() {
                return Err(syn::Error::new(
                    content.span(),
                    messages::history::upcast_with_more(&word),
                ));
            }
            Ok(Self {
                kind: match word.as_str() {
                    "try_upcast" => UpcasterKind::Try,
                    "upcast_json" => UpcasterKind::Json,
                    _ => UpcasterKind::Plain,
                },
                from,
                function,
            })
        };
        let upcaster = inside(&content);
        rest_of_group(&content)?;
        upcaster
    }
}

/// What stands on a field.
pub(crate) struct OnField {
    pub(crate) since: Single<Number>,
    pub(crate) default: Single<Given>,
    pub(crate) was: Many<Was>,
}

impl OnField {
    pub(crate) fn new() -> Self {
        Self {
            since: Single::new("since"),
            default: Single::new("default"),
            was: Many::new("was"),
        }
    }

    pub(crate) fn keys(&mut self) -> [&mut dyn Key; 3] {
        [&mut self.since, &mut self.default, &mut self.was]
    }
}

/// `was(name = "total", type = f64, with = cents_from_dollars, before = 3)`.
pub(crate) struct Was {
    pub(crate) name: Option<LitStr>,
    /// What stood on the field while it had the type.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ty: Option<Type>,
    pub(crate) with: Option<Path>,
    /// The way back, for writing the older version.
    pub(crate) back: Option<Path>,
    pub(crate) before: Option<Number>,
}

impl Value for Was {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let mut name: Single<FieldName> = Single::new("name");
        let mut ty: Single<OldType> = Single::new("type");
        let mut with: Single<With> = Single::new("with");
        let mut back: Single<With> = Single::new("back");
        let mut before: Single<Number> = Single::new("before");
        let mut attrs = Vec::new();
        let faults = diag.count();
        group(
            key,
            input,
            diag,
            "was(name = \"total\", before = 2)",
            &mut [&mut name, &mut ty, &mut with, &mut back, &mut before],
            |input| {
                let found = input.call(Attribute::parse_outer)?;
                match found.first() {
                    Some(first) if !input.peek(Token![type]) => Err(syn::Error::new_spanned(
                        first,
                        messages::history::was_attribute_alone(),
                    )),
                    _ => {
                        attrs.extend(found);
                        Ok(())
                    }
                }
            },
        )?;
        if diag.count() == faults {
            if before.is_missing() {
                diag.at(key.span(), messages::history::was_without_before());
            } else if name.is_missing() && ty.is_missing() {
                let text = messages::history::was_without_change(with.key().is_some());
                diag.at(key.span(), text);
            } else if let (Some(back), true) = (back.key(), ty.is_missing()) {
                diag.at(back.span(), messages::history::back_without_type());
            }
        }
        Ok(Self {
            name: name.into_value().map(|name| name.0),
            attrs,
            ty: ty.into_value().map(|ty| ty.0),
            with: with.into_value().map(|with| with.0),
            back: back.into_value().map(|back| back.0),
            before: before.into_value(),
        })
    }
}

/// `removed(coupon: Option<String>, in = 3)`.
pub(crate) struct Removed {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) name: Option<LitStr>,
    pub(crate) since: Single<Number>,
    pub(crate) default: Single<Given>,
    /// What is written for it while an older version is written.
    pub(crate) back: Option<Given>,
    /// The field after which it stood.
    pub(crate) after: Option<Ident>,
    /// Whether it stood before all others.
    pub(crate) first: bool,
    pub(crate) until: Option<Number>,
}

/// `after = customer`.
struct FieldOf(Ident);

impl Value for FieldOf {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "after = customer")?;
        let tokens = value_of_item(input);
        syn::parse2::<Ident>(tokens.clone())
            .map(Self)
            .map_err(|_| error(&tokens, key, messages::history::after_not_a_field()))
    }
}

impl Value for Removed {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::history::removed_form(),
            ));
        }
        let content;
        parenthesized!(content in input);
        let removed = Self::inside(key, &content, diag);
        rest_of_group(&content)?;
        removed
    }
}

impl Removed {
    fn inside(key: &Ident, content: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let form = |span| syn::Error::new(span, messages::history::removed_form());
        let attrs = content.call(Attribute::parse_outer)?;
        let vis: Visibility = content.parse()?;
        let Ok(ident) = content.call(Ident::parse_any) else {
            return Err(form(if content.is_empty() {
                key.span()
            } else {
                content.span()
            }));
        };
        if content.peek(Token![::]) || content.parse::<Token![:]>().is_err() {
            return Err(form(ident.span()));
        }
        let ty: Type = content.parse()?;
        let mut name: Single<FieldName> = Single::new("name");
        let mut since: Single<Number> = Single::new("since");
        let mut until: Single<Number> = Single::new("in");
        let mut after: Single<FieldOf> = Single::new("after");
        let mut first: Single<Flag> = Single::new("first");
        let mut default: Single<Given> = Single::new("default");
        let mut back: Single<Given> = Single::new("back");
        let faults = diag.count();
        if content.parse::<Token![,]>().is_ok() {
            items(content, diag, |input| {
                let keys: &mut [&mut dyn Key] = &mut [
                    &mut until,
                    &mut since,
                    &mut default,
                    &mut back,
                    &mut after,
                    &mut first,
                    &mut name,
                ];
                item_of_group(key, input, keys, diag)
            });
        } else if !content.is_empty() {
            let rest = rest_of_item(content);
            diag.over(rest, messages::attribute::expected_comma());
        }
        if until.is_missing() && diag.count() == faults {
            let text = messages::history::removed_without_in(&ident::text(&ident));
            diag.at(ident.span(), text);
        }
        if let (Some(first), Some(_)) = (first.key(), after.key()) {
            diag.at(first.span(), messages::history::first_and_after());
        }
        Ok(Self {
            attrs,
            vis,
            ident,
            ty,
            name: name.into_value().map(|name| name.0),
            since,
            default,
            back: back.into_value(),
            after: after.into_value().map(|after| after.0),
            first: first.value().is_some(),
            until: until.into_value(),
        })
    }
}

pub(super) fn rest_of_group(content: ParseStream<'_>) -> syn::Result<()> {
    while !content.is_empty() {
        content.parse::<TokenTree>()?;
    }
    Ok(())
}
