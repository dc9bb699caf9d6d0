//! `Clone`, `Debug`, `PartialEq` and `Eq` for a generated enum, each exactly when every variant's type
//! has it.
//!
//! A `where` clause on a concrete type is an error when it does not hold, unless it has a lifetime
//! of its own: `for<'__es> OrderPlaced: Clone` is then only a condition for the impl.

use crate::attr::aggregate::Listed;
use proc_macro2::{Ident, TokenStream};

pub(crate) fn impls(name: &Ident, list: &[Listed], attrs: &TokenStream) -> TokenStream {
    let variant: Vec<_> = list.iter().map(|listed| &listed.variant).collect();
    let path: Vec<_> = list.iter().map(|listed| &listed.path).collect();
    let text = variant.iter().map(|variant| crate::ident::text(variant));
    let differ = (list.len() > 1).then(|| quote!(_ => false,));
    quote! {
        #attrs
        #[automatically_derived]
        impl ::core::clone::Clone for #name
        where
            #(for<'__es> #path: ::core::clone::Clone,)*
        {
            fn clone(&self) -> Self {
                match self {
                    #(#name::#variant(event) => {
                        #name::#variant(::core::clone::Clone::clone(event))
                    })*
                }
            }
        }

        #attrs
        #[automatically_derived]
        impl ::core::fmt::Debug for #name
        where
            #(for<'__es> #path: ::core::fmt::Debug,)*
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(#name::#variant(event) => {
                        ::core::fmt::Formatter::debug_tuple(f, #text).field(event).finish()
                    })*
                }
            }
        }

        #attrs
        #[automatically_derived]
        impl ::core::cmp::PartialEq for #name
        where
            #(for<'__es> #path: ::core::cmp::PartialEq,)*
        {
            fn eq(&self, other: &Self) -> ::core::primitive::bool {
                match (self, other) {
                    #((#name::#variant(one), #name::#variant(two)) => {
                        ::core::cmp::PartialEq::eq(one, two)
                    })*
                    #differ
                }
            }
        }

        #attrs
        #[automatically_derived]
        impl ::core::cmp::Eq for #name
        where
            #(for<'__es> #path: ::core::cmp::Eq,)*
        {
        }
    }
}
