//! What must not compile, and what the compiler says then: one file for each mistake.
//!
//! What the derives themselves refuse is under `ui/`, where each group is one program with a module for each case:
//! the compiler is started once for all of them. Under `alone/` each case is a program of its own: the compiler finds
//! the mistake after the derives, and would stop before it.
//!
//! The recorded `.stderr` files are those of one compiler, because its own words stand in them. The
//! build script knows which; with another one the test is ignored.
//! To record new ones: `TRYBUILD=overwrite cargo +1.95.0 test -p es-compile-fail`.

use std::{
    collections::BTreeMap,
    fs::{copy, create_dir_all, read_dir, read_to_string},
    path::{Path, PathBuf},
};

#[test]
#[cfg_attr(
    not(recorded_compiler),
    ignore = "compares messages of rustc 1.95: cargo +1.95.0 test -p es-compile-fail"
)]
fn every_mistake_is_explained() {
    bring_the_locks();
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
    cases.compile_fail("alone/*/*.rs");
}

/// Puts the locks of the cases where a case's `CARGO_MANIFEST_DIR` is: in the crate that trybuild
/// makes of them.
fn bring_the_locks() {
    let made =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests/trybuild/es-compile-fail/alone/lock");
    create_dir_all(&made).expect("a folder for the locks");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alone/lock");
    for lock in ["order.lock", "merged.lock", "open.lock"] {
        copy(folder.join(lock), made.join(lock)).expect("the lock is copied");
    }
}

#[test]
fn no_message_depends_on_the_installed_sources_of_the_standard_library() {
    for (path, text) in recorded() {
        assert!(!text.contains("$RUST"), "{} names $RUST", path.display());
    }
}

/// One mistake, one error. The cases named `many` or listed here have several on purpose.
#[test]
fn one_mistake_is_one_error() {
    let several = [
        "apply-missing-for-both",
        "event-enum-defined",
        "event-under-two-aliases",
        "not-an-event",
        "serde-container",
        "serde-field",
        "serde-variant",
    ];
    for (path, text) in recorded() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let errors = text
            .lines()
            .filter(|line| line.starts_with("error: ") || line.starts_with("error["))
            .count();
        if name.starts_with("many") || several.contains(&name.as_ref()) {
            assert!(errors > 1, "{} has one error only", path.display());
        } else {
            assert_eq!(errors, 1, "{} has {errors} errors", path.display());
        }
        assert!(
            !text.contains("warning"),
            "{} has a warning",
            path.display()
        );
    }
}

/// The place of an error in a module has no line number. The line itself must say where it is.
#[test]
fn a_line_that_is_shown_stands_once_in_its_case() {
    for (path, text) in recorded().iter().filter(|(path, _)| path.starts_with("ui")) {
        let program = read_to_string(root().join(path)).expect("a case");
        for (_, line) in text.lines().filter_map(|line| line.split_once("| ")) {
            let found = program.lines().filter(|other| *other == line).count();
            assert!(
                found < 2,
                "move {} to alone/: `{line}` stands twice",
                path.display()
            );
        }
    }
}

#[test]
fn every_case_is_compiled() {
    let recorded = recorded();
    for folder in ["ui", "alone"] {
        for path in cases(folder) {
            let found = recorded.iter().any(|(case, _)| *case == path);
            let group = path.parent().unwrap_or(Path::new(""));
            assert!(
                found,
                "{} has no error; under ui/ it needs a line in {}.rs",
                path.display(),
                group.display()
            );
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The programs in the groups of a folder.
fn cases(folder: &str) -> Vec<PathBuf> {
    let list = |path: PathBuf| {
        read_dir(path)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
    };
    let groups = list(root().join(folder)).filter(|path| path.is_dir());
    let files = groups.flat_map(list);
    let cases = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut cases: Vec<_> = cases
        .map(|path| path.strip_prefix(root()).expect("a case").to_owned())
        .collect();
    cases.sort();
    cases
}

/// Each case that has errors, by its path in this crate, with their text.
pub(super) fn recorded() -> Vec<(PathBuf, String)> {
    let mut recorded: BTreeMap<PathBuf, String> = BTreeMap::new();
    for case in cases("alone") {
        let text =
            read_to_string(root().join(&case).with_extension("stderr")).expect("what is recorded");
        recorded.insert(case, text);
    }
    for file in read_dir(root().join("ui")).expect("the groups") {
        let path = file.expect("an entry").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "stderr")
        {
            continue;
        }
        let text = read_to_string(&path).expect("a text file");
        for error in errors(&text) {
            let place = error
                .lines()
                .find_map(|line| line.trim_start().strip_prefix("--> "));
            let case = recorded.entry(place.expect("a place").into()).or_default();
            if !case.is_empty() {
                case.push('\n');
            }
            case.push_str(error);
        }
    }
    assert!(
        recorded.len() > 100,
        "only {} cases were found",
        recorded.len()
    );
    recorded.into_iter().collect()
}

/// The errors of a group. An empty line is between them.
fn errors(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("\n\nerror").map(|(at, _)| at + 2);
    let starts: Vec<_> = [0].into_iter().chain(starts).chain([text.len()]).collect();
    let errors: Vec<_> = starts
        .windows(2)
        .map(|pair| text[pair[0]..pair[1]].trim_end_matches('\n'))
        .collect();
    errors.into_iter()
}
