//! `#[projection(..)]` and `#[subscription(..)]`.

use super::{
    CratePath, Key, Name, Place, Single, Value, Version,
    aggregate::{Listed, is_group},
    compact,
    history::With,
    items, list, read, rest_of_item,
    value::{equals, error, ungroup},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, Lit, Path, Token, braced,
    ext::IdentExt,
    parenthesized,
    parse::ParseStream,
    token::{Brace, Paren},
};

pub(crate) struct OnConsumer {
    pub(crate) name: Name,
    pub(crate) version: Single<Version>,
    pub(crate) events: Single<List>,
    pub(crate) schema: Single<Schema>,
    pub(crate) on_unknown_version: Single<OnUnknownVersion>,
    pub(crate) partitions: Single<Partitions>,
    pub(crate) key: Single<With>,
    pub(crate) from: Single<From>,
    pub(crate) krate: Single<CratePath>,
}

impl OnConsumer {
    pub(crate) fn read(diag: &Diag, place: Place, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Single::new("version"),
            events: Single::new("events"),
            schema: Single::new("schema"),
            on_unknown_version: Single::new("on_unknown_version"),
            partitions: Single::new("partitions"),
            key: Single::new("key"),
            from: Single::new("from"),
            krate: Single::new("crate"),
        };
        let all: [&mut dyn Key; 8] = [
            &mut this.version,
            &mut this.events,
            &mut this.schema,
            &mut this.on_unknown_version,
            &mut this.partitions,
            &mut this.key,
            &mut this.from,
            &mut this.krate,
        ];
        let mut keys: Vec<&mut dyn Key> = all
            .into_iter()
            .filter(|key| place.keys().contains(&key.name()))
            .collect();
        read(diag, place, attrs, Some(&mut this.name), &mut keys);
        this
    }
}

/// `events(OrderPlaced, Order::{OrderPaid, OrderShipped}, all of Customer::{..})` or `reacts(..)`.
pub(crate) struct List(pub(crate) Vec<Entry>);

/// One entry of a list.
pub(crate) struct Entry {
    /// Whose reading of the events counts: that of this aggregate, or of each event alone.
    pub(crate) aggregate: Option<Path>,
    /// One event or set, or several events of the aggregate.
    pub(crate) events: Vec<Listed>,
    /// Only after `all of`: the events that are not handled, so that every one of the aggregate is named.
    pub(crate) ignored: Option<Vec<Listed>>,
}

impl Entry {
    fn read(input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let all = all_of(input)?;
        let Some(aggregate) = aggregate(input)? else {
            let listed = listed(input, diag)?;
            if let Some(all) = all {
                let given = compact(&listed.path.to_token_stream());
                return Err(syn::Error::new(
                    all,
                    messages::projection::all_of_what(&given),
                ));
            }
            return Ok(Self {
                aggregate: None,
                events: vec![listed],
                ignored: None,
            });
        };
        let content;
        let brace = braced!(content in input);
        let faults = diag.count();
        let (mut events, mut ignored) = (Vec::new(), Vec::new());
        items(&content, diag, |input| {
            if all.is_some() && is_group(input, "ignore") {
                input.call(Ident::parse_any)?;
                let content;
                parenthesized!(content in input);
                items(&content, diag, |input| {
                    ignored.push(listed(input, diag)?);
                    Ok(())
                });
            } else {
                events.push(listed(input, diag)?);
            }
            Ok(())
        });
        if events.is_empty() && diag.count() == faults {
            let text = compact(&aggregate.to_token_stream());
            diag.at(
                brace.span.join(),
                if ignored.is_empty() {
                    messages::projection::group_empty(&text)
                } else {
                    messages::projection::all_ignored(&text)
                },
            );
        }
        Ok(Self {
            aggregate: Some(aggregate),
            events,
            ignored: all.map(|_| ignored),
        })
    }
}

/// The words `all of`.
fn all_of(input: ParseStream<'_>) -> syn::Result<Option<Span>> {
    let ahead = input.fork();
    let word = |word: &str| {
        ahead
            .call(Ident::parse_any)
            .is_ok_and(|ident| ident == word)
    };
    if !(word("all") && word("of")) {
        return Ok(None);
    }
    let all = input.call(Ident::parse_any)?;
    input.call(Ident::parse_any)?;
    Ok(Some(all.span()))
}

/// Takes the path before a group in braces, where one comes.
pub(super) fn aggregate(input: ParseStream<'_>) -> syn::Result<Option<Path>> {
    let path = path_of_group(&input.fork());
    while path.is_some() && !input.peek(Brace) {
        input.parse::<TokenTree>()?;
    }
    Ok(path)
}

/// The path that ends before `::{`.
fn path_of_group(input: ParseStream<'_>) -> Option<Path> {
    let mut path = TokenStream::new();
    loop {
        if input.peek(Token![::]) {
            let colons: Token![::] = input.parse().ok()?;
            if input.peek(Brace) {
                return syn::parse2(path).ok();
            }
            colons.to_tokens(&mut path);
        } else if input.is_empty() || input.peek(Token![,]) {
            return None;
        } else {
            input.parse::<TokenTree>().ok()?.to_tokens(&mut path);
        }
    }
}

fn listed(input: ParseStream<'_>, diag: &Diag) -> syn::Result<Listed> {
    if is_group(input, "ignore") {
        let word = input.call(Ident::parse_any)?;
        rest_of_item(input);
        let text = messages::projection::ignored_without_all();
        return Err(syn::Error::new(word.span(), text));
    }
    Listed::plain(input, "an event", &[], diag)
}

impl Value for List {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            let rest = rest_of_item(input);
            let given = compact(&rest);
            let given = given.trim_start_matches('=').trim();
            return Err(syn::Error::new(
                key.span(),
                messages::projection::list_needs_parentheses(&ident::text(key), given),
            ));
        }
        let empty = || messages::projection::list_empty(&ident::text(key));
        let list = list(key, input, diag, empty, |input, list| {
            list.push(Entry::read(input, diag)?);
            Ok(())
        });
        list.map(Self)
    }
}

/// `schema = include_str!("tables.sql")`, or `schema(..)` with one entry for each dialect or database.
pub(crate) struct Schema(pub(crate) Vec<Tables>);

/// The tables for one kind of handlers.
pub(crate) struct Tables {
    pub(crate) target: Target,
    pub(crate) schema: Statements,
}

/// Whose handlers they are for.
pub(crate) enum Target {
    /// Portable ones.
    Any,
    /// Those of one read database.
    Database(Path),
}

/// The statements that create the tables.
pub(crate) enum Statements {
    /// The same in every dialect.
    Same(Box<Expr>),
    /// One text for each dialect.
    Dialects {
        sqlite: Box<Expr>,
        postgres: Box<Expr>,
    },
}

impl Value for Schema {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let tokens = value_of_item(input);
            let schema = syn::parse2::<Expr>(tokens)
                .map_err(|_| syn::Error::new(key.span(), messages::projection::schema_form()))?;
            check_text(diag, &schema);
            return Ok(Self(vec![Tables {
                target: Target::Any,
                schema: Statements::Same(Box::new(schema)),
            }]));
        }
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::projection::schema_form(),
            ));
        }
        let faults = diag.count();
        let mut given: Vec<(Path, Expr)> = Vec::new();
        let content;
        parenthesized!(content in input);
        items(&content, diag, |input| {
            let start = input.span();
            let ahead = input.fork();
            let named = ahead.call(Path::parse_mod_style).is_ok() && ahead.peek(Token![=]);
            if !named {
                let rest = rest_of_item(input);
                let place = super::span_or(&rest, start);
                return Err(syn::Error::new(place, messages::projection::schema_form()));
            }
            let database = input.call(Path::parse_mod_style)?;
            input.parse::<Token![=]>()?;
            let schema = input.parse::<Expr>().map_err(|_| {
                syn::Error::new_spanned(&database, messages::projection::schema_form())
            })?;
            check_text(diag, &schema);
            check_database(diag, &database);
            let text = compact(&database.to_token_stream());
            let known = |(other, _): &(Path, Expr)| compact(&other.to_token_stream()) == text;
            if given.iter().any(known) {
                diag.over(&database, messages::projection::database_twice(&text));
            } else {
                given.push((database, schema));
            }
            Ok(())
        });
        if given.is_empty() && diag.count() == faults {
            diag.at(key.span(), messages::projection::schema_form());
        }
        Ok(Self(tables(given, diag)))
    }
}

/// Reports a text without a table, where it stands there.
fn check_text(diag: &Diag, schema: &Expr) {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = schema
    else {
        return;
    };
    let text = text.value();
    if text.trim().is_empty() {
        diag.over(schema, messages::projection::schema_empty());
    } else if !text.contains('{') {
        diag.over(schema, messages::projection::schema_without_braces());
    }
}

/// Reports a store of events that was taken for a read database.
fn check_database(diag: &Diag, database: &Path) {
    let Some(last) = database.segments.last() else {
        return;
    };
    let read_database = match ident::text(&last.ident).as_str() {
        "SqliteStore" | "Sqlite" => "SqliteReadDatabase",
        "PostgresStore" | "Postgres" => "PostgresReadDatabase",
        "AnyStore" => "AnyReadDatabase",
        _ => return,
    };
    let text = messages::projection::database_is_a_store(&ident::text(&last.ident), read_database);
    diag.over(database, text);
}

/// The entries of `schema(..)`, those of the two dialects put together.
fn tables(given: Vec<(Path, Expr)>, diag: &Diag) -> Vec<Tables> {
    let (mut sqlite, mut postgres, mut all) = (None, None, Vec::new());
    for (path, schema) in given {
        if path.is_ident("sqlite") {
            sqlite = Some((path, schema));
        } else if path.is_ident("postgres") {
            postgres = Some((path, schema));
        } else {
            all.push(Tables {
                target: Target::Database(path),
                schema: Statements::Same(Box::new(schema)),
            });
        }
    }
    match (sqlite, postgres) {
        (Some((_, sqlite)), Some((_, postgres))) => all.push(Tables {
            target: Target::Any,
            schema: Statements::Dialects {
                sqlite: Box::new(sqlite),
                postgres: Box::new(postgres),
            },
        }),
        (Some((path, schema)), None) => {
            diag.over(
                &path,
                messages::projection::dialect_alone("sqlite", "postgres"),
            );
            all.push(Tables {
                target: Target::Any,
                schema: Statements::Same(Box::new(schema)),
            });
        }
        (None, Some((path, schema))) => {
            diag.over(
                &path,
                messages::projection::dialect_alone("postgres", "sqlite"),
            );
            all.push(Tables {
                target: Target::Any,
                schema: Statements::Same(Box::new(schema)),
            });
        }
        (None, None) => {}
    }
    all
}

/// One of two words after a key.
pub(super) fn word(
    key: &Ident,
    input: ParseStream<'_>,
    words: [&'static str; 2],
) -> syn::Result<&'static str> {
    let text = ident::text(key);
    let [usual, _] = words;
    equals(key, input, &format!("{text} = {usual}"))?;
    let tokens = value_of_item(input);
    let given = match syn::parse2::<Lit>(tokens.clone()) {
        Ok(Lit::Str(quoted)) => quoted.value(),
        _ => compact(&tokens),
    };
    words
        .into_iter()
        .find(|word| tokens.to_string() == *word)
        .ok_or_else(|| {
            let guess = ident::similar(&given, &words);
            error(
                &tokens,
                key,
                messages::projection::not_one_of(&text, words, guess),
            )
        })
}

/// `on_unknown_version = skip`.
pub(crate) struct OnUnknownVersion {
    pub(crate) skip: bool,
}

impl Value for OnUnknownVersion {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        word(key, input, ["stop", "skip"]).map(|word| Self {
            skip: word == "skip",
        })
    }
}

/// `from = now`.
pub(crate) struct From {
    pub(crate) now: bool,
}

impl Value for From {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        word(key, input, ["start", "now"]).map(|word| Self { now: word == "now" })
    }
}

/// `partitions = 4`.
pub(crate) struct Partitions(pub(crate) u32);

impl Value for Partitions {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "partitions = 4")?;
        let tokens: TokenStream = value_of_item(input);
        let number = match syn::parse2::<Expr>(tokens.clone()).map(ungroup) {
            Ok(Expr::Lit(ExprLit {
                lit: Lit::Int(int), ..
            })) if int.suffix().is_empty() => int.base10_parse::<u32>().ok(),
            _ => None,
        };
        match number {
            Some(number @ 1..=1024) => Ok(Self(number)),
            _ => Err(error(
                &tokens,
                key,
                messages::projection::partitions_not_a_number(),
            )),
        }
    }
}
