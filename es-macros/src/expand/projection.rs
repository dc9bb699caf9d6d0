//! The dispatch of a projection or a subscription onto the user's impls, and what the runner needs.

use super::{consumer, fallback};
use crate::{
    attr::projection::{Statements, Tables, Target},
    ident, messages,
    model::projection::{Consumer, Kind},
};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Path, spanned::Spanned};

/// `clean` is whether nothing was reported.
pub(crate) fn expand(consumer: &Consumer, clean: bool) -> TokenStream {
    let Consumer {
        ident,
        generics,
        krate,
        allows,
        events,
        ..
    } = consumer;
    if !generics.params.is_empty() {
        return TokenStream::new();
    }
    let path = consumer::paths(events);
    let about = about(consumer);
    let lists = path.iter().map(|path| {
        let state = ident::shown_at(ident, path.span());
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::Lists<#path> for #state {}
        }
    });
    // Without a list every impl of the user's would be said not to be in it.
    let lists_all = events.is_empty().then(|| {
        quote! {
            #[automatically_derived]
            impl<__EsE> #krate::Lists<__EsE> for #ident {}
        }
    });
    let dispatch: Vec<_> = match consumer.kind {
        Kind::Projection if !clean => vec![into_any_tables(consumer)],
        Kind::Projection => {
            let tables = consumer.tables.iter();
            tables.map(|tables| into_tables(consumer, tables)).collect()
        }
        Kind::Subscription => vec![deliveries(consumer, clean)],
    };
    let tables_in = consumer.tables.iter().filter(|_| clean).map(|tables| {
        let database = database(consumer, tables);
        quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::__private::TablesIn<#database> for #ident {}
        }
    });
    let texts = consumer.tables.iter().filter(|_| clean).map(|tables| {
        let texts: Vec<_> = match &tables.schema {
            Statements::Same(schema) => vec![schema],
            Statements::Dialects { sqlite, postgres } => vec![sqlite, postgres],
        };
        let checks = texts
            .into_iter()
            .filter(|text| is_constant(text))
            .map(|text| {
                let message = messages::projection::schema_without_braces();
                quote_spanned! {text.span()=>
                    const _: () = ::core::assert!(
                        #krate::__private::names_a_table(#text),
                        "{}",
                        #message,
                    );
                }
            });
        quote!(#(#checks)*)
    });
    let checks = clean.then(|| consumer::checks(events, krate, "events", ident));
    quote! {
        #about
        #(#lists)*
        #lists_all
        #(#tables_in)*
        #(#dispatch)*
        #(#texts)*
        #checks
    }
}

fn database(consumer: &Consumer, tables: &Tables) -> TokenStream {
    let krate = &consumer.krate;
    match &tables.target {
        Target::Any => quote!(#krate::AnyReadDatabase),
        Target::Database(path) => path.to_token_stream(),
    }
}

/// Whether the text is one that the compiler reads from a file.
fn is_constant(text: &Expr) -> bool {
    matches!(text, Expr::Macro(call) if call.mac.path.is_ident("include_str"))
}

/// The name, the events and how they are divided.
fn about(consumer: &Consumer) -> TokenStream {
    let Consumer {
        ident,
        krate,
        allows,
        events,
        ..
    } = consumer;
    let names = events.iter().map(|entry| consumer::names(entry, krate));
    let name = consumer
        .name
        .as_ref()
        .map_or_else(|| fallback::name(ident), ToTokens::to_token_stream);
    let (kind, own) = match consumer.kind {
        Kind::Projection => (quote!(Projection), None),
        Kind::Subscription => {
            let from_the_beginning = !consumer.from_now;
            (
                quote!(Subscription),
                Some(quote! {
                    const FROM_THE_BEGINNING: ::core::primitive::bool = #from_the_beginning;
                }),
            )
        }
    };
    let version = Literal::u32_unsuffixed(consumer.version.into());
    let on_unknown_version = consumer.skip_unknown_version.then(|| {
        quote! {
            const ON_UNKNOWN_VERSION: #krate::OnUnknownVersion = #krate::OnUnknownVersion::Skip;
        }
    });
    let partitions = (consumer.partitions > 1).then(|| {
        let partitions = Literal::u32_unsuffixed(consumer.partitions);
        quote!(const PARTITIONS: ::core::primitive::u32 = #partitions;)
    });
    let key = consumer.key.as_ref().map(|key| {
        quote! {
            fn key(event: &#krate::__private::RecordedEvent) -> #krate::Key<'_> {
                #key(event)
            }
        }
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::#kind for #ident {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            #own
            #on_unknown_version
            #partitions

            fn filter() -> #krate::__private::EventFilter {
                #krate::__private::filter(&[#(#names,)*])
            }

            #key
        }
    }
}

/// After a fault every impl of the user's, whatever its database, has the tables that it needs.
fn into_any_tables(consumer: &Consumer) -> TokenStream {
    let Consumer { ident, krate, .. } = consumer;
    let unused = fallback::body(&[]);
    quote! {
        #[automatically_derived]
        impl<__EsDb> #krate::__private::TablesIn<__EsDb> for #ident {}

        #[automatically_derived]
        impl<__EsDb: #krate::ReadDatabase> #krate::Dispatch<__EsDb> for #ident {
            fn schema(_: #krate::Dialect) -> #krate::__private::Cow<'static, ::core::primitive::str> {
                #unused
            }

            async fn dispatch(
                &self,
                _: &#krate::__private::RecordedEvent,
                _: &mut <__EsDb as #krate::ReadDatabase>::Transaction,
            ) -> ::core::result::Result<(), #krate::HandlerError> {
                #unused
            }
        }
    }
}

/// `impl Dispatch<..>`, for portable handlers or for those of one database.
fn into_tables(consumer: &Consumer, tables: &Tables) -> TokenStream {
    let Consumer {
        ident,
        krate,
        allows,
        ..
    } = consumer;
    let database = database(consumer, tables);
    let body = body(consumer, true, "tx", |path| {
        let state = ident::shown_at(ident, path.span());
        let given = quote!(self, &event, tx);
        quote_spanned! {path.span()=>
            <#state as #krate::Project<#path, #database>>::project(#given)
        }
    });
    let dialect = ident::local("dialect");
    let (named, schema) = match &tables.schema {
        Statements::Same(schema) => (quote!(_), quote!(::core::convert::Into::into(#schema))),
        Statements::Dialects { sqlite, postgres } => (
            dialect.to_token_stream(),
            quote! {
                match #dialect {
                    #krate::Dialect::Sqlite => ::core::convert::Into::into(#sqlite),
                    #krate::Dialect::Postgres => ::core::convert::Into::into(#postgres),
                }
            },
        ),
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Dispatch<#database> for #ident {
            fn schema(#named: #krate::Dialect) -> #krate::__private::Cow<'static, ::core::primitive::str> {
                #schema
            }

            async fn dispatch(
                &self,
                event: &#krate::__private::RecordedEvent,
                tx: &mut <#database as #krate::ReadDatabase>::Transaction,
            ) -> ::core::result::Result<(), #krate::HandlerError> {
                #body
            }
        }
    }
}

/// `impl Deliver`.
fn deliveries(consumer: &Consumer, clean: bool) -> TokenStream {
    let Consumer {
        ident,
        krate,
        allows,
        ..
    } = consumer;
    let body = body(consumer, clean, "delivery", |path| {
        let state = ident::shown_at(ident, path.span());
        let given = quote!(self, &event, delivery);
        quote_spanned! {path.span()=>
            <#state as #krate::React<#path>>::react(#given)
        }
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #krate::Deliver for #ident {
            async fn deliver(
                &self,
                event: &#krate::__private::RecordedEvent,
                delivery: &#krate::Delivery,
            ) -> ::core::result::Result<(), #krate::HandlerError> {
                #body
            }
        }
    }
}

/// Decodes the event as each listed set that knows its name, and hands it over.
fn body(
    consumer: &Consumer,
    clean: bool,
    other: &str,
    call: impl Fn(&Path) -> TokenStream,
) -> TokenStream {
    let krate = &consumer.krate;
    let other = ident::local(other);
    if !clean {
        return fallback::body(&[quote!(event), quote!(#other)]);
    }
    let arms = consumer.events.iter().map(|entry| {
        let names = consumer::names(entry, krate);
        let set = consumer::set(entry, krate);
        let each = if entry.aggregate.is_none() {
            let call = entry.events.iter().map(|listed| call(&listed.path));
            quote!(#(#call.await?;)*)
        } else {
            // A stored event may be read as several, and each goes to the handler of what it is.
            let aggregate = &entry.aggregate;
            let mut none = TokenStream::new();
            for listed in entry.events.iter().rev() {
                let path = &listed.path;
                let call = call(path);
                let narrowed = quote_spanned! {path.span()=>
                    <#krate::__private::List>::narrow::<#aggregate, #path>
                };
                let other = if none.is_empty() {
                    quote!(::core::result::Result::Err(_) => {})
                } else {
                    quote!(::core::result::Result::Err(set) => { #none })
                };
                none = quote! {
                    match #narrowed(set) {
                        ::core::result::Result::Ok(one) => {
                            let event = recorded.envelope(one);
                            #call.await?;
                        }
                        #other
                    }
                };
            }
            quote! {
                let set = event.event;
                #none
            }
        };
        quote! {
            if #krate::__private::knows(#names, &recorded.name) {
                for event in recorded.decode::<#set>()? {
                    #each
                }
                return ::core::result::Result::Ok(());
            }
        }
    });
    quote! {
        let recorded = event;
        #(#arms)*
        let _ = #other;
        ::core::result::Result::Ok(())
    }
}
