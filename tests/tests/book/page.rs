//! What a page consists of, as a reader's program sees it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The source of the book.
pub fn docs() -> PathBuf {
    root().join("docs")
}

#[derive(Debug, Default)]
pub struct Page {
    pub words: usize,
    /// The targets of links and pictures, as they are written.
    pub links: Vec<String>,
    /// What a link to a heading may say after the `#`.
    pub anchors: BTreeSet<String>,
    /// Whether it has a block of Rust.
    pub has_code: bool,
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path);
        Self::of(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub fn of(text: &str) -> Self {
        let mut page = Self {
            words: text.split_whitespace().count(),
            ..Self::default()
        };
        let mut heading = None::<String>;
        for event in Parser::new_ext(text, pulldown_cmark::Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let heading = heading.take().unwrap_or_default();
                    page.add_anchor(&heading);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    page.has_code |= language.split(',').next() == Some("rust");
                }
                _ => {}
            }
        }
        page
    }

    /// The rule of GitHub and of mdBook.
    fn add_anchor(&mut self, heading: &str) {
        let heading = heading.trim().to_lowercase().replace(' ', "-");
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let anchor: String = heading.chars().filter(kept).collect();
        let mut unique = anchor.clone();
        for number in 1.. {
            if self.anchors.insert(unique) {
                break;
            }
            unique = format!("{anchor}-{number}");
        }
    }
}

/// The pages of the book by their path in `docs`, without the summary.
pub fn pages() -> BTreeMap<String, Page> {
    let mut found = BTreeMap::new();
    let mut folders = vec![docs()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                let name = path.strip_prefix(docs()).expect("in it");
                let name = name.to_str().expect("a plain name").replace('\\', "/");
                if name != "SUMMARY.md" {
                    found.insert(name, Page::read(&path));
                }
            }
        }
    }
    found
}

/// What links to the book from outside of it: the pages at the root, and those of the crates.
pub fn others() -> BTreeMap<String, Page> {
    let mut names: Vec<String> = ["README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING"]
        .map(|name| format!("{name}.md"))
        .to_vec();
    for entry in fs::read_dir(root()).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let readme = format!("{}/README.md", name.to_str().expect("a plain name"));
        if readme.starts_with("es-") && root().join(&readme).exists() {
            names.push(readme);
        }
    }
    let read = names.into_iter().map(|name| {
        let page = Page::read(&root().join(&name));
        (name, page)
    });
    read.collect()
}
