//! Where tests keep their files.

use rustix::fs::statvfs;
use std::path::Path;
use tempfile::TempDir;

const IN_MEMORY: &str = "/dev/shm";
/// What has to be free there; all tests together need a tenth.
const ROOM: u64 = 4 << 30;

/// A folder of a test's own, removed when it is dropped.
///
/// Processes are killed in most tests and machines in none, so that the files need no disk: they are in
/// memory where the system offers that. The long runs keep them on the disk.
pub fn folder() -> TempDir {
    let folder = if crate::tries(false, true) && has_room(Path::new(IN_MEMORY)) {
        tempfile::tempdir_in(IN_MEMORY)
    } else {
        tempfile::tempdir()
    };
    folder.expect("a folder")
}

fn has_room(folder: &Path) -> bool {
    statvfs(folder).is_ok_and(|of| of.f_bavail.saturating_mul(of.f_frsize) >= ROOM)
}
