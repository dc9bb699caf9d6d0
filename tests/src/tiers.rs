//! What the short tier of tests and the long runs differ in: how much is tried, and where files are.

use rustix::fs::statvfs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const IN_MEMORY: &str = "/dev/shm";
/// What has to be free there; all tests together need a tenth.
const ROOM: u64 = 4 << 30;

/// How much of something is tried: all of it where `ES_LONG_TESTS` is set, as `.ci/run` does, and a part
/// that takes seconds otherwise.
pub fn tries<T>(all: T, part: T) -> T {
    if std::env::var_os("ES_LONG_TESTS").is_some() {
        all
    } else {
        part
    }
}

/// A folder of a test's own, removed when it is dropped.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(parent()).expect("a folder")
}

/// Where those folders are.
///
/// Processes are killed in most tests and machines in none, so that the files need no disk: they are in
/// memory where the system offers that. The long runs keep them on the disk.
pub fn parent() -> PathBuf {
    let memory = Path::new(IN_MEMORY);
    if tries(false, true) && has_room(memory) {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn has_room(folder: &Path) -> bool {
    statvfs(folder).is_ok_and(|of| of.f_bavail.saturating_mul(of.f_frsize) >= ROOM)
}
