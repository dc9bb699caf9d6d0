//! Every message is shown by a test, and all of them have one style.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    fs::{read_dir, read_to_string},
    path::Path,
};

/// The text of each file in a folder of `src`.
fn sources(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder);
    let sources: Vec<_> = read_dir(folder)
        .expect("a folder of the crate")
        .map(|file| read_to_string(file.expect("a file").path()).expect("a text file"))
        .collect();
    assert!(!sources.is_empty());
    sources
}

/// Each function of `messages/` with the string literals of its body.
fn functions() -> Vec<(String, Vec<String>)> {
    let functions: Vec<_> = sources("messages")
        .iter()
        .flat_map(|source| functions_of(source))
        .collect();
    assert!(functions.len() > 100, "{} messages", functions.len());
    functions
}

fn functions_of(source: &str) -> Vec<(String, Vec<String>)> {
    let file: TokenStream = source.parse().expect("the file has tokens");
    let mut functions: Vec<(String, Vec<String>)> = Vec::new();
    let mut named = false;
    for token in file {
        match token {
            TokenTree::Ident(ident) if named => {
                functions.push((ident.to_string(), Vec::new()));
                named = false;
            }
            TokenTree::Ident(ident) => named = ident == "fn",
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                if let Some((_, texts)) = functions.last_mut() {
                    literals(body.stream(), texts);
                }
            }
            _ => {}
        }
    }
    functions
}

fn literals(tokens: TokenStream, into: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), into),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    into.push(text.value());
                }
            }
            _ => {}
        }
    }
}

/// The parts of a format string that stand in every message made from it.
fn fixed_parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['{', '}', '\n'])
        .map(str::trim)
        .filter(|part| part.len() > 12 && part.contains(' '))
}

fn shown() -> String {
    let mut shown = include_str!("faults.rs").to_owned();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/compile-fail");
    let list = |path: &Path| read_dir(path).expect("the compile-fail tests");
    let mut folders = vec![cases.join("ui"), cases.join("alone")];
    while let Some(folder) = folders.pop() {
        for file in list(&folder) {
            let path = file.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "stderr")
            {
                shown.push_str(&read_to_string(path).expect("a text file"));
            }
        }
    }
    shown
}

#[test]
fn every_message_is_shown_by_a_test() {
    let shown = shown();
    let missing: Vec<_> = functions()
        .iter()
        .flat_map(|(name, texts)| {
            let lacking = texts
                .iter()
                .filter(|text| !text.contains("{}{ident}"))
                .flat_map(|text| fixed_parts(text))
                .filter(|part| !shown.contains(&part.replace("{{", "{")))
                .map(move |part| format!("{name}: {part}"));
            lacking.collect::<Vec<_>>()
        })
        .collect();
    assert!(missing.is_empty(), "no test shows {missing:#?}");
}

#[test]
fn messages_have_one_style() {
    for (name, texts) in functions() {
        let sentences = texts.iter().flat_map(|text| text.lines());
        for line in sentences.filter(|line| line.contains(' ')) {
            let line = line.strip_prefix("help: ").unwrap_or(line);
            assert!(
                !line.ends_with('.') || line.ends_with(".."),
                "{name}: {line}"
            );
            assert!(!line.starts_with(char::is_uppercase), "{name}: {line}");
            assert!(!line.contains("did you mean"), "{name}: {line}");
        }
    }
}

#[test]
fn no_error_is_placed_at_the_derive_itself() {
    for source in ["attr", "check", "expand"].into_iter().flat_map(sources) {
        assert!(!source.contains("call_site"));
    }
}
