//! What the derives write, kept in `expansions/` so that a change of it is seen in review.
//!
//! `ES_BLESS=1 cargo test -p es-macros` writes the files anew.

use crate::expand;
use proc_macro2::{TokenStream, TokenTree};
use std::{
    env,
    fs::{read_to_string, write},
    path::Path,
};

fn compare(name: &str, derive: fn(TokenStream) -> TokenStream) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("expansions");
    let source = read_to_string(folder.join(format!("{name}.in.rs"))).expect("the input");
    let output = derive(source.parse().expect("the input has tokens"));
    let file = syn::parse2(output).expect("the output is Rust");
    let text = prettyplease::unparse(&file);
    let path = folder.join(format!("{name}.out.rs"));
    if env::var_os("ES_BLESS").is_some() {
        write(&path, &text).expect("the output can be written");
    }
    let expected = read_to_string(&path).expect("the output; ES_BLESS=1 writes it");
    assert_eq!(
        text,
        expected,
        "{} differs; ES_BLESS=1 rewrites it",
        path.display()
    );
}

#[test]
fn a_struct() {
    compare("event_struct", expand::derive_event);
}

#[test]
fn a_struct_that_is_written_as_it_was() {
    compare("event_written_back", expand::derive_event);
}

#[test]
fn an_enum() {
    compare("event_enum", expand::derive_event);
}

#[test]
fn a_struct_with_unique_values() {
    compare("event_unique", expand::derive_event);
}

#[test]
fn an_enum_with_unique_values() {
    compare("event_enum_unique", expand::derive_event);
}

#[test]
fn a_struct_with_tags() {
    compare("event_tags", expand::derive_event);
}

#[test]
fn an_enum_with_tags() {
    compare("event_enum_tags", expand::derive_event);
}

#[test]
fn tags() {
    for name in ["tag", "tag_of_number", "tag_constant"] {
        compare(name, expand::derive_tag);
    }
}

#[test]
fn a_fold() {
    for name in ["fold", "fold_last"] {
        compare(name, expand::derive_fold);
    }
}

#[test]
fn a_decision_that_reads_folds() {
    compare("decision_with_folds", expand::derive_decision);
}

#[test]
fn a_shape() {
    compare("shape", expand::derive_shape);
}

#[test]
fn an_aggregate() {
    compare("aggregate", expand::derive_aggregate);
}

#[test]
fn an_aggregate_with_faults() {
    compare("aggregate_with_faults", expand::derive_aggregate);
}

#[test]
fn a_decision() {
    compare("decision", expand::derive_decision);
}

#[test]
fn a_decision_with_faults() {
    compare("decision_with_faults", expand::derive_decision);
}

#[test]
fn a_projection() {
    compare("projection", expand::derive_projection);
}

#[test]
fn a_subscription() {
    compare("subscription", expand::derive_subscription);
}

#[test]
fn a_saga() {
    compare("saga", |input| {
        let args = "\"fulfil\", version = 2, deps = Services, deadline = \"2h\"";
        expand::attribute_saga(&args.parse().expect("tokens"), input)
    });
}

#[test]
fn a_process_manager() {
    compare("process_manager", expand::derive_process_manager);
}

/// An editor finds the way from `undo = refund` to the method by the place of the token in the generated code.
#[test]
fn a_method_is_referred_to_by_the_token_that_names_it() {
    fn places(tokens: TokenStream, name: &str, into: &mut Vec<usize>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => places(group.stream(), name, into),
                TokenTree::Ident(ident) if ident == name => into.push(ident.span().start().line),
                _ => {}
            }
        }
    }
    let block = "impl Fulfil {
        #[step(undo = refund, reconcile = charged)]
        async fn charge(&self) -> Result<u32, Fail> { Ok(1) }
        #[undo]
        async fn refund(&self) -> Result<(), Fail> { Ok(()) }
        async fn charged(&self, _: &(), _: &StepCx) -> Result<Option<u32>, Fail> { Ok(None) }
    }";
    let args = "\"fulfil\"".parse().expect("tokens");
    let output = expand::attribute_saga(&args, block.parse().expect("tokens"));
    for (name, method) in [("refund", 5), ("charged", 6)] {
        let mut lines = Vec::new();
        places(output.clone(), name, &mut lines);
        assert_eq!(lines, [method, 2], "{name}: the method, and the call of it");
    }
}
