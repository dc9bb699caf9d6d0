//! The book in `docs`: every page is in its summary, every link leads somewhere, no page is long, and the code of
//! every page is run.

mod links;
mod page;

use page::{Page, docs, pages, root};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Nobody reads more at once.
const MOST_WORDS: usize = 1_500;

/// Generated references, which are searched and not read: one entry for each message, one table for each figure.
const GENERATED: [&str; 2] = ["benchmarks-peers.md", "diagnostics.md"];

/// The chapters, in order.
fn chapters() -> Vec<String> {
    let summary = Page::read(&docs().join("SUMMARY.md"));
    summary.links
}

#[test]
fn every_page_is_in_the_summary_once() {
    let chapters = chapters();
    let listed: BTreeSet<_> = chapters.iter().cloned().collect();
    assert_eq!(listed.len(), chapters.len(), "a page is listed twice");
    let there: BTreeSet<_> = pages().into_keys().collect();
    assert_eq!(there, listed);
}

#[test]
fn no_page_is_long() {
    let long = |page: &Page| page.words > MOST_WORDS;
    let found: Vec<_> = pages()
        .into_iter()
        .filter(|(name, page)| long(page) && !GENERATED.contains(&name.as_str()))
        .map(|(name, page)| format!("{name}: {} words", page.words))
        .collect();
    assert!(found.is_empty(), "more than {MOST_WORDS}: {found:?}");
    // The control: these two are.
    for name in GENERATED {
        assert!(long(&pages()[name]), "{name} needs no exception");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut texts: BTreeMap<String, Page> = pages()
        .into_iter()
        .map(|(name, page)| (format!("docs/{name}"), page))
        .collect();
    texts.extend(page::others());
    let broken: Vec<_> = texts
        .iter()
        .flat_map(|(name, page)| links::broken(name, page, &texts))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_broken_link_is_found() {
    let text = "# One\n\n[a](#one) [b](#two) [c](other.md) [d](../../README.md) [e](README.md#no) <https://example.com>\n\n\
                [f](https://github.com/es-runtime/es-runtime/blob/main/nothing.rs)";
    let page = Page::of(text);
    assert_eq!(page.words, 9);
    let texts = BTreeMap::from([("docs/page.md".to_owned(), Page::of(text))]);
    let broken = links::broken("docs/page.md", &page, &texts);
    // A heading, a page, what is outside, a README, and a file of the repository.
    assert_eq!(broken.len(), 5, "{broken:#?}");
}

/// The pages whose code `src/lib.rs` includes as documentation tests, and those of the tutorial, which a test of the
/// examples compares with programs.
#[test]
fn the_code_of_every_page_is_run() {
    let library = fs::read_to_string(root().join("tests/src/lib.rs")).expect("a file");
    let run = |name: &str| {
        name.starts_with("tutorial/") || library.contains(&format!("\"../../docs/{name}\""))
    };
    for (name, page) in pages() {
        assert!(
            run(&name) || !page.has_code,
            "{name} has code that no test runs: add it to tests/src/lib.rs"
        );
    }
    assert!(!run("no-such-page.md"), "the control");
}
