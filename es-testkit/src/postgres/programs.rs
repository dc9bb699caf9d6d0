//! Where the server's programs are, and which user may run them: PostgreSQL refuses to run as root.

use super::ServerError;
use std::{
    env,
    fs::File,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder with `initdb`, `pg_ctl`, `postgres` and `psql` of the newest PostgreSQL here. Where
/// there is none it is installed, when this is root on a system with `apt-get`.
pub(super) fn folder() -> Result<PathBuf, ServerError> {
    if let Some(found) = newest() {
        return Ok(found);
    }
    install("postgresql")?;
    newest().ok_or_else(|| missing("postgresql"))
}

/// A program of another package, such as `pgbouncer` or `strace`, installed like the server where it
/// is missing.
///
/// ```no_run
/// let strace = es_testkit::postgres::program("strace", "strace")?;
/// assert!(strace.is_file());
/// # Ok::<(), es_testkit::postgres::ServerError>(())
/// ```
///
/// # Errors
/// [`ServerError::Missing`], which says what to run.
pub fn program(name: &str, package: &'static str) -> Result<PathBuf, ServerError> {
    let find = || {
        path()
            .into_iter()
            .chain(["/usr/sbin".into(), "/sbin".into()])
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    install(package)?;
    find().ok_or_else(|| missing(package))
}

fn path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

fn newest() -> Option<PathBuf> {
    let mut folders = path();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for root in [
        "/usr/lib/postgresql",
        "/usr/local/pgsql",
        "/opt/homebrew/opt",
    ] {
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
        folders.push(Path::new(root).join("bin"));
    }
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    folders
        .into_iter()
        .filter(complete)
        .max_by_key(|folder| version(folder))
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

fn missing(package: &'static str) -> ServerError {
    ServerError::Missing { package }
}

fn install(package: &'static str) -> Result<(), ServerError> {
    let apt = path().iter().any(|folder| folder.join("apt-get").is_file());
    if !apt || owner_of_new_files()? != 0 {
        return Err(missing(package));
    }
    let apt = |arguments: &[&str]| {
        let status = Command::new("apt-get")
            .args(["-q", "-o", "DPkg::Lock::Timeout=300"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(std::process::Stdio::null())
            .status();
        matches!(status, Ok(status) if status.success())
    };
    // Where the lists are old the package may still be found.
    let _ = apt(&["update"]);
    if apt(&["install", "-y", "--no-install-recommends", package]) {
        Ok(())
    } else {
        Err(missing(package))
    }
}

/// Who this process is, as the owner of what it makes.
fn owner_of_new_files() -> Result<u32, ServerError> {
    let name = format!("es-owner-{}-{:x}", std::process::id(), fastrand::u64(..));
    let path = env::temp_dir().join(name);
    let owner = File::create_new(&path).and_then(|file| file.metadata());
    let _ = std::fs::remove_file(&path);
    Ok(owner?.uid())
}

/// The user and group to run the server as: none where this process is not root.
pub(super) fn user() -> Result<Option<(u32, u32)>, ServerError> {
    if owner_of_new_files()? != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| entry(&users, name))
        .map(Some)
        .ok_or(ServerError::NoUser)
}

/// The user and group of a name in the text of `/etc/passwd`.
fn entry(users: &str, name: &str) -> Option<(u32, u32)> {
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

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:\npostgres:x:101:104:,,,:/:\n";
        assert_eq!(entry(users, "postgres"), Some((101, 104)));
        assert_eq!(entry(users, "nobody"), None);
    }
}
