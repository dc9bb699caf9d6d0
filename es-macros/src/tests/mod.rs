//! Tests that need no compiler: faults with their places, the messages, the generated code.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::needless_raw_string_hashes,
    reason = "a test fails by panicking; a table is long, and its strings are quoted alike"
)]

mod expansions;
mod faults;
mod histories;
mod messages;
mod sizes;

use crate::{check, diag::Diag, model::projection::Kind};
use proc_macro2::TokenStream;
use syn::DeriveInput;

/// The text under each error and the error's message, in the order of the source.
fn faults(derive: &str, source: &str) -> Vec<(String, String)> {
    let tokens: TokenStream = source.parse().expect("the source has tokens");
    let input: DeriveInput = syn::parse2(tokens).expect("the source is an item");
    let diag = Diag::new();
    match derive {
        "Event" => drop(check::event::check(&diag, &input)),
        "Aggregate" => drop(check::aggregate::check(&diag, &input)),
        "Projection" => drop(check::projection::check(&diag, &input, Kind::Projection)),
        "Subscription" => drop(check::projection::check(&diag, &input, Kind::Subscription)),
        "Decision" => drop(check::decision::check(&diag, &input)),
        "Tag" => drop(check::tag::check(&diag, &input)),
        "Fold" => drop(check::fold::check(&diag, &input)),
        "ProcessManager" => drop(check::process::check(&diag, &input)),
        other => panic!("there is no derive {other}"),
    }
    let mut faults: Vec<_> = diag
        .into_errors()
        .iter()
        .map(|error| {
            let span = error.span();
            let start = span.start();
            let text = span.source_text().unwrap_or_default();
            ((start.line, start.column), text, error.to_string())
        })
        .collect();
    faults.sort_by_key(|(start, ..)| *start);
    faults
        .into_iter()
        .map(|(_, text, message)| (text, message))
        .collect()
}
