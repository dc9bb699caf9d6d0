//! The types of older versions, how they are read, and the way from each to the next.

use crate::{
    attr::serde::Absent,
    attr::{CratePath, compact, history::UpcasterKind},
    ident, messages,
    model::history::{Assignment, BackField, Field, Form, History, Next, Spare, Value, Version},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Index, Path, Type, Visibility, spanned::Spanned};

/// What the versions of one event belong to.
pub(crate) struct Of<'a> {
    pub(crate) krate: &'a CratePath,
    pub(crate) vis: &'a Visibility,
    pub(crate) allows: &'a [Attribute],
    /// The stored name.
    pub(crate) name: &'a TokenStream,
    /// The same for messages.
    pub(crate) stored: &'a str,
    pub(crate) version: u16,
    /// The type of the newest version.
    pub(crate) newest: &'a Ident,
    /// Its variant, in an enum.
    pub(crate) variant: Option<&'a Ident>,
}

/// Every type of an older version with its impls.
pub(crate) fn items(of: &Of<'_>, history: &History) -> TokenStream {
    let mut items = spare(history);
    let mut before: Option<&Version> = None;
    let mut versions = history.versions.iter().peekable();
    while let Some(version) = versions.next() {
        let next = versions.peek().map(|next| &next.ident);
        if is_needed(version) {
            items.extend(definition(of, version));
            items.extend(reading(of, version));
            items.extend(chain(of, version, before));
        }
        match &version.next {
            Next::Fields(fields) => items.extend(conversion(of, version, next, fields)),
            Next::Upcaster(UpcasterKind::Plain, function) => {
                items.extend(plain_upcaster(of, version, next, function));
            }
            Next::Upcaster(UpcasterKind::Json, _) if version.number > 1 => {
                items.extend(writing(of, version));
            }
            Next::Upcaster(..) => {}
        }
        before = Some(version);
    }
    items
}

/// The older versions of a type inside events: each has a `From` for the newest.
pub(crate) fn nested(of: &Of<'_>, history: &History) -> TokenStream {
    let Of {
        krate,
        allows,
        newest,
        ..
    } = of;
    let mut items = spare(history);
    let mut versions = history.versions.iter().peekable();
    while let Some(version) = versions.next() {
        let next = versions.peek().map(|next| &next.ident);
        items.extend(definition(of, version));
        items.extend(reading(of, version));
        if let Next::Fields(fields) = &version.next {
            items.extend(conversion(of, version, next, fields));
        }
        let ident = &version.ident;
        let node = super::node::of_version(krate, version);
        items.extend(quote! {
            #(#allows)*
            #[automatically_derived]
            impl #krate::schema::Shape for #ident {
                const SHAPE: #krate::schema::Node = #node;
            }
        });
        items.extend(next.map(|next| {
            quote! {
                #(#allows)*
                #[automatically_derived]
                impl ::core::convert::From<#ident> for #newest {
                    fn from(old: #ident) -> Self {
                        <Self as ::core::convert::From<#next>>::from(
                            <#next as ::core::convert::From<#ident>>::from(old),
                        )
                    }
                }
            }
        }));
    }
    items
}

/// Holds ways back that are not used at present to their types, and keeps them from being unused.
fn spare(history: &History) -> TokenStream {
    let one = history.spare.iter().map(|Spare { function, old, new }| {
        let place = end_of(function);
        let (old, new) = (shown_at(old, place), shown_at(new, place));
        let signature = quote_spanned!(place=> fn(&#new) -> #old);
        let function = coerced(function);
        quote!(const _: #signature = #function;)
    });
    quote!(#(#one)*)
}

/// The function of a way back. It is called and not taken as it is, because the argument of a call coerces: a
/// function of `&str` takes a `&String`, and one of `&[T]` a `&Vec<T>`.
fn coerced(function: &Path) -> TokenStream {
    let place = end_of(function);
    let last = function.segments.last();
    let name = last.map(|last| ident::text(&last.ident));
    // No path of one name is this one, because it is longer than the name.
    let value = ident::local_at(&format!("value_of_{}", name.unwrap_or_default()), place);
    let call = quote_spanned!(place=> #function(#value));
    quote!(|#value| #call)
}

/// The first version has no type if its payloads are only ever seen as JSON.
fn is_needed(version: &Version) -> bool {
    version.number > 1 || !matches!(version.next, Next::Upcaster(UpcasterKind::Json, _))
}

/// Arms of a match over the stored version that lead older payloads to their own type.
///
/// `newest` reads a payload of the newest version from a `stored` in scope.
pub(crate) fn arm(
    of: &Of<'_>,
    history: &History,
    wrap: &TokenStream,
    newest: &TokenStream,
) -> Option<TokenStream> {
    let number = of.version.saturating_sub(1);
    let numbers = if number == 1 {
        quote!(1)
    } else {
        quote!(1..=#number)
    };
    if let Some(previous) = &history.previous {
        let read = of_previous(of, previous);
        return Some(quote!(#numbers => #read.map(#wrap),));
    }
    let (own, last) = (of.newest, history.versions.last()?);
    let up = if let Next::Upcaster(UpcasterKind::Json, function) = &last.next {
        let (krate, name) = (of.krate, of.name);
        let json = json(of, last, function);
        let (check, encode) = if of.variant.is_some() {
            (quote!(check_variant), quote!(to_fields))
        } else {
            (quote!(check), quote!(to_payload))
        };
        quote! {
            #json.and_then(|json| {
                let old = stored;
                let stored = json.stored();
                let encode = <#own as #krate::__private::Payload>::#encode;
                json.#check(old, #name, #newest, encode)
            })
        }
    } else {
        let up = up(of, last, &quote!(#own));
        quote!(#up.map(#wrap))
    };
    Some(quote!(#numbers => #up,))
}

/// The next version as a `Result`, from a `stored` that is older than it.
fn up(of: &Of<'_>, version: &Version, next: &TokenStream) -> TokenStream {
    let (krate, older) = (of.krate, &version.ident);
    match &version.next {
        Next::Fields(_) | Next::Upcaster(UpcasterKind::Plain, _) => quote! {
            #krate::__private::older::<#older>(stored)
                .map(<#next as ::core::convert::From<#older>>::from)
        },
        Next::Upcaster(UpcasterKind::Try, function) => {
            let place = end_of(function);
            let shown = ident::tokens_shown_at(next.clone(), place);
            let older = ident::shown_at(older, place);
            let signature = quote_spanned!(place=> fn(#older) -> ::core::result::Result<#shown, _>);
            let (upcast, stored) = (ident::local_at("upcast", place), quote!(stored));
            let call = quote_spanned!(place=> #krate::__private::try_upcast(#upcast, #stored));
            quote!({ let #upcast: #signature = #function; #call })
        }
        Next::Upcaster(UpcasterKind::Json, function) => {
            let json = json(of, version, function);
            let name = of.name;
            quote!(#json.and_then(|json| json.decode::<#next>(stored, #name)))
        }
    }
}

/// The JSON object of the next version.
fn json(of: &Of<'_>, version: &Version, function: &Path) -> TokenStream {
    let (krate, name, older, number) = (of.krate, of.name, &version.ident, version.number);
    let place = end_of(function);
    let signature = quote_spanned! {place=>
        fn(&mut #krate::__private::JsonObject) -> ::core::result::Result<(), _>
    };
    let object = if number > 1 {
        quote!(#krate::__private::json_of::<#older>(stored))
    } else {
        quote!(#krate::__private::json_of_first(#name, stored))
    };
    let (stored, upcast) = (quote!(stored), ident::local_at("upcast", place));
    let call = quote_spanned! {place=>
        #krate::__private::upcast_json(#object, #name, #number, #stored, #upcast)
    };
    quote!({ let #upcast: #signature = #function; #call })
}

/// The newest version by way of `previous`, which the compiler proves to be the one before.
fn of_previous(of: &Of<'_>, previous: &Path) -> TokenStream {
    let Of {
        krate,
        name,
        version,
        ..
    } = of;
    let place = end_of(previous);
    let own = ident::shown_at(of.newest, place);
    let text = compact(&previous.to_token_stream());
    let other_name = messages::history::previous_has_another_name(&text, of.stored);
    let other_version = messages::history::previous_has_another_version(&text, *version);
    let function = quote_spanned!(place=> #krate::__private::previous::<#previous, #own>);
    let check = quote_spanned! {place=>
        const _: () = match PREVIOUS.fault {
            0 => {}
            1 => ::core::panic!(#other_name),
            _ => ::core::panic!(#other_version),
        };
    };
    quote!({
        const PREVIOUS: #krate::__private::Previous<#own> = #function(#name, #version);
        #check
        (PREVIOUS.read)(stored)
    })
}

fn end_of(path: &Path) -> Span {
    path.segments
        .last()
        .map_or_else(|| path.span(), |last| last.ident.span())
}

fn definition(of: &Of<'_>, version: &Version) -> TokenStream {
    let Of {
        vis,
        allows,
        newest,
        variant,
        ..
    } = of;
    let Version {
        number,
        ident,
        fields,
        ..
    } = version;
    let newest = ident::text(newest);
    let doc = match variant {
        Some(variant) => format!(
            "Version {number} of [`{newest}::{}`], as it is still stored.",
            ident::text(variant)
        ),
        None => format!("Version {number} of [`{newest}`], as it is still stored."),
    };
    let fields = fields.iter().map(|field| {
        let Field {
            ident,
            vis,
            ty,
            docs,
            ..
        } = field;
        quote!(#(#docs)* #vis #ident: #ty)
    });
    quote! {
        #[doc = #doc]
        #(#allows)*
        #[allow(
            dead_code,
            missing_docs,
            missing_debug_implementations,
            private_interfaces,
            clippy::struct_excessive_bools,
            clippy::struct_field_names
        )]
        #vis struct #ident {
            #(#fields,)*
        }
    }
}

/// `Deserialize`.
fn reading(of: &Of<'_>, version: &Version) -> TokenStream {
    let Of { krate, allows, .. } = of;
    let Version { ident, fields, .. } = version;
    let private = quote!(#krate::__private);
    let name = ident.to_string();
    let stored: Vec<_> = fields.iter().map(|field| &field.stored).collect();
    let mut helpers = TokenStream::new();
    let mut locals = Vec::new();
    let mut types = Vec::new();
    let mut arms = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let ty = &field.ty;
        let local = ident::local(&format!("field_{index}"));
        let pattern = if index + 1 == fields.len() {
            quote!(_)
        } else {
            Index::from(index).to_token_stream()
        };
        let may_lack = field.form.absent.is_some();
        if let Some(function) = &field.form.deserialize {
            let with = ident::local(&format!("__EsWith{index}"));
            helpers.extend(quote! {
                struct #with(#ty);
                impl<'__es> #private::Deserialize<'__es> for #with {
                    fn deserialize<__EsD: #private::Deserializer<'__es>>(
                        from: __EsD,
                    ) -> ::core::result::Result<Self, __EsD::Error> {
                        #function(from).map(#with)
                    }
                }
            });
            types.push(quote!(#with));
            let read = if may_lack {
                quote!(value_if_any)
            } else {
                quote!(value_with)
            };
            arms.push(quote!(#pattern => source.#read(&mut #local),));
        } else {
            // The argument lies at the type, so that a type that cannot be read is shown there.
            let place = ident::first_span(ty).unwrap_or_else(|| field.ident.span());
            let shown = ident::shown_at(&local, place);
            let argument = quote_spanned!(place=> &mut #shown);
            types.push(quote!(#ty));
            let read = if may_lack {
                quote!(value_if_any)
            } else {
                quote!(value)
            };
            arms.push(quote!(#pattern => source.#read(#argument),));
        }
        locals.push(local);
    }
    let field = fields.iter().map(|field| &field.ident);
    let takes = fields.iter().zip(&locals);
    let takes = takes.map(|(field, local)| taken(field, local));
    let body = if fields.is_empty() {
        quote! {
            source.index();
            ::core::option::Option::Some(Self {})
        }
    } else {
        quote! {
            #helpers
            #(let mut #locals: ::core::option::Option<#types> = ::core::option::Option::None;)*
            while let ::core::option::Option::Some(index) = source.index() {
                match index {
                    #(#arms)*
                }
            }
            ::core::option::Option::Some(Self { #(#field: #takes,)* })
        }
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl<'__es> #private::Deserialize<'__es> for #ident {
            fn deserialize<__EsD: #private::Deserializer<'__es>>(
                from: __EsD,
            ) -> ::core::result::Result<Self, __EsD::Error> {
                #private::deserialize(from)
            }
        }

        #(#allows)*
        #[automatically_derived]
        impl #private::Fields for #ident {
            const NAME: &'static ::core::primitive::str = #name;
            const FIELDS: &'static [&'static ::core::primitive::str] = &[#(#stored),*];

            fn read<'__es, __EsS: #private::Source<'__es>>(
                source: &mut __EsS,
            ) -> ::core::option::Option<Self> {
                #body
            }
        }
    }
}

/// The value of a field after all were read into locals.
fn taken(field: &Field, local: &Ident) -> TokenStream {
    let Form {
        deserialize,
        absent,
        ..
    } = &field.form;
    let Some(absent) = absent else {
        let inner = deserialize.is_some().then(|| quote!(.0));
        return quote!(#local? #inner);
    };
    let inner = deserialize.is_some().then(|| quote!(.map(|with| with.0)));
    match absent {
        Absent::Default => quote!(#local #inner.unwrap_or_default()),
        Absent::Function(path) => quote!(#local #inner.unwrap_or_else(#path)),
    }
}

/// `Version`: which one it is, and how still older payloads get here.
fn chain(of: &Of<'_>, version: &Version, before: Option<&Version>) -> TokenStream {
    let Of { krate, name, .. } = of;
    let Version { number, ident, .. } = version;
    let from_older = before.map(|before| {
        let up = up(of, before, &quote!(Self));
        quote! {
            fn from_older(
                stored: #krate::StoredPayload<'_>,
            ) -> ::core::result::Result<Self, #krate::DecodeError> {
                #up
            }
        }
    });
    quote! {
        impl #krate::__private::Version for #ident {
            const EVENT: &'static ::core::primitive::str = #name;
            const NUMBER: ::core::primitive::u16 = #number;
            #from_older
        }
    }
}

/// `From` for the next version, by a function of the user.
fn plain_upcaster(
    of: &Of<'_>,
    version: &Version,
    next: Option<&Ident>,
    function: &Path,
) -> TokenStream {
    let Of { allows, newest, .. } = of;
    let older = &version.ident;
    let next = next.unwrap_or(newest);
    let place = end_of(function);
    let (from, to) = (ident::shown_at(older, place), ident::shown_at(next, place));
    let signature = quote_spanned!(place=> fn(#from) -> #to);
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl ::core::convert::From<#older> for #next {
            fn from(old: #older) -> Self {
                let upcast: #signature = #function;
                upcast(old)
            }
        }
    }
}

/// `Serialize`, as the version was written in its time.
fn writing(of: &Of<'_>, version: &Version) -> TokenStream {
    let Of { krate, allows, .. } = of;
    let Version { ident, fields, .. } = version;
    let private = quote!(#krate::__private);
    let name = ident.to_string();
    let count = fields.len();
    let values = fields.iter().map(|field| {
        let Field {
            ident, stored, ty, ..
        } = field;
        let value = match &field.form.serialize {
            None => quote!(&self.#ident),
            Some(function) => with_function(&private, function, ty, &quote!(&self.#ident)),
        };
        quote!(#private::SerializeStruct::serialize_field(&mut fields, #stored, #value)?;)
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #private::Serialize for #ident {
            fn serialize<__EsS: #private::Serializer>(
                &self,
                to: __EsS,
            ) -> ::core::result::Result<__EsS::Ok, __EsS::Error> {
                let mut fields = to.serialize_struct(#name, #count)?;
                #(#values)*
                #private::SerializeStruct::end(fields)
            }
        }
    }
}

/// Encodes the version before the newest out of `fields` in scope: references to those of today.
pub(crate) fn back(of: &Of<'_>, history: &History) -> Option<TokenStream> {
    let (fields, older) = (history.back.as_ref()?, history.versions.last()?);
    let krate = of.krate;
    let private = quote!(#krate::__private);
    let name = older.ident.to_string();
    let count = older.fields.len();
    let mut names = Vec::new();
    let mut types = Vec::new();
    let mut values = Vec::new();
    for (index, (field, back)) in older.fields.iter().zip(fields).enumerate() {
        let (stored, old) = (&field.stored, &field.ty);
        let own = ident::local(&format!("field_{index}"));
        let taken = quote!(self.#own);
        let value = match back {
            BackField::Same { from, ty } => {
                names.push((own.clone(), from));
                types.push(ty);
                taken
            }
            BackField::With {
                from,
                new,
                function,
            } => {
                names.push((own.clone(), from));
                types.push(new);
                let place = end_of(function);
                let (old, new) = (shown_at(old, place), shown_at(new, place));
                let signature = quote_spanned!(place=> fn(&#new) -> #old);
                let function = coerced(function);
                quote!(&{ let back: #signature = #function; back(#taken) })
            }
            BackField::Text(text) => {
                quote!(&{ let text: #old = ::core::convert::Into::into(#text); text })
            }
            BackField::Given(given) => quote!(&{ let given: #old = #given; given }),
            BackField::Absent => {
                quote!(&{ let absent: #old = ::core::option::Option::None; absent })
            }
        };
        let put = |value| quote!(#private::SerializeStruct::serialize_field(&mut fields, #stored, #value)?;);
        values.push(match &field.form.serialize {
            None => put(value),
            Some(function) => {
                let of_value = with_function(&private, function, old, &quote!(value));
                let put = put(of_value);
                quote!({ let value = #value; #put })
            }
        });
    }
    let own: Vec<_> = names.iter().map(|(own, _)| own).collect();
    let today: Vec<_> = names.iter().map(|(_, today)| today).collect();
    let (newest, codec) = (of.newest, quote!(codec));
    let path = of
        .variant
        .map_or_else(|| quote!(#newest), |variant| quote!(#newest::#variant));
    let lifetime = (!own.is_empty()).then(|| quote!(<'__es>));
    let elided = (!own.is_empty()).then(|| quote!(<'_>));
    Some(quote! {
        #path { #(#today: #own,)* .. } => {
            struct __EsBack #lifetime { #(#own: &'__es #types,)* }
            impl #private::Serialize for __EsBack #elided {
                fn serialize<__EsS: #private::Serializer>(
                    &self,
                    to: __EsS,
                ) -> ::core::result::Result<__EsS::Ok, __EsS::Error> {
                    let mut fields = to.serialize_struct(#name, #count)?;
                    #(#values)*
                    #private::SerializeStruct::end(fields)
                }
            }
            #private::encode(&__EsBack { #(#own,)* }, #codec)
        }
    })
}

/// A value that serde's `with` or `serialize_with` writes.
fn with_function(
    private: &TokenStream,
    function: &Path,
    ty: &Type,
    value: &TokenStream,
) -> TokenStream {
    quote!(&{
        struct __EsWith<'__es>(&'__es #ty);
        impl #private::Serialize for __EsWith<'_> {
            fn serialize<__EsS: #private::Serializer>(
                &self,
                to: __EsS,
            ) -> ::core::result::Result<__EsS::Ok, __EsS::Error> {
                #function(self.0, to)
            }
        }
        __EsWith(#value)
    })
}

/// `From` for the next version, field by field.
fn conversion(
    of: &Of<'_>,
    version: &Version,
    next: Option<&Ident>,
    fields: &[Assignment],
) -> TokenStream {
    let Of {
        krate,
        allows,
        newest,
        variant,
        ..
    } = of;
    let older = &version.ident;
    let (next, construct) = match (next, variant) {
        (Some(next), _) => (next, quote!(Self)),
        (None, None) => (*newest, quote!(Self)),
        (None, Some(variant)) => (*newest, quote!(Self::#variant)),
    };
    let assignments = fields.iter().map(|Assignment { to, value }| {
        let value = expression(krate, value);
        quote!(#to: #value)
    });
    let old = if fields.iter().any(|next| next.value.is_taken()) {
        quote!(old)
    } else {
        quote!(_)
    };
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl ::core::convert::From<#older> for #next {
            fn from(#old: #older) -> Self {
                #construct { #(#assignments,)* }
            }
        }
    }
}

fn expression(krate: &CratePath, value: &Value) -> TokenStream {
    match value {
        Value::Moved(from) => quote!(old.#from),
        Value::Converted { from, old, new } => {
            let place = ident::first_span(old).unwrap_or_else(|| from.span());
            let becomes = quote_spanned!(place=> #krate::__private::Becomes<#new>);
            quote!(<#old as #becomes>::next(old.#from))
        }
        Value::With {
            from,
            old,
            new,
            function,
        } => {
            // All of it lies at the path, so that a wrong signature is shown there and nowhere else.
            let place = end_of(function);
            let (old, new) = (shown_at(old, place), shown_at(new, place));
            let signature = quote_spanned!(place=> fn(#old) -> #new);
            quote!({ let with: #signature = #function; with(old.#from) })
        }
        Value::Text(text) => {
            let place = text.span();
            let into = quote_spanned!(place=> ::core::convert::Into::into);
            quote!(#into(#text))
        }
        Value::Given(given) => quote!(#given),
        Value::Absent => quote!(::core::option::Option::None),
    }
}

fn shown_at(ty: &Type, place: Span) -> TokenStream {
    ident::tokens_shown_at(ty.to_token_stream(), place)
}
