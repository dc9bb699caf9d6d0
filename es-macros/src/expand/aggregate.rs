//! The enums of an aggregate's events and commands, the dispatch onto the user's impls and
//! `impl Aggregate`.

use super::{conditional, fallback, retire};
use crate::{
    attr::aggregate::{Codec, Events, Listed},
    ident, messages,
    model::{aggregate::Aggregate, retire::Retired},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{LitInt, Path, spanned::Spanned};

/// `clean` is whether nothing was reported.
pub(crate) fn expand(aggregate: &Aggregate, clean: bool) -> TokenStream {
    let is_generic = !aggregate.generics.params.is_empty();
    let events = match &aggregate.events {
        Some(Events::List(list)) if !list.is_empty() => Some(list.as_slice()),
        _ => None,
    };
    let commands = match &aggregate.commands {
        Some(list) if !list.is_empty() => Some(list.as_slice()),
        _ => None,
    };
    let event_enum = events.map(|list| event_enum(aggregate, list));
    let command_enum = commands.map(|list| command_enum(aggregate, list));
    let event_dispatch = events
        .filter(|_| !is_generic)
        .map(|list| event_dispatch(aggregate, list));
    let command_dispatch = commands
        .filter(|_| !is_generic)
        .map(|list| command_dispatch(aggregate, list));
    let implementation = implementation(aggregate, events.is_some(), clean);
    let lists = lists(aggregate, events, clean);
    quote! {
        #lists
        #event_enum
        #event_dispatch
        #command_enum
        #command_dispatch
        #implementation
    }
}

/// Which events `Apply` can be implemented for.
fn lists(aggregate: &Aggregate, list: Option<&[Listed]>, clean: bool) -> TokenStream {
    let Aggregate {
        ident,
        generics,
        krate,
        allows,
        ..
    } = aggregate;
    // After a fault in the list every impl of the user's would be said not to be in it.
    if !clean {
        let any = Ident::new("__EsE", Span::mixed_site());
        let mut all = generics.clone();
        all.params.push(syn::parse_quote!(#any));
        let (impl_generics, ..) = all.split_for_impl();
        let (_, ty_generics, where_clause) = generics.split_for_impl();
        return quote! {
            #[automatically_derived]
            impl #impl_generics #krate::__private::ListsEvent<#any> for #ident #ty_generics #where_clause {}
        };
    }
    let own = match &aggregate.events {
        Some(Events::Set(set)) => quote!(#set),
        _ => aggregate.event_enum.to_token_stream(),
    };
    let listed = list.unwrap_or_default().iter();
    let events = listed.map(|listed| listed.path.to_token_stream());
    let one = events.chain([own]).map(|event| {
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::__private::ListsEvent<#event> for #ident {}
        }
    });
    quote!(#(#one)*)
}

fn implementation(aggregate: &Aggregate, generated: bool, clean: bool) -> TokenStream {
    let Aggregate {
        ident,
        generics,
        krate,
        allows,
        ..
    } = aggregate;
    let name = or(aggregate.name.as_ref(), fallback::name(ident));
    let (codec, is_compiled) = match aggregate.codec {
        Codec::Json => (quote!(#krate::Codec::Json), None),
        Codec::Postcard(span) => {
            let call = quote_spanned!(span=> postcard());
            let codec = quote!({
                use #krate::__private::postcard;
                #call
            });
            // A constant of a trait is not looked at before it is used.
            (
                codec.clone(),
                Some(quote!(const _: #krate::Codec = #codec;)),
            )
        }
    };
    let id = or(aggregate.id.as_ref(), quote!(#krate::__private::String));
    let error = or(
        aggregate.error.as_ref(),
        quote!(::core::convert::Infallible),
    );
    let event = match (&aggregate.events, generated) {
        (Some(Events::Set(set)), _) => quote!(#set),
        (_, true) => aggregate.event_enum.to_token_stream(),
        _ => quote!(#krate::__private::NoEvents),
    };
    let set = matches!(aggregate.events, Some(Events::Set(_)));
    let applies = clean || ((generated || set) && generics.params.is_empty());
    let apply = if applies {
        let ident = ident::shown_at(ident, event.span());
        quote!(<#ident as #krate::Apply<#event>>::apply(self, event))
    } else {
        fallback::body(&[quote!(event)])
    };
    let snapshots = aggregate.snapshot.as_ref().and_then(|snapshot| {
        let ident = ident::shown_at(ident, snapshot.span);
        let number = |text: String| LitInt::new(&text, Span::mixed_site());
        let every = number(snapshot.every?.to_string());
        let apply_revision = (snapshot.apply_revision > 0).then(|| {
            let revision = number(snapshot.apply_revision.to_string());
            quote!(.with_apply_revision(#revision))
        });
        Some(quote! {
            const SNAPSHOTS: ::core::option::Option<#krate::SnapshotPolicy<Self>> =
                ::core::option::Option::Some(
                    <#ident as #krate::__private::SnapshotEvery<#every>>::POLICY #apply_revision,
                );
        })
    });
    let of_the_set = generics.params.is_empty().then(|| {
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::EventOf<#ident> for #event {
                type Event = #event;

                fn into_event(self) -> #event {
                    self
                }

                fn from_event(event: #event) -> ::core::result::Result<Self, #event> {
                    ::core::result::Result::Ok(event)
                }
            }
        }
    });
    let command_names = command_names(aggregate);
    // Shown at the name of the struct.
    let state = Ident::new("Self", ident.span());
    let generics = fallback::owned(generics, &quote!(::core::default::Default));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #is_compiled
        #of_the_set

        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #krate::Aggregate for #ident #ty_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;
            const CODEC: #krate::Codec = #codec;
            #snapshots

            type Id = #id;
            type Event = #event;
            type Error = #error;

            fn initial() -> Self {
                <#state as ::core::default::Default>::default()
            }

            fn apply_event(&mut self, event: &#event) {
                #apply
            }

            #command_names
        }
    }
}

/// What the aggregate says of its commands, where it lists some.
fn command_names(aggregate: &Aggregate) -> Option<TokenStream> {
    let krate = &aggregate.krate;
    let list = aggregate
        .commands
        .as_ref()
        .filter(|list| !list.is_empty())?;
    let path = list.iter().map(|listed| &listed.path);
    Some(quote! {
        fn commands() -> ::std::vec::Vec<&'static ::core::primitive::str> {
            ::std::vec![#(#krate::__private::name_of::<#path>(),)*]
        }
    })
}

fn or(given: Option<&impl ToTokens>, fallback: TokenStream) -> TokenStream {
    given.map_or(fallback, ToTokens::to_token_stream)
}

/// The parts that both generated enums have.
fn list_enum(
    aggregate: &Aggregate,
    name: &Ident,
    list: &[Listed],
    doc: &str,
    variant_doc: impl Fn(&str) -> String,
) -> TokenStream {
    let Aggregate { vis, allows, .. } = aggregate;
    let attrs = quote!(#(#allows)*);
    let variant: Vec<_> = list.iter().map(|listed| &listed.variant).collect();
    let path: Vec<_> = list.iter().map(|listed| &listed.path).collect();
    let docs = list.iter().map(|listed| variant_doc(&link(&listed.path)));
    let conditional = conditional::impls(name, list, &attrs);
    let refused = (list.len() > 1).then(|| quote!(other => ::core::result::Result::Err(other),));
    let named_alike = named_alike(list.iter().map(|listed| ident::text(&listed.variant)))
        .then(|| quote!(#[allow(clippy::enum_variant_names)]));
    quote! {
        #[doc = #doc]
        #attrs
        #named_alike
        #vis enum #name {
            #(
                #[doc = #docs]
                #variant(#path),
            )*
        }

        #conditional

        #(
            #attrs
            #[automatically_derived]
            impl ::core::convert::From<#path> for #name {
                fn from(value: #path) -> Self {
                    #name::#variant(value)
                }
            }

            #attrs
            #[automatically_derived]
            impl ::core::convert::TryFrom<#name> for #path {
                type Error = #name;

                fn try_from(value: #name) -> ::core::result::Result<Self, #name> {
                    match value {
                        #name::#variant(value) => ::core::result::Result::Ok(value),
                        #refused
                    }
                }
            }
        )*
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one `quote!` with all items of an enum of events"
)]
fn event_enum(aggregate: &Aggregate, list: &[Listed]) -> TokenStream {
    let Aggregate {
        ident,
        krate,
        allows,
        event_enum: name,
        ..
    } = aggregate;
    let text = ident::text(ident);
    let items = list_enum(
        aggregate,
        name,
        list,
        &format!("Every event of [`{text}`]: what can stand in its stream."),
        |event| format!("The event {event}."),
    );
    let variant: Vec<_> = list.iter().map(|listed| &listed.variant).collect();
    let event: Vec<_> = list
        .iter()
        .map(|listed| {
            let path = &listed.path;
            let as_event = quote_spanned!(path.span()=> as);
            quote!(<#path #as_event #krate::__private::ListedEvent>)
        })
        .collect();
    let unique = unique_names(aggregate, list);
    let mut bounds = super::shape::Bounds::default();
    let shapes: Vec<_> = list
        .iter()
        .zip(&event)
        .map(|(listed, event)| {
            let path = &listed.path;
            bounds.add(path, &quote!(#krate::schema::EventShapes));
            quote!(#krate::schema::EventShape {
                name: #event::TYPE.name,
                shapes: <#path as #krate::schema::EventShapes>::SHAPES,
            })
        })
        .collect();
    let clause = bounds.clause();
    let retired = retire::parts(krate, name, &aggregate.retired, |variant| {
        let at = list.iter().position(|listed| listed.variant == *variant);
        let event = at.and_then(|at| event.get(at));
        (
            quote!(#event::TYPE.name),
            quote!(#event::decode(stored, #name::#variant)),
        )
    });
    let retire::Parts {
        decode: decode_retired,
        names: retired_names,
        shapes: retired_shapes,
        checks: retired_checks,
    } = retired;
    quote! {
        #items

        #(#allows)*
        #[automatically_derived]
        impl #krate::EventSet for #name {
            const TYPES: &'static [#krate::EventType] = &[#(#event::TYPE,)*];
            #retired_names
            const UNIQUE_RULES: &'static [(
                &'static ::core::primitive::str,
                &'static [&'static ::core::primitive::str],
            )] = &[#(#event::UNIQUE_RULES,)*];
            const TAG_KINDS: &'static [(
                &'static ::core::primitive::str,
                &'static [&'static ::core::primitive::str],
            )] = &[#(#event::TAG_KINDS,)*];

            fn event_type(&self) -> #krate::EventType {
                match self {
                    #(#name::#variant(_) => #event::TYPE,)*
                }
            }

            fn encode(
                &self,
                codec: #krate::Codec,
            ) -> ::core::result::Result<#krate::__private::Bytes, #krate::CodecError> {
                match self {
                    #(#name::#variant(event) => #event::encode(event, codec),)*
                }
            }

            fn decode(
                name: &::core::primitive::str,
                stored: #krate::StoredPayload<'_>,
            ) -> ::core::result::Result<#krate::Decoded<Self>, #krate::DecodeError> {
                #(
                    if name == #event::TYPE.name {
                        return #event::decode(stored, #name::#variant);
                    }
                )*
                #decode_retired
                ::core::result::Result::Err(#krate::DecodeError::unknown_event(name, stored))
            }

            fn unique(&self) -> ::std::vec::Vec<#krate::UniqueChange> {
                match self {
                    #(#name::#variant(event) => #event::unique(event),)*
                }
            }

            fn tags(&self) -> ::std::vec::Vec<#krate::EventTag> {
                match self {
                    #(#name::#variant(event) => #event::tags(event),)*
                }
            }
        }

        #(#allows)*
        #[automatically_derived]
        impl #krate::schema::SetShapes for #name #clause {
            const EVENTS: &'static [#krate::schema::EventShape] = &[#(#shapes,)*];
            const RETIRED: &'static [#krate::schema::Retired] = &[#retired_shapes];
        }

        #unique
        #retired_checks
    }
}

/// `impl Apply<OrderEvent>`, and `Apply` for each ignored event, so that a second one conflicts.
fn event_dispatch(aggregate: &Aggregate, list: &[Listed]) -> TokenStream {
    let Aggregate {
        ident,
        krate,
        allows,
        event_enum: name,
        ..
    } = aggregate;
    let applied: Vec<_> = list
        .iter()
        .filter(|listed| !listed.ignored)
        .map(|listed| {
            let (variant, path) = (&listed.variant, &listed.path);
            let state = ident::shown_at(ident, path.span());
            quote!(#name::#variant(event) => {
                <#state as #krate::Apply<#path>>::apply(self, event)
            })
        })
        .collect();
    let ignored: Vec<_> = list.iter().filter(|listed| listed.ignored).collect();
    let ignored_variant = ignored.iter().map(|listed| &listed.variant);
    let ignored_impl = ignored.iter().map(|listed| {
        let path = &listed.path;
        let state = ident::shown_at(ident, path.span());
        quote_spanned! {listed.span()=>
            #(#allows)*
            #[automatically_derived]
            impl #krate::Apply<#path> for #state {
                fn apply(&mut self, _: &#path) {}
            }
        }
    });
    let path = list.iter().map(|listed| &listed.path);
    let variant = list.iter().map(|listed| &listed.variant);
    let attrs = quote!(#(#allows)*);
    // A split gives any of the events, as far as its signature tells.
    let under_other_names = list.iter().filter(|listed| {
        aggregate.retired.iter().any(|retired| match retired {
            Retired::Dropped(_) => false,
            Retired::Alias(_, variant) => *variant == listed.variant,
            Retired::Split { .. } => true,
        })
    });
    let under_other_names = under_other_names.map(|listed| &listed.path);
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Apply<#name> for #ident {
            fn apply(&mut self, event: &#name) {
                match event {
                    #(#applied)*
                    #(#name::#ignored_variant(_) => {})*
                }
            }
        }

        #(#ignored_impl)*

        #(
            #attrs
            #[automatically_derived]
            impl #krate::EventOf<#ident> for #path {
                type Event = #name;

                fn into_event(self) -> #name {
                    #name::#variant(self)
                }

                fn from_event(event: #name) -> ::core::result::Result<Self, #name> {
                    ::core::convert::TryFrom::try_from(event)
                }
            }
        )*

        #(
            #attrs
            #[automatically_derived]
            impl #krate::__private::OtherNames<#ident> for #under_other_names {}
        )*
    }
}

/// One const assertion for each event but the first, at its place in the list.
fn unique_names(aggregate: &Aggregate, list: &[Listed]) -> Option<TokenStream> {
    if list.len() < 2 {
        return None;
    }
    let Aggregate {
        ident,
        krate,
        event_enum: name,
        ..
    } = aggregate;
    let count = list.len();
    let ident = ident::text(ident);
    let paths: Vec<_> = list
        .iter()
        .map(|listed| crate::attr::compact(&listed.path.to_token_stream()))
        .collect();
    let texts = messages::aggregate::stored_name_repeated(&ident);
    let checks = list.iter().enumerate().skip(1).map(|(index, listed)| {
        quote_spanned! {listed.span()=>
            const _: () = assert_first_of_name(TYPES, &HASHES, PATHS, TEXTS, #index);
        }
    });
    Some(quote! {
        const _: () = {
            // Without a path before it, the whole call is at the place in the list.
            use #krate::__private::assert_first_of_name;
            const TYPES: &[#krate::EventType] = <#name as #krate::EventSet>::TYPES;
            const PATHS: &[&::core::primitive::str] = &[#(#paths,)*];
            const TEXTS: [&::core::primitive::str; 4] = [#(#texts,)*];
            const HASHES: [::core::primitive::u64; #count] = #krate::__private::hashes(TYPES);
            #(#checks)*
        };
    })
}

fn command_enum(aggregate: &Aggregate, list: &[Listed]) -> TokenStream {
    let text = ident::text(&aggregate.ident);
    list_enum(
        aggregate,
        &aggregate.command_enum,
        list,
        &format!("Every command of [`{text}`], for code that handles them alike."),
        |command| format!("The command {command}."),
    )
}

fn command_dispatch(aggregate: &Aggregate, list: &[Listed]) -> TokenStream {
    let Aggregate {
        ident,
        krate,
        allows,
        command_enum: name,
        ..
    } = aggregate;
    let arms = list.iter().map(|listed| {
        let (variant, path) = (&listed.variant, &listed.path);
        quote!(#name::#variant(command) => {
            <#path as #krate::__private::HandledBy<#ident>>::handled_by(command, self)
        })
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Handle<#name> for #ident {
            fn handle(
                &self,
                command: #name,
            ) -> ::core::result::Result<
                #krate::Events<Self>,
                <Self as #krate::Aggregate>::Error,
            > {
                match command {
                    #(#arms)*
                }
            }
        }
    }
}

/// The type as a documentation link, where it can be one.
pub(super) fn link(path: &Path) -> String {
    let text = crate::attr::compact(&path.to_token_stream());
    let last = path
        .segments
        .last()
        .map(|last| ident::text(&last.ident))
        .unwrap_or_default();
    if text.contains("r#") || text.contains('$') {
        format!("`{last}`")
    } else {
        format!("[`{last}`](type@{text})")
    }
}

/// Whether three or more variants begin or end with the same word, which clippy would have the user
/// change. The names are those of the events and commands, so there is nothing to change.
fn named_alike(names: impl Iterator<Item = String>) -> bool {
    let words: Vec<Vec<String>> = names.map(|name| words(&name)).collect();
    let alike = |pick: fn(&[String]) -> Option<&String>| {
        let mut picked = words.iter().map(|words| pick(words));
        let first = picked.next().flatten();
        first.is_some() && picked.all(|word| word == first)
    };
    words.len() > 2 && (alike(<[String]>::first) || alike(<[String]>::last))
}

/// The words of a name in camel case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words
}
