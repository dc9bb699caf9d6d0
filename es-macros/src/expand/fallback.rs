//! What takes the place of parts that could not be understood.

use proc_macro2::{Ident, TokenStream};
use syn::{Generics, parse_quote};

/// A stored name that no other item has.
pub(crate) fn name(ident: &Ident) -> TokenStream {
    let text = ident.to_string();
    quote!(::core::concat!(::core::module_path!(), "::", #text))
}

/// A body that uses its parameters and never runs, because the program does not compile.
pub(crate) fn body(parameters: &[TokenStream]) -> TokenStream {
    quote! {
        #(let _ = #parameters;)*
        ::core::unreachable!()
    }
}

/// The generics of an item that must not have any, with the bounds that an impl needs.
pub(crate) fn owned(generics: &Generics, bound: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote!(Self: #bound + ::core::marker::Send + 'static));
    }
    generics
}
