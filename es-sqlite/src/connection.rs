//! Opens connections, and makes sure that each of them has the settings that the promises rest on.

use crate::{
    busy,
    errors::{kind, storage},
    log::KEPT,
    settings::{Durability, StoreSettings},
};
use es_runtime::{StorageError, StorageErrorKind};
use rusqlite::{Connection, OpenFlags};
use std::{
    thread,
    time::{Duration, Instant},
};

/// The first SQLite without the fault that could damage a database when its log was reset while two
/// connections used it.
const OLDEST_LIBRARY: i32 = 3_051_003;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// Refuses an SQLite library that is too old to be trusted with a write-ahead log.
pub(crate) fn check_library(version: i32) -> Result<(), StorageError> {
    if version >= OLDEST_LIBRARY {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Version,
        format!(
            "the SQLite library is {}, older than 3.51.3, and may damage databases",
            dotted(version)
        ),
    ))
}

fn dotted(version: i32) -> String {
    let (major, minor, patch) = (
        version / 1_000_000,
        version / 1_000 % 1_000,
        version % 1_000,
    );
    format!("{major}.{minor}.{patch}")
}

/// A new connection with everything set.
pub(crate) fn open(settings: &StoreSettings, role: Role) -> Result<Connection, StorageError> {
    let access = match role {
        _ if settings.read_only => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(&settings.path, flags).map_err(|e| cannot_open(settings, e))?;
    busy::wait_at_most(&connection, settings.busy_timeout).map_err(storage)?;
    connection.set_prepared_statement_cache_capacity(64);
    // SQLite reports some waits for other processes at once, whatever the timeout says.
    retry_busy(settings.busy_timeout, || {
        configure(&connection, settings, role).map_err(|e| name_file(settings, e))
    })?;
    Ok(connection)
}

/// Runs `step` again while it reports that the database is busy, for about as long as `patience`.
pub(crate) fn retry_busy<T>(
    patience: Duration,
    mut step: impl FnMut() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match step() {
            Err(error) if error.kind == StorageErrorKind::Busy && started.elapsed() < patience => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn configure(
    connection: &Connection,
    settings: &StoreSettings,
    role: Role,
) -> Result<(), StorageError> {
    let statement = if role == Role::Writer && !settings.read_only {
        "PRAGMA journal_mode = WAL"
    } else {
        "PRAGMA journal_mode"
    };
    let mode: String = connection
        .query_row(statement, [], |row| row.get(0))
        .map_err(storage)?;
    if mode != "wal" {
        return Err(StorageError::new(
            StorageErrorKind::CannotOpen,
            format!("it has no write-ahead log but journal mode `{mode}`"),
        ));
    }
    refuse_other_encodings(connection)?;
    let (synchronous, full_sync) = match settings.durability {
        Durability::Full => (2, 1),
        Durability::Normal => (1, 0),
    };
    let mut wanted = vec![
        ("synchronous", synchronous),
        // Where `fsync` alone does not reach the disk, as on macOS.
        ("fullfsync", full_sync),
        ("checkpoint_fullfsync", full_sync),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        (
            "journal_size_limit",
            i64::try_from(KEPT).unwrap_or(i64::MAX),
        ),
    ];
    if role == Role::Reader {
        wanted.push(("query_only", 1));
    }
    if let (Role::Writer, Some(bytes)) = (role, settings.max_bytes) {
        let page: i64 = connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(storage)?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        wanted.push((
            "max_page_count",
            (bytes / page.max(1)).clamp(1, 0xffff_fffe),
        ));
    }
    for (name, value) in wanted {
        set(connection, name, value)?;
    }
    Ok(())
}

/// In UTF-16, SQLite silently replaces some characters: what is read is not what was written.
fn refuse_other_encodings(connection: &Connection) -> Result<(), StorageError> {
    let encoding: String = connection
        .pragma_query_value(None, "encoding", |row| row.get(0))
        .map_err(storage)?;
    if encoding == "UTF-8" {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::CannotOpen,
        format!(
            "its encoding is {encoding}, in which SQLite changes some characters of what is stored; use another file"
        ),
    ))
}

/// Sets a pragma and reads it back: SQLite ignores what it does not know.
fn set(connection: &Connection, name: &str, value: i64) -> Result<(), StorageError> {
    connection
        .pragma_update_and_check(None, name, value, |_| Ok(()))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })
        .map_err(storage)?;
    let now: i64 = connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(storage)?;
    // A file may already be larger than the bound.
    if now == value || (name == "max_page_count" && now > value) {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Other,
        format!("the setting {name} is {now} and cannot be set to {value}"),
    ))
}

fn cannot_open(settings: &StoreSettings, error: rusqlite::Error) -> StorageError {
    let path = &settings.path;
    let missing = path.parent().filter(|folder| !folder.is_dir());
    let message = match missing {
        Some(folder) => format!(
            "{}: there is no folder {}",
            path.display(),
            folder.display()
        ),
        None => format!("{}: {error}", path.display()),
    };
    let kind = match kind(&error) {
        StorageErrorKind::Other => StorageErrorKind::CannotOpen,
        known => known,
    };
    StorageError::new(kind, message).with_source(error)
}

/// The same error with the file's name in front.
pub(crate) fn name_file(settings: &StoreSettings, mut error: StorageError) -> StorageError {
    error.message = format!("{}: {}", settings.path.display(), error.message);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_libraries_are_refused_by_name() {
        assert!(check_library(3_051_003).is_ok());
        assert!(check_library(3_060_000).is_ok());
        assert!(check_library(rusqlite::version_number()).is_ok());
        let error = check_library(3_051_002).err().map(|e| (e.kind, e.message));
        assert_eq!(
            error,
            Some((
                StorageErrorKind::Version,
                "the SQLite library is 3.51.2, older than 3.51.3, and may damage databases"
                    .to_owned()
            ))
        );
    }

    #[test]
    fn a_busy_step_is_tried_again_for_a_bounded_time() {
        let busy = || StorageError::new(StorageErrorKind::Busy, "");
        let mut calls = 0;
        let done = retry_busy(Duration::from_secs(60), || {
            calls += 1;
            if calls < 4 { Err(busy()) } else { Ok(calls) }
        });
        assert_eq!(done.ok(), Some(4));
        let never: Result<(), _> = retry_busy(Duration::ZERO, || Err(busy()));
        assert_eq!(never.err().map(|e| e.kind), Some(StorageErrorKind::Busy));
    }
}
