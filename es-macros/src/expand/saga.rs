//! The block without our attributes, and the `impl Saga` that they stand for.

use super::{consumer, fallback};
use crate::{
    attr::{CratePath, Time, saga::Retry},
    ident,
    model::saga::{Block, Call, Conditional, Given, Input, Item, Saga, Step},
};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// `clean` is whether nothing was reported.
pub(crate) fn expand(saga: &Saga, block: &Block, clean: bool) -> TokenStream {
    let written = written(saga, block);
    if block.of_trait.is_some() || !block.generics.is_empty() {
        return written;
    }
    let krate = &saga.krate;
    let ty = &block.ty;
    let name = saga.name.as_ref().map_or_else(
        || fallback::name(&ident::local("saga")),
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
    let place = ident::first_span(ty).unwrap_or_else(Span::mixed_site);
    // Only this says what is wrong with the data, and the bound of the impl says nothing.
    let data = quote_spanned! {place=>
        const _: fn() = <#krate::__private::Methods>::data::<#ty>;
    };
    quote! {
        #written

        #data

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        impl #krate::Saga for #ty
        where
            for<'__es> #ty: #krate::SagaData,
        {
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
fn written(saga: &Saga, block: &Block) -> TokenStream {
    let Block {
        attrs,
        impl_token,
        generics,
        ty,
        brace,
        inner,
        items,
        ..
    } = block;
    let asked: Vec<_> = saga
        .steps
        .iter()
        .filter_map(|step| step.value.reconcile.as_ref())
        .map(|ask| ident::text(&ask.name))
        .collect();
    let items = items.iter().map(|item| method(item, &asked));
    let mut tokens = quote!(#(#attrs)* #impl_token #generics #ty);
    brace.surround(&mut tokens, |inside| {
        inside.extend(quote!(#(#inner)*));
        inside.extend(items);
    });
    tokens
}

/// A method whose signature this attribute prescribes has none of the lints about signatures.
fn method(item: &Item, asked: &[String]) -> TokenStream {
    let tokens = &item.tokens;
    let name = item.function.as_ref().map(|it| ident::text(&it.name));
    if item.ours.is_empty() && !name.is_some_and(|name| asked.contains(&name)) {
        return tokens.clone();
    }
    quote! {
        #[allow(
            clippy::borrowed_box,
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::ref_option,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        #tokens
    }
}

fn definition(saga: &Saga, ty: &TokenStream) -> TokenStream {
    let krate = &saga.krate;
    let local = ident::local("saga");
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
    let inputs = |inputs: &[Conditional<Input>], adds: &str| {
        let one = inputs.iter().map(|Conditional { cfgs, value }| {
            let name = &value.name;
            let function = quote_spanned!(name.span()=> <#ty>::#name);
            if let Some(aggregate) = &value.aggregate {
                let adds = ident::local(&format!("{adds}_event_of"));
                return quote!(#(#cfgs)* #local.#adds::<#aggregate, _>(#function););
            }
            let adds = ident::local(adds);
            let alone = value.event.as_ref().map(|event| {
                let alone = consumer::alone(event, krate);
                quote!(#(#cfgs)* #alone)
            });
            quote!(#alone #(#cfgs)* #local.#adds(#function);)
        });
        quote!(#(#one)*)
    };
    let starts = inputs(&saga.starts, "starts_on");
    let cancels = inputs(&saga.cancels, "cancels_on");
    let steps = saga.steps.iter().map(|one| {
        let (cfgs, output) = (&one.cfgs, output_of(&one.value.call.name));
        let step = step(saga, &one.value, ty, &local);
        // A step that nothing needs has an output that is not used.
        quote! {
            #(#cfgs)*
            let #output = #step;
            #(#cfgs)*
            let _ = #output;
        }
    });
    let completed = saga.completed.iter().map(|Conditional { cfgs, value }| {
        let call = decided(value, ty, krate, None);
        let add = checked(value, krate, "on_completed", &quote!(&mut #local, #call));
        quote!(#(#cfgs)* #add;)
    });
    let compensated = saga.compensated.iter().map(|Conditional { cfgs, value }| {
        let why = quote!(&#krate::Failure);
        let call = decided(value, ty, krate, Some(&why));
        let add = checked(value, krate, "on_compensated", &quote!(&mut #local, #call));
        quote!(#(#cfgs)* #add;)
    });
    quote! {
        let mut #local = #krate::Definition::new();
        #deadline
        #timeout
        #retry
        #undo_retry
        #continues
        #frozen
        #starts
        #cancels
        #(#steps)*
        #(#completed)*
        #(#compensated)*
        #local
    }
}

fn output_of(step: &Ident) -> Ident {
    ident::local(&format!("output_of_{}", ident::text(step)))
}

fn step(saga: &Saga, step: &Step, ty: &TokenStream, local: &Ident) -> TokenStream {
    let krate = &saga.krate;
    let name = ident::text(&step.call.name);
    let begun = if step.command {
        let call = decided(&step.call, ty, krate, None);
        let given = quote!(&mut #local, #name, #call);
        checked(&step.call, krate, "command", &given)
    } else {
        let call = awaited(&step.call, ty, krate, false);
        let given = quote!(&mut #local, #name, #call);
        checked(&step.call, krate, "step", &given)
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
    let mut added = quote!(#begun #(#needs)* #timeout #undo_timeout #retries #undo_retries);
    if let Some(ask) = &step.reconcile {
        let call = awaited(ask, ty, krate, false);
        added = checked(ask, krate, "reconcile", &quote!(#added, #call));
    }
    match &step.undo {
        Some((undo, true)) => {
            let call = decided(undo, ty, krate, None);
            checked(undo, krate, "undo_command", &quote!(#added, #call))
        }
        Some((undo, false)) => {
            let call = awaited(undo, ty, krate, true);
            checked(undo, krate, "undo", &quote!(#added, #call))
        }
        None if step.pivot => quote!(#added.pivot()),
        None => quote!(#added.no_undo()),
    }
}

/// Calls a function of the runtime that says what is wrong with what a method returns, and says it there.
fn checked(call: &Call, krate: &CratePath, function: &str, given: &TokenStream) -> TokenStream {
    let function = Ident::new(function, call.returns);
    quote_spanned!(call.returns=> <#krate::__private::Methods>::#function(#given))
}

/// The locals of the function that calls a method. They have the method's place and hygiene, because rustc
/// reports there what is wrong with a call. No expression of the user's is in their scope.
struct Locals {
    cx: Ident,
    did: Ident,
    why: Ident,
}

impl Locals {
    fn at(place: Span) -> Self {
        Self {
            cx: ident::local_at("cx", place),
            did: ident::local_at("did", place),
            why: ident::local_at("why", place),
        }
    }
}

/// The outputs that a call needs, and the call itself, with each argument at the type of its parameter.
fn call(call: &Call, ty: &TokenStream) -> (TokenStream, TokenStream) {
    let Locals { cx, did, why } = Locals::at(call.place);
    let mut outputs = TokenStream::new();
    let mut args = Vec::new();
    for given in &call.given {
        args.push(match given {
            Given::Deps(span) => {
                let cx = ident::shown_at(&cx, *span);
                quote_spanned!(*span=> #cx.deps())
            }
            Given::Cx(span) => {
                let cx = ident::shown_at(&cx, *span);
                quote_spanned!(*span=> #cx.call())
            }
            Given::Effect(span) => {
                let did = ident::shown_at(&did, *span);
                quote_spanned!(*span=> #did.as_ref())
            }
            Given::Failure(span) => ident::shown_at(&why, *span).into_token_stream(),
            Given::Output(name, span) => {
                let output = output_of(name);
                let value = format!("value_of_{}", ident::text(name));
                let value = ident::local_at(&value, call.place);
                outputs.extend(quote!(let #value = #cx.output(#output)?;));
                let value = ident::shown_at(&value, *span);
                quote_spanned!(*span=> &#value)
            }
        });
    }
    let name = &call.name;
    let call = quote_spanned!(call.place=> (#cx.saga() #(, #args)*));
    (outputs, quote!(<#ty>::#name #call))
}

/// The function that makes a call and waits for it. It fails where the call needs an output that is not there.
fn awaited(one: &Call, ty: &TokenStream, krate: &CratePath, undoes: bool) -> TokenStream {
    let (outputs, call) = call(one, ty);
    let Locals { cx, did, .. } = Locals::at(one.place);
    let did = undoes.then(|| quote!(, #did));
    quote_spanned! {one.place=>
        move |#cx: #krate::Cx<Self> #did| <#krate::__private::Methods>::sent(async move {
            #outputs
            ::core::result::Result::Ok(#call.await)
        })
    }
}

/// The function that makes a call which gives a command, or a result of one.
fn decided(
    one: &Call,
    ty: &TokenStream,
    krate: &CratePath,
    failure: Option<&TokenStream>,
) -> TokenStream {
    let (outputs, call) = call(one, ty);
    let Locals { cx, why, .. } = Locals::at(one.place);
    let why = failure.map(|failure| quote!(, #why: #failure));
    quote_spanned! {one.place=>
        move |#cx: &#krate::Cx<Self> #why| {
            #outputs
            ::core::result::Result::Ok(#call)
        }
    }
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
