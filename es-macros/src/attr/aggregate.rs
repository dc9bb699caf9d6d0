//! `#[aggregate(..)]` on the state's struct.

use super::{
    CratePath, Key, Name, Place, Single, Value, items, list, read, rest_of_item,
    retire::Retire,
    span_or,
    value::{count, equals, error, new_name, revision, ty},
    value_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{
    Attribute, LitStr, Path, Token, Type,
    ext::IdentExt,
    parenthesized,
    parse::ParseStream,
    token::{Brace, Paren},
};

pub(crate) struct OnStruct {
    pub(crate) name: Name,
    pub(crate) id: Single<IdType>,
    pub(crate) error: Single<ErrorType>,
    pub(crate) events: Single<Events>,
    pub(crate) commands: Single<Commands>,
    pub(crate) retire: Retire,
    pub(crate) snapshot: Single<Snapshot>,
    pub(crate) codec: Single<Codec>,
    pub(crate) event_enum: Single<EventEnum>,
    pub(crate) command_enum: Single<CommandEnum>,
    pub(crate) krate: Single<CratePath>,
}

impl OnStruct {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            id: Single::new("id"),
            error: Single::new("error"),
            events: Single::new("events"),
            commands: Single::new("commands"),
            retire: Retire::new(),
            snapshot: Single::new("snapshot"),
            codec: Single::new("codec"),
            event_enum: Single::new("event_enum"),
            command_enum: Single::new("command_enum"),
            krate: Single::new("crate"),
        };
        let mut keys: Vec<&mut dyn Key> = vec![
            &mut this.id,
            &mut this.error,
            &mut this.events,
            &mut this.commands,
            &mut this.snapshot,
            &mut this.codec,
            &mut this.event_enum,
            &mut this.command_enum,
            &mut this.krate,
        ];
        keys.extend(this.retire.keys());
        read(
            diag,
            Place::AggregateStruct,
            attrs,
            Some(&mut this.name),
            &mut keys,
        );
        this
    }
}

/// On a field of the state, where nothing belongs.
pub(crate) fn read_field(diag: &Diag, attrs: &[Attribute]) {
    read(diag, Place::AggregateField, attrs, None, &mut []);
}

/// `id = OrderId`.
pub(crate) struct IdType(pub(crate) Type);

impl Value for IdType {
    const TAKEN_WHEN_MISSPELT: bool = true;
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "id = OrderId").map(Self)
    }
}

/// `error = OrderError`.
pub(crate) struct ErrorType(pub(crate) Type);

impl Value for ErrorType {
    const TAKEN_WHEN_MISSPELT: bool = true;
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        ty(key, input, "error = OrderError").map(Self)
    }
}

/// `events(..)` or `events = AccountEvent`.
pub(crate) enum Events {
    List(Vec<Listed>),
    Set(Box<Type>),
}

impl Value for Events {
    const TAKEN_WHEN_MISSPELT: bool = true;
    const KEEP_ONE: &'static str =
        "keep one: a list `events(..)` of structs, or `events = ..` with an enum";

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if input.peek(Paren) {
            let empty = messages::aggregate::events_empty;
            let list = list(key, input, diag, empty, |input, list| {
                if is_group(input, "ignore") {
                    input.call(Ident::parse_any)?;
                    let content;
                    parenthesized!(content in input);
                    items(&content, diag, |input| {
                        list.push(Listed {
                            ignored: true,
                            ..Listed::read(input, "an event", &[])?
                        });
                        Ok(())
                    });
                } else {
                    list.push(Listed::read(input, "an event", &["ignore"])?);
                }
                Ok(())
            });
            return list.map(Self::List);
        }
        if !input.peek(Token![=]) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::aggregate::events_need_a_list(),
            ));
        }
        ty(key, input, "events = OrderEvent").map(|set| Self::Set(Box::new(set)))
    }
}

pub(super) fn is_group(input: ParseStream<'_>, word: &str) -> bool {
    let ahead = input.fork();
    ahead
        .call(Ident::parse_any)
        .is_ok_and(|ident| ident == word)
        && ahead.peek(Paren)
}

/// `commands(..)`.
pub(crate) struct Commands(pub(crate) Vec<Listed>);

impl Value for Commands {
    const TAKEN_WHEN_MISSPELT: bool = true;
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if input.peek(Paren) {
            let empty = messages::aggregate::commands_empty;
            let list = list(key, input, diag, empty, |input, list| {
                list.push(Listed::read(input, "a command", &[])?);
                Ok(())
            });
            return list.map(Self);
        }
        if input.peek(Token![=]) {
            equals(key, input, "commands(PlaceOrder)")?;
            let given = value_of_item(input);
            let text = super::compact(&given);
            return Err(error(
                &given,
                key,
                messages::aggregate::commands_with_equals(&text),
            ));
        }
        rest_of_item(input);
        Err(syn::Error::new(
            key.span(),
            messages::aggregate::commands_need_a_list(),
        ))
    }
}

/// One type in a list, perhaps under another name: `shipping::Shipped as ShippedOut`.
pub(crate) struct Listed {
    pub(crate) path: Path,
    pub(crate) alias: Option<Ident>,
    /// The alias or the last segment of the path.
    pub(crate) variant: Ident,
    /// Whether it stands in `ignore(..)`.
    pub(crate) ignored: bool,
}

impl Listed {
    pub(super) fn read(
        input: ParseStream<'_>,
        what: &str,
        groups: &[&'static str],
    ) -> syn::Result<Self> {
        let start = input.span();
        let ahead = input.fork();
        if ahead.call(Path::parse_mod_style).is_err() {
            let rest = rest_of_item(input);
            if let Ok(text) = syn::parse2::<LitStr>(rest.clone()) {
                return Err(syn::Error::new(
                    text.span(),
                    messages::aggregate::listed_by_stored_name(what, &text.value()),
                ));
            }
            return Err(match rest.into_iter().next() {
                Some(first) => {
                    syn::Error::new(first.span(), messages::aggregate::not_a_listed_type(what))
                }
                None => syn::Error::new(start, messages::aggregate::not_a_listed_type(what)),
            });
        }
        let path = input.call(Path::parse_mod_style)?;
        let word = super::compact(&path.to_token_stream());
        if input.peek(Paren) {
            rest_of_item(input);
            let guess = ident::similar(&word, groups);
            return Err(syn::Error::new_spanned(
                path,
                messages::aggregate::unknown_group(&word, what, guess, groups),
            ));
        }
        if input.peek(Token![<]) {
            rest_of_angle_brackets(input);
            return Err(syn::Error::new_spanned(
                path,
                messages::aggregate::listed_with_arguments(&word, what),
            ));
        }
        if input.peek(Brace) {
            rest_of_item(input);
            return Err(syn::Error::new_spanned(
                path,
                messages::aggregate::listed_with_fields(&word, what),
            ));
        }
        if input.peek(Token![=]) {
            rest_of_item(input);
            return Err(syn::Error::new_spanned(
                path,
                messages::aggregate::key_inside_a_list(&word, what),
            ));
        }
        let alias = if input.peek(Token![as]) {
            let keyword = input.parse::<Token![as]>()?;
            let name = rest_of_item(input);
            let alias = syn::parse2::<Ident>(name.clone()).map_err(|_| {
                syn::Error::new(
                    span_or(&name, keyword.span),
                    messages::aggregate::alias_not_a_name(&word),
                )
            })?;
            Some(alias)
        } else {
            None
        };
        let last = path.segments.last().map(|last| &last.ident);
        let Some(variant) = alias.as_ref().or(last).cloned() else {
            return Err(syn::Error::new(
                start,
                messages::aggregate::not_a_listed_type(what),
            ));
        };
        Ok(Self {
            path,
            alias,
            variant,
            ignored: false,
        })
    }

    /// Where no enum is made, so that another name means nothing.
    #[cfg(feature = "consumers")]
    pub(super) fn plain(
        input: ParseStream<'_>,
        what: &str,
        groups: &[&'static str],
        diag: &Diag,
    ) -> syn::Result<Self> {
        let listed = Self::read(input, what, groups)?;
        if let Some(alias) = &listed.alias {
            diag.at(alias.span(), messages::projection::alias_without_enum());
        }
        Ok(listed)
    }

    /// The place of the type's own name, for what can be shown at one token only.
    pub(crate) fn span(&self) -> Span {
        match self.path.segments.last() {
            Some(last) => last.ident.span(),
            None => self.variant.span(),
        }
    }
}

/// Takes `<A, B>` and what follows up to the next comma outside of it.
fn rest_of_angle_brackets(input: ParseStream<'_>) {
    let ahead = input.fork();
    if ahead.parse::<syn::AngleBracketedGenericArguments>().is_ok()
        && input
            .parse::<syn::AngleBracketedGenericArguments>()
            .is_err()
    {
        return;
    }
    rest_of_item(input);
}

/// `snapshot(every = 100, apply_revision = 1)`.
pub(crate) struct Snapshot {
    /// `None` where a fault in it was reported.
    pub(crate) every: Option<u64>,
    pub(crate) apply_revision: u32,
    pub(crate) span: Span,
}

struct Every(u64);

impl Value for Every {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        count(key, input).map(|(every, _)| Self(every))
    }
}

struct ApplyRevision(u32);

impl Value for ApplyRevision {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        revision(key, input).map(Self)
    }
}

impl Value for Snapshot {
    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::aggregate::snapshot_needs_every("snapshot", None),
            ));
        }
        let faults = diag.count();
        let content;
        parenthesized!(content in input);
        let mut every: Single<Every> = Single::new("every");
        let mut apply_revision: Single<ApplyRevision> = Single::new("apply_revision");
        items(&content, diag, |input| {
            if input.peek(syn::Lit) {
                let number = value_of_item(input);
                every.attempted();
                return Err(syn::Error::new_spanned(
                    &number,
                    messages::aggregate::snapshot_needs_every(
                        &format!("snapshot({})", super::compact(&number)),
                        None,
                    ),
                ));
            }
            let inner = input.call(Ident::parse_any)?;
            let word = ident::text(&inner);
            if word == "every" {
                return every.read(inner, input, diag);
            }
            if word == "apply_revision" {
                return apply_revision.read(inner, input, diag);
            }
            rest_of_item(input);
            let guess = ident::similar(&word, &["every", "apply_revision"]);
            every.attempted();
            Err(syn::Error::new(
                inner.span(),
                messages::aggregate::unknown_snapshot_key(&word, guess),
            ))
        });
        if every.is_missing() {
            let given = if apply_revision.is_missing() {
                "snapshot()"
            } else {
                "snapshot(apply_revision = ..)"
            };
            let revision = apply_revision.value().map(|revision| revision.0);
            let text = messages::aggregate::snapshot_needs_every(given, revision);
            diag.at(key.span(), text);
        }
        Ok(Self {
            every: every
                .into_value()
                .map(|every| every.0)
                .filter(|_| diag.count() == faults),
            apply_revision: apply_revision.into_value().map_or(0, |revision| revision.0),
            span: key.span(),
        })
    }
}

/// `codec = "json"`.
#[derive(Clone, Copy)]
pub(crate) enum Codec {
    Json,
    /// At the user's token: a program may be built without it.
    Postcard(Span),
}

impl Value for Codec {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        equals(key, input, "codec = \"json\"")?;
        let tokens = value_of_item(input);
        let Ok(text) = syn::parse2::<LitStr>(tokens.clone()) else {
            return Err(error(
                &tokens,
                key,
                messages::aggregate::codec_not_a_string(),
            ));
        };
        match text.value().as_str() {
            "json" => Ok(Self::Json),
            "postcard" => Ok(Self::Postcard(text.span())),
            other => Err(syn::Error::new(
                text.span(),
                messages::aggregate::unknown_codec(
                    other,
                    ident::similar(&other.to_lowercase(), &["json", "postcard"]),
                ),
            )),
        }
    }
}

/// `event_enum = OrderFact`.
pub(crate) struct EventEnum(pub(crate) Ident);

impl Value for EventEnum {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        new_name(key, input, "event_enum = OrderFact").map(Self)
    }
}

/// `command_enum = OrderRequest`.
pub(crate) struct CommandEnum(pub(crate) Ident);

impl Value for CommandEnum {
    fn read(key: &Ident, input: ParseStream<'_>, _: &Diag) -> syn::Result<Self> {
        new_name(key, input, "command_enum = OrderRequest").map(Self)
    }
}
