//! `#[saga(..)]` on an `impl` block and the attributes of its methods.

use super::{
    CratePath, Flag, Key, Name, Place, Single, Time, Value, Version, group, read,
    value::{equals, error, ty, ungroup},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Type, parse::ParseStream};

/// What stands in `#[saga(..)]`.
pub(crate) struct OnSaga {
    pub(crate) name: Name,
    pub(crate) version: Single<Version>,
    pub(crate) deps: Single<Deps>,
    pub(crate) deadline: Single<Time>,
    pub(crate) timeout: Single<Time>,
    pub(crate) retry: Single<Retry>,
    pub(crate) undo_retry: Single<Retry>,
    pub(crate) on_undo_exhausted: Single<OnExhausted>,
    pub(crate) frozen: Single<Flag>,
    pub(crate) krate: Single<CratePath>,
}

impl OnSaga {
    pub(crate) fn read(diag: &Diag, attr: &Attribute) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Single::new("version"),
            deps: Single::new("deps"),
            deadline: Single::new("deadline"),
            timeout: Single::new("timeout"),
            retry: Single::new("retry"),
            undo_retry: Single::new("undo_retry"),
            on_undo_exhausted: Single::new("on_undo_exhausted"),
            frozen: Single::new("frozen"),
            krate: Single::new("crate"),
        };
        let mut keys: [&mut dyn Key; 9] = [
            &mut this.version,
            &mut this.deps,
            &mut this.deadline,
            &mut this.timeout,
            &mut this.retry,
            &mut this.undo_retry,
            &mut this.on_undo_exhausted,
            &mut this.frozen,
            &mut this.krate,
        ];
        let attrs = std::slice::from_ref(attr);
        read(diag, Place::Saga, attrs, Some(&mut this.name), &mut keys);
        this
    }
}

/// What stands on a method: `#[step(..)]`, `#[command(..)]` or `#[undo(..)]`.
pub(crate) struct OnMethod {
    pub(crate) undo: Single<Method>,
    pub(crate) no_undo: Single<Flag>,
    pub(crate) pivot: Single<Flag>,
    pub(crate) reconcile: Single<Method>,
    pub(crate) timeout: Single<Time>,
    pub(crate) retry: Single<Retry>,
}

impl OnMethod {
    pub(crate) fn read(diag: &Diag, place: Place, attr: &Attribute) -> Self {
        let mut this = Self {
            undo: Single::new("undo"),
            no_undo: Single::new("no_undo"),
            pivot: Single::new("pivot"),
            reconcile: Single::new("reconcile"),
            timeout: Single::new("timeout"),
            retry: Single::new("retry"),
        };
        if matches!(attr.meta, Meta::Path(_)) {
            return this;
        }
        let all: [&mut dyn Key; 6] = [
            &mut this.undo,
            &mut this.no_undo,
            &mut this.pivot,
            &mut this.reconcile,
            &mut this.timeout,
            &mut this.retry,
        ];
        let mut keys: Vec<&mut dyn Key> = all
            .into_iter()
            .filter(|key| place.keys().contains(&key.name()))
            .collect();
        read(diag, place, std::slice::from_ref(attr), None, &mut keys);
        this
    }
}

/// What stands on a method: `#[start(..)]` or `#[cancel(..)]`.
pub(crate) struct OnInput {
    pub(crate) aggregate: Single<OfAggregate>,
}

impl OnInput {
    pub(crate) fn read(diag: &Diag, place: Place, attr: &Attribute) -> Self {
        let mut this = Self {
            aggregate: Single::new("aggregate"),
        };
        if !matches!(attr.meta, Meta::Path(_)) {
            let mut keys: [&mut dyn Key; 1] = [&mut this.aggregate];
            read(diag, place, std::slice::from_ref(attr), None, &mut keys);
        }
        this
    }
}

/// The aggregate whose event it is.
pub(crate) struct OfAggregate(pub(crate) Type);

impl Value for OfAggregate {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "aggregate = Order").map(Self)
    }
}

/// The name of a method of the same block.
pub(crate) struct Method(pub(crate) Ident);

impl Value for Method {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        equals(key, input, &format!("{word} = refund"))?;
        let tokens = value_of_item(input);
        syn::parse2(tokens.clone())
            .map(Self)
            .map_err(|_| error(&tokens, key, messages::saga::not_a_method(&word)))
    }
}

/// The type of the dependencies.
pub(crate) struct Deps(pub(crate) Type);

impl Value for Deps {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "deps = Services").map(Self)
    }
}

/// `retry(first = "200ms", factor = 2, max = "30s", attempts = 8, interruptions = 10)`.
#[derive(Clone)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<u32>,
    pub(crate) first: Option<u64>,
    pub(crate) factor: Option<u32>,
    pub(crate) max: Option<u64>,
    pub(crate) interruptions: Option<u32>,
}

impl Value for Retry {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let mut attempts = Single::<Count>::new("attempts");
        let mut first = Single::<Time>::new("first");
        let mut factor = Single::<Count>::new("factor");
        let mut max = Single::<Time>::new("max");
        let mut interruptions = Single::<Count>::new("interruptions");
        let mut keys: [&mut dyn Key; 5] = [
            &mut attempts,
            &mut first,
            &mut factor,
            &mut max,
            &mut interruptions,
        ];
        let word = ident::text(key);
        let example = format!("{word}(attempts = 8, first = \"200ms\")");
        group(key, input, diag, &example, &mut keys, |_| Ok(()))?;
        Ok(Self {
            attempts: attempts.value().map(|count| count.0),
            first: first.value().map(|time| time.0),
            factor: factor.value().map(|count| count.0),
            max: max.value().map(|time| time.0),
            interruptions: interruptions.value().map(|count| count.0),
        })
    }
}

/// A whole number, 1 or more.
pub(crate) struct Count(u32);

impl Value for Count {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        let word = ident::text(key);
        equals(key, input, &format!("{word} = 8"))?;
        let tokens = value_of_item(input);
        let number = match syn::parse2::<Expr>(tokens.clone()).map(ungroup) {
            Ok(Expr::Lit(ExprLit {
                lit: Lit::Int(int), ..
            })) if int.suffix().is_empty() => int.base10_parse::<u32>().ok(),
            _ => None,
        };
        number
            .filter(|number| *number > 0)
            .map(Self)
            .ok_or_else(|| error(&tokens, key, messages::saga::not_a_count(&word)))
    }
}

/// `on_undo_exhausted = continue`.
pub(crate) struct OnExhausted {
    pub(crate) goes_on: bool,
}

impl Value for OnExhausted {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        super::projection::word(key, input, ["park", "continue"]).map(|word| Self {
            goes_on: word == "continue",
        })
    }
}

/// Where the attribute is that a method has.
pub(crate) fn span(attr: &Attribute) -> Span {
    attr.path()
        .get_ident()
        .map_or(attr.pound_token.span, Ident::span)
}
