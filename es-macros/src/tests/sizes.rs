//! How much the derives write: lines for the compiler. A change that writes more fails and says for what.

use crate::expand;
use proc_macro2::TokenStream;
use std::fmt::Write;

fn lines(derive: fn(TokenStream) -> TokenStream, source: &str) -> usize {
    let output = derive(source.parse().expect("the input has tokens"));
    let file = syn::parse2(output).expect("the output is Rust");
    prettyplease::unparse(&file).lines().count()
}

/// An event with three fields in its first version, and one more in each later one.
fn event(versions: u16) -> usize {
    let mut source = format!(
        "#[event(\"order.placed\", version = {versions})]\n\
         struct OrderPlaced {{ customer: String, total: f64, coupon: Option<String>,\n"
    );
    for version in 2..=versions {
        let _ = writeln!(
            source,
            "#[event(since = {version}, default = 0)] field_{version}: u32,"
        );
    }
    source.push('}');
    lines(expand::derive_event, &source)
}

fn aggregate(events: usize) -> usize {
    let list: Vec<_> = (0..events).map(|number| format!("Event{number}")).collect();
    let source = format!(
        "#[aggregate(\"order\", id = String, error = Infallible, events({}))] struct Order {{}}",
        list.join(", ")
    );
    lines(expand::derive_aggregate, &source)
}

fn costs(what: &str, found: usize, recorded: usize) {
    println!("{what}: {found} lines (recorded: {recorded})");
    assert!(
        found <= recorded,
        "{what} is {found} lines, and {recorded} were recorded"
    );
}

#[test]
fn an_event() {
    costs("an event of one version", event(1), 64);
    costs("its first older version", event(2) - event(1), 96);
    costs("each further one", event(3) - event(2), 101);
}

#[test]
fn an_event_of_an_aggregate() {
    costs("an aggregate of one event", aggregate(1), 197);
    costs("each further event", aggregate(3) - aggregate(2), 92);
}
