//! For build scripts: which programs that tests need are here, as the test kit finds them.

#[path = "../../es-testkit/src/postgres/find.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the kit uses all of it, and build scripts some"
)]
mod find;

use std::path::{Path, PathBuf};

/// Sets `postgres` where a server can be started, and the name of each other program that is here. What
/// was looked at is looked at again when it changes. Gives what to tell the user.
pub(crate) fn detect(others: &[&str]) -> Option<String> {
    println!("cargo::rerun-if-env-changed={}", find::VARIABLE);
    println!("cargo::rerun-if-env-changed=PATH");
    let (mut missing, mut advice) = (Vec::new(), None);
    match (find::postgres(), find::user()) {
        (Some(folder), Ok(find::User::This | find::User::Other(..))) => {
            println!("cargo::rustc-cfg=postgres");
            watch(&folder.join("initdb"));
        }
        (Some(_), _) => {
            advice = Some(
                "The tests that need PostgreSQL are ignored: they run as root, which PostgreSQL refuses, \
                 and there is neither a user `postgres` nor `nobody`. Run them as another user."
                    .to_owned(),
            );
            watch(Path::new("/etc/passwd"));
        }
        (None, _) => missing.push("postgresql"),
    }
    for name in others {
        match find::program(name) {
            Some(file) => {
                println!("cargo::rustc-cfg={name}");
                watch(&file);
            }
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return advice;
    }
    // Where a program would appear. A folder that is not there must not be named: cargo would run this
    // each time.
    let places = find::path()
        .into_iter()
        .chain(find::ROOTS.map(PathBuf::from));
    places
        .filter(|place| place.is_absolute() && place.is_dir())
        .for_each(|place| watch(&place));
    advice.or_else(|| {
        Some(format!(
            "The tests that need {0} are ignored. On Debian and Ubuntu: apt-get install {1}. The folder \
             of PostgreSQL's programs may be named by {2}.",
            missing.join(", "),
            missing.iter().map(package).collect::<Vec<_>>().join(" "),
            find::VARIABLE
        ))
    })
}

/// Debian's package of a program.
fn package<'n>(name: &&'n str) -> &'n str {
    match *name {
        "chromedriver" => "chromium-driver",
        name => name,
    }
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
