//! Whether links lead somewhere: on GitHub, and in the book that mdBook builds.

use crate::page::{Page, root};
use std::{collections::BTreeMap, path::Path};

/// A file of the repository, for links that leave the book. mdBook could not follow a relative one.
const REPOSITORY: &str = "https://github.com/es-runtime/es-runtime/";

/// The links of a page that lead nowhere. `texts` has all pages by their path in the repository.
pub fn broken(name: &str, page: &Page, texts: &BTreeMap<String, Page>) -> Vec<String> {
    let wrong = page.links.iter().filter_map(|link| {
        let said = |why: &str| Some(format!("{name}: {link}: {why}"));
        let (target, anchor) = match link.split_once('#') {
            Some((target, anchor)) => (target, Some(anchor)),
            None => (link.as_str(), None),
        };
        let path = match target.strip_prefix(REPOSITORY) {
            Some("" | "issues") => return None,
            Some(path) => match path.split_once("/main/") {
                Some(("blob" | "tree", path)) => path.to_owned(),
                _ => return said("is no file of the branch main"),
            },
            None if target.contains("://") || target.starts_with("mailto:") => return None,
            None if target.is_empty() => name.to_owned(),
            None => match joined(name, target) {
                Some(path) => path,
                None => return said("leaves the repository"),
            },
        };
        if name.starts_with("docs/") && !path.starts_with("docs/") && !target.contains("://") {
            return said("leaves the book: write the address of the repository");
        }
        // mdBook makes `index.html` of a README and nothing of the summary, and rewrites no link to them.
        let is_no_page = path.ends_with("README.md") || path == "docs/SUMMARY.md";
        if name.starts_with("docs/") && !target.contains("://") && is_no_page {
            return said("mdBook makes no such page");
        }
        if !texts.contains_key(&path) && !root().join(&path).exists() {
            return said("there is no such file");
        }
        match (anchor, texts.get(&path)) {
            (Some(anchor), Some(page)) if !page.anchors.contains(anchor) => {
                said("there is no such heading")
            }
            _ => None,
        }
    });
    wrong.collect()
}

/// The path of a target that is relative to the folder of a page.
fn joined(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match Path::new(page).parent().and_then(Path::to_str) {
        None | Some("") => vec![],
        Some(folder) => folder.split('/').collect(),
    };
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
