//! Where PostgreSQL and other programs are, and which user may run the server.
//!
//! The build scripts of crates with such tests include this file, so that a test is ignored exactly
//! where the kit would not find a server. It uses the standard library only.

use std::{
    env,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Names the folder of PostgreSQL's programs. `none` hides those that are installed.
pub(crate) const VARIABLE: &str = "ES_POSTGRES_BIN";

/// Folders with a folder of programs for each version.
pub(crate) const ROOTS: [&str; 3] = [
    "/usr/lib/postgresql",
    "/usr/local/pgsql",
    "/opt/homebrew/opt",
];

/// The folder with `initdb`, `pg_ctl`, `postgres` and `psql`: the one that [`VARIABLE`] names, or
/// the newest here.
pub(crate) fn postgres() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named)).filter(complete);
    }
    let mut folders = path();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for root in ROOTS {
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
        folders.push(Path::new(root).join("bin"));
    }
    folders
        .into_iter()
        .filter(complete)
        .max_by_key(|folder| version(folder))
}

/// A program in `PATH`, or where programs for administrators are.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    path()
        .into_iter()
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The folders of `PATH`.
pub(crate) fn path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

/// `postgres (PostgreSQL) 15.18 (Debian ..)` is (15, 18).
fn version(folder: &Path) -> Vec<u32> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    number
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}

/// Who may run the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The user of this process.
    This,
    /// This user and group, since this process is root, which PostgreSQL refuses.
    Other(u32, u32),
    /// This process is root, and there is no other user.
    Nobody,
}

/// The user to run the server as: `postgres` or `nobody` where this process is root.
pub(crate) fn user() -> io::Result<User> {
    if owner_of_new_files()? != 0 {
        return Ok(User::This);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let other = ["postgres", "nobody"]
        .iter()
        .find_map(|name| entry(&users, name));
    Ok(other.map_or(User::Nobody, |(user, group)| User::Other(user, group)))
}

/// Who this process is, as the owner of what it makes.
fn owner_of_new_files() -> io::Result<u32> {
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let name = format!("es-owner-{}-{:x}", std::process::id(), nanos.as_nanos());
    let path = env::temp_dir().join(name);
    let owner = File::create_new(&path).and_then(|file| file.metadata());
    let _ = std::fs::remove_file(&path);
    Ok(owner?.uid())
}

/// The user and group of a name in the text of `/etc/passwd`.
pub(crate) fn entry(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((user, group))
    })
}
