//! `docs/diagnostics.md`: each message with the wrong program and a right one, made of the cases.
//!
//! The right program of a case has its name under `right/`; where there is none, it is the one of the group that
//! differs in the fewest lines. `ES_BLESS=1 cargo test -p es-compile-fail page` writes the page.

use super::ui::recorded;
use std::{
    collections::BTreeSet,
    env,
    fmt::Write,
    fs::{read_dir, read_to_string, write},
    path::{Path, PathBuf},
};

const INTRODUCTION: &str = "# Diagnostics

<!-- Made of tests/compile-fail by `ES_BLESS=1 cargo test -p es-compile-fail page`. Change the cases instead. -->

What the derives and attributes say about a mistake, and a program without it. Each message stands at the token that is wrong.
Lines with `-` are wrong and lines with `+` are right. Search for the words of your message.
";

const GROUPS: [(&str, &str); 12] = [
    ("event", "Events and their versions"),
    ("aggregate", "Aggregates"),
    ("decision", "Decisions over several aggregates and folds"),
    ("tag", "Types that are tags"),
    ("fold", "Folds over tags"),
    ("retired", "Retired stored names"),
    ("shape", "Shapes"),
    ("lock", "The schema lock"),
    ("laws", "Laws of aggregates"),
    ("projection", "Projections and subscriptions"),
    ("saga", "Sagas"),
    ("process_manager", "Process managers"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the compiler says, without the places: the errors, and the notes that say what to do.
fn messages(recorded: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut open = false;
    for line in recorded.lines() {
        let line = line.trim_end();
        if line.starts_with("error") {
            messages.push(line.to_owned());
            open = true;
        } else if line.trim_start().starts_with("--> ") {
            open = false;
        } else if let Some(message) = messages.last_mut() {
            let note = line.trim_start().strip_prefix("= ");
            let remedy = note.filter(|note| {
                note.starts_with("note: ") && !note.contains("this error originates")
            });
            if let Some(line) = remedy.or(open.then_some(line.trim())) {
                let _ = write!(message, "\n  {line}");
            }
        }
    }
    messages
}

/// The lines of a program that count.
fn lines(program: &str) -> Vec<&str> {
    let lines = program.lines();
    lines
        .filter(|line| !line.trim().is_empty() && !line.starts_with("#![allow("))
        .collect()
}

/// The lines that only the first or only the second has, marked, by the longest common sequence.
fn difference<'a>(wrong: &[&'a str], right: &[&'a str]) -> Vec<(char, &'a str)> {
    let width = right.len() + 1;
    let mut common = vec![0_usize; (wrong.len() + 1) * width];
    for (i, a) in wrong.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            let next = |i: usize, j: usize| common[i * width + j];
            common[i * width + j] = if a == b {
                next(i + 1, j + 1) + 1
            } else {
                next(i + 1, j).max(next(i, j + 1))
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut marked = Vec::new();
    while i < wrong.len() || j < right.len() {
        if i < wrong.len() && j < right.len() && wrong[i] == right[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == right.len()
            || i < wrong.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]
        {
            marked.push(('-', wrong[i]));
            i += 1;
        } else {
            marked.push(('+', right[j]));
            j += 1;
        }
    }
    marked
}

fn right_programs(group: &str) -> Vec<(PathBuf, String)> {
    let folder = read_dir(root().join("right").join(group)).expect("right programs of each group");
    let mut files: Vec<_> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let text = |path: &PathBuf| read_to_string(path).expect("a program");
    files
        .into_iter()
        .map(|path| (path.clone(), text(&path)))
        .collect()
}

/// How far apart two programs are: the words in which their lines differ.
fn distance(wrong: &[&str], right: &[&str]) -> usize {
    let changed = difference(wrong, right);
    let words = |of: char| -> Vec<&str> {
        let lines = changed.iter().filter(|(mark, _)| *mark == of);
        let words =
            lines.flat_map(|(_, line)| line.split_inclusive(|c: char| !c.is_alphanumeric()));
        words.collect()
    };
    difference(&words('-'), &words('+')).len()
}

/// The right program for a case.
fn right_of<'a>(name: &Path, wrong: &[&str], all: &'a [(PathBuf, String)]) -> Vec<&'a str> {
    let own = all
        .iter()
        .find(|(path, _)| path.file_stem() == name.file_stem());
    let programs = own.map_or(all, std::slice::from_ref).iter();
    let near = programs.map(|(_, right)| lines(right));
    let near = near.min_by_key(|right| distance(wrong, right));
    near.expect("a right program")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut cases = recorded();
    cases.sort_by(|(one, _), (other, _)| one.file_name().cmp(&other.file_name()));
    for (group, title) in GROUPS {
        let _ = write!(page, "\n## {title}\n");
        let right = right_programs(group);
        let mut shown: BTreeSet<String> = BTreeSet::new();
        for (path, text) in &cases {
            if path.parent().is_none_or(|folder| !folder.ends_with(group)) {
                continue;
            }
            let said = messages(text).join("\n\n");
            if !shown.insert(said.clone()) {
                continue;
            }
            let program = read_to_string(root().join(path)).expect("the case");
            let wrong = lines(&program);
            let right = right_of(path, &wrong, &right);
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let _ = write!(
                page,
                "\n### {}\n\n```text\n{said}\n```\n\n```diff\n",
                name.replace('-', " ")
            );
            for (mark, line) in difference(&wrong, &right) {
                let _ = writeln!(page, "{mark}{line}");
            }
            page += "```\n";
        }
    }
    page
}

#[test]
fn the_page_of_diagnostics_is_made_of_the_cases() {
    let path = root().join("../../docs/diagnostics.md");
    let page = page();
    if env::var_os("ES_BLESS").is_some() {
        write(&path, &page).expect("the page is written");
    }
    let kept = read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/diagnostics.md is not made of the cases; ES_BLESS=1 writes it"
    );
}

#[test]
fn every_right_program_is_compiled() {
    let compiled = include_str!("../right.rs");
    for (group, _) in GROUPS {
        for (path, _) in right_programs(group) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let named = format!("../right/{group}/{file}");
            assert!(compiled.contains(&named), "tests/right.rs lacks {named}");
        }
    }
}
