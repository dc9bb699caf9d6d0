//! The block without our attributes, and the `impl Saga` that they stand for.

use super::fallback;
use crate::model::saga::{Block, Call, Given, Saga, Step};
use crate::{
    attr::CratePath,
    attr::saga::{Retry, Time},
    ident,
};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};

/// `clean` is whether nothing was reported.
pub(crate) fn expand(saga: &Saga, block: &Block, clean: bool) -> TokenStream {
    let written = written(block);
    if block.of_trait.is_some() || !block.generics.is_empty() {
        return written;
    }
    let krate = &saga.krate;
    let ty = &block.ty;
    let name = saga.name.as_ref().map_or_else(
        || fallback::name(&format_ident!("saga")),
        ToTokens::to_token_stream,
    );
    let version = Literal::u32_unsuffixed(saga.version.into());
    let deps = saga
        .deps
        .as_ref()
        .map_or_else(|| quote!(()), ToTokens::to_token_stream);
    let body = if clean {
        definition(saga, ty)
    } else {
        fallback::body(&[])
    };
    quote! {
        #written

        #[automatically_derived]
        impl #krate::Saga for #ty {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            type Deps = #deps;

            fn definition() -> #krate::Definition<Self> {
                #body
            }
        }
    }
}

/// The user's block without the attributes that are ours.
fn written(block: &Block) -> TokenStream {
    let Block {
        attrs,
        impl_token,
        generics,
        ty,
        brace,
        items,
        ..
    } = block;
    let items = items.iter().map(|item| &item.tokens);
    let mut tokens = quote!(#(#attrs)* #impl_token #generics #ty);
    brace.surround(&mut tokens, |inside| inside.extend(items.cloned()));
    tokens
}

fn definition(saga: &Saga, ty: &TokenStream) -> TokenStream {
    let krate = &saga.krate;
    let local = Ident::new("__es_saga", Span::mixed_site());
    let deadline = saga.deadline.map(|time| {
        let time = duration(time);
        quote!(#local.deadline(#time);)
    });
    let timeout = saga.timeout.map(|time| {
        let time = duration(time);
        quote!(#local.timeout(#time);)
    });
    let retry = saga.retry.as_ref().map(|given| {
        let policy = policy(given, saga, 5);
        quote!(#local.retry(#policy);)
    });
    let undo_retry = saga.undo_retry.as_ref().map(|given| {
        let policy = policy(given, saga, 50);
        quote!(#local.undo_retry(#policy);)
    });
    let continues = saga.continues.then(|| quote!(#local.continue_others();));
    let frozen = saga.frozen.then(|| quote!(#local.frozen();));
    let starts = saga.starts.iter().map(|start| {
        let start = quote_spanned!(start.span()=> <#ty>::#start);
        quote!(#local.starts_on(#start);)
    });
    let cancels = saga.cancels.iter().map(|cancel| {
        let cancel = quote_spanned!(cancel.span()=> <#ty>::#cancel);
        quote!(#local.cancels_on(#cancel);)
    });
    let steps = saga.steps.iter().map(|one| step(saga, one, ty, &local));
    let completed = saga.completed.as_ref().map(|end| {
        let call = decided(end, ty, krate);
        quote! {
            #local.on_completed(move |cx: &#krate::Cx<Self>| #call);
        }
    });
    let compensated = saga.compensated.as_ref().map(|end| {
        let call = decided(end, ty, krate);
        quote! {
            #local.on_compensated(
                move |cx: &#krate::Cx<Self>, why: &#krate::Failure| #call
            );
        }
    });
    // A step that nothing needs has an output that is not used.
    let outputs = saga.steps.iter().map(|step| output_of(&step.call.name));
    quote! {
        let mut #local = #krate::Definition::new();
        #deadline
        #timeout
        #retry
        #undo_retry
        #continues
        #frozen
        #(#starts)*
        #(#cancels)*
        #(#steps)*
        #completed
        #compensated
        let _ = (#(#outputs,)*);
        #local
    }
}

fn output_of(step: &Ident) -> Ident {
    format_ident!("__es_{}", ident::text(step), span = Span::mixed_site())
}

fn step(saga: &Saga, step: &Step, ty: &TokenStream, local: &Ident) -> TokenStream {
    let krate = &saga.krate;
    let name = ident::text(&step.call.name);
    let output = output_of(&step.call.name);
    let begun = if step.command {
        let call = decided(&step.call, ty, krate);
        quote!(#local.command(#name, move |cx: &#krate::Cx<Self>| #call))
    } else {
        let call = awaited(&step.call, ty);
        quote!(#local.step(#name, move |cx: #krate::Cx<Self>| async move { #call }))
    };
    let needs = step.call.given.iter().filter_map(|given| match given {
        Given::Output(name, _) => {
            let needed = output_of(name);
            Some(quote!(.needs(#needed)))
        }
        _ => None,
    });
    let timeout = step.timeout.map(|time| {
        let time = duration(time);
        quote!(.timeout(#time))
    });
    let undo_timeout = step.undo_timeout.map(|time| {
        let time = duration(time);
        quote!(.undo_timeout(#time))
    });
    let retries = step.retry.as_ref().map(|given| {
        let policy = policy(given, saga, 5);
        quote!(.retry(#policy))
    });
    let undo_retries = step.undo_retry.as_ref().map(|given| {
        let policy = policy(given, saga, 50);
        quote!(.undo_retry(#policy))
    });
    let reconcile = step.reconcile.as_ref().map(|ask| {
        let call = awaited(ask, ty);
        quote!(.reconcile(move |cx: #krate::Cx<Self>| async move { #call }))
    });
    let end = match &step.undo {
        Some((undo, true)) => {
            let call = decided(undo, ty, krate);
            quote!(.undo_command(move |cx: &#krate::Cx<Self>| #call))
        }
        Some((undo, false)) => {
            let call = awaited(undo, ty);
            quote!(.undo(move |cx: #krate::Cx<Self>, did| async move { #call }))
        }
        None if step.pivot => quote!(.pivot()),
        None => quote!(.no_undo()),
    };
    quote! {
        let #output = #begun #(#needs)* #timeout #undo_timeout #retries #undo_retries #reconcile #end;
    }
}

/// The outputs that a call needs, and the call itself.
fn call(call: &Call, ty: &TokenStream) -> (TokenStream, TokenStream) {
    let mut outputs = TokenStream::new();
    let mut args = Vec::new();
    for given in &call.given {
        args.push(match given {
            Given::Deps(span) => quote_spanned!(*span=> cx.deps()),
            Given::Cx(span) => quote_spanned!(*span=> cx.call()),
            Given::Effect(span) => quote_spanned!(*span=> did.as_ref()),
            Given::Failure(span) => quote_spanned!(*span=> why),
            Given::Output(name, wanted) => {
                let output = output_of(name);
                let value = format_ident!("__es_value_{}", ident::text(name));
                let span = syn::spanned::Spanned::span(wanted);
                let got = quote_spanned!(span=> cx.output(#output)?);
                outputs.extend(quote!(let #value: #wanted = #got;));
                quote!(&#value)
            }
        });
    }
    let name = &call.name;
    (outputs, quote!(<#ty>::#name(cx.saga() #(, #args)*)))
}

fn awaited(one: &Call, ty: &TokenStream) -> TokenStream {
    let (outputs, call) = call(one, ty);
    quote!(#outputs #call.await)
}

/// A call that gives a command, or a result of one.
fn decided(one: &Call, ty: &TokenStream, krate: &CratePath) -> TokenStream {
    let (outputs, call) = call(one, ty);
    let call =
        quote_spanned!(one.name.span()=> #krate::__private::IntoCommand::into_command(#call));
    quote!({ #outputs #call })
}

fn duration(time: Time) -> TokenStream {
    let time = Literal::u64_unsuffixed(time.0);
    quote!(::core::time::Duration::from_millis(#time))
}

fn policy(given: &Retry, saga: &Saga, usual: u32) -> TokenStream {
    let krate = &saga.krate;
    let attempts = Literal::u32_unsuffixed(given.attempts.unwrap_or(usual));
    let first = given.first.map(|time| {
        let time = duration(Time(time));
        quote!(.first(#time))
    });
    let factor = given.factor.map(|factor| {
        let factor = Literal::u32_unsuffixed(factor);
        quote!(.factor(#factor))
    });
    let max = given.max.map(|time| {
        let time = duration(Time(time));
        quote!(.longest(#time))
    });
    let interruptions = given.interruptions.map(|times| {
        let times = Literal::u32_unsuffixed(times);
        quote!(.interruptions(#times))
    });
    quote!(#krate::StepRetry::times(#attempts) #first #factor #max #interruptions)
}
