//! What must not compile, and what the compiler says then: one file under `ui/` for each mistake.
//!
//! The recorded `.stderr` files are those of one compiler, because its own words stand in them. The
//! build script knows which; with another one the test is ignored.
//! To record new ones: `TRYBUILD=overwrite cargo +1.95.0 test -p es-compile-fail`.

use std::{
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
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}

/// Puts the locks of the cases where a case's `CARGO_MANIFEST_DIR` is: in the crate that trybuild
/// makes of them.
fn bring_the_locks() {
    let made =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests/trybuild/es-compile-fail/ui/lock");
    create_dir_all(&made).expect("a folder for the locks");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/lock");
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

pub(super) fn recorded() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let list = |path: &Path| -> Vec<PathBuf> {
        read_dir(path)
            .expect("the directory of compile-fail tests")
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let files: Vec<_> = list(&root)
        .iter()
        .flat_map(|group| list(group))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "stderr")
        })
        .map(|path| {
            let text = read_to_string(&path).expect("a text file");
            (path, text)
        })
        .collect();
    assert!(files.len() > 100, "only {} cases were found", files.len());
    files
}
