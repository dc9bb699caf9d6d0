//! The macros of es-runtime, es-decisions, es-projections and es-sagas, which re-export them, such as
//! `es_runtime::Event`. Depend on those crates, not on this one.
//!
//! A derive runs in four steps that go one way: `attr` reads the attributes, `check` applies the
//! rules and builds a `model`, `expand` writes code from the model. Every fault on the way is
//! collected in one `Diag`, so an item shows all of its faults at once.

mod attr;
mod check;
mod diag;
mod expand;
mod ident;
mod messages;
mod model;
mod place;
#[cfg(test)]
#[cfg(feature = "consumers")]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/event.md")]
#[proc_macro_derive(Event, attributes(event, shape, unique, tag))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    expand::derive_event(input.into()).into()
}

#[doc = include_str!("../docs/aggregate.md")]
#[proc_macro_derive(Aggregate, attributes(aggregate, unique, tag))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    expand::derive_aggregate(input.into()).into()
}

#[doc = include_str!("../docs/tag.md")]
#[proc_macro_derive(Tag, attributes(tag))]
pub fn derive_tag(input: TokenStream) -> TokenStream {
    expand::derive_tag(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/fold.md")]
#[proc_macro_derive(Fold, attributes(fold))]
pub fn derive_fold(input: TokenStream) -> TokenStream {
    expand::derive_fold(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/decision.md")]
#[proc_macro_derive(Decision, attributes(decision))]
pub fn derive_decision(input: TokenStream) -> TokenStream {
    expand::derive_decision(input.into()).into()
}

#[doc = include_str!("../docs/shape.md")]
#[proc_macro_derive(Shape, attributes(shape, unique))]
pub fn derive_shape(input: TokenStream) -> TokenStream {
    expand::derive_shape(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/projection.md")]
#[proc_macro_derive(Projection, attributes(projection))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    expand::derive_projection(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/subscription.md")]
#[proc_macro_derive(Subscription, attributes(subscription))]
pub fn derive_subscription(input: TokenStream) -> TokenStream {
    expand::derive_subscription(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/process_manager.md")]
#[proc_macro_derive(ProcessManager, attributes(process_manager))]
pub fn derive_process_manager(input: TokenStream) -> TokenStream {
    expand::derive_process_manager(input.into()).into()
}

#[cfg(feature = "consumers")]
#[doc = include_str!("../docs/saga.md")]
#[proc_macro_attribute]
pub fn saga(args: TokenStream, input: TokenStream) -> TokenStream {
    expand::attribute_saga(&args.into(), input.into()).into()
}
