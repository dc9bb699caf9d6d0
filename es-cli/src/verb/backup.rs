//! `es backup` and `es restore`: copies of SQLite files by SQLite's own means, checked before they are used.

use super::{Outside, Session, verify};
use crate::{
    consent,
    error::Error,
    moving::{Progress, id_of},
    store::{self, Location, Place, Store, is_busy, open_alone},
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

#[derive(clap::Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file that is written
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Replaces the file where there is one already
    #[arg(long)]
    replace: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct RestoreArgs {
    /// What `backup` wrote
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Also where the store has events that the backup has not, or is another one. They are lost
    #[arg(long)]
    overwrite: bool,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

/// So many pages are copied at a time, and then the application has its turn.
const PAGES: i32 = 1000;

pub(crate) fn backup(args: &BackupArgs, outside: Outside<'_>) -> Result<(), Error> {
    let place = outside.place?;
    let from = file_of(&place)?;
    if args.to.exists() && !args.replace {
        return Err(Error::Usage(format!(
            "{} is there already; --replace replaces it",
            args.to.display()
        )));
    }
    // It is a store, and one that this program reads.
    drop(Store::open(&place, None)?);
    let part = part_of(&args.to);
    remove(&part)?;
    remove_log(&part)?;
    let progress = Progress::new(outside.is_person);
    copy(Path::new(&from), &part, &progress)?;
    drop(progress);
    let mut session = Session {
        store: Store::open(&at(&part, &place), None)?,
        printer: outside.printer,
        notes: outside.notes,
    };
    if let Err(error) = verify::run(&verify::Args::default(), None, &mut session) {
        session.notes.say(&format!(
            "es: the copy is in {} and was not made the backup",
            part.display()
        ))?;
        return Err(error);
    }
    let head = session.store.head()?;
    drop(session.store);
    // A log of a file that was there before is none of this one.
    remove_log(&args.to)?;
    finish(&part, &args.to)?;
    session.notes.say(&format!(
        "es: the backup {} is written and checked, with {head} events",
        args.to.display()
    ))
}

pub(crate) fn restore(args: &RestoreArgs, outside: Outside<'_>) -> Result<(), Error> {
    let place = outside.place?;
    let to = PathBuf::from(file_of(&place)?);
    let backup = at(&args.from, &place);
    let mut of_backup = Store::open(&backup, None)?;
    let (id, head) = (id_of(&mut of_backup)?, of_backup.head()?);
    drop(of_backup);
    let what = if to.exists() {
        refuse_newer(&place, &id, head, args.overwrite)?;
        format!(
            "This replaces the store {} by {}, which has {head} events",
            place.shown(),
            args.from.display()
        )
    } else {
        format!("This makes the store {}", place.shown())
    };
    consent::ask(args.yes, &what, &outside.notes, outside.is_person)?;
    // Before the work, and again at its end.
    if to.exists() {
        drop(lock(&to)?);
    }
    let part = part_of(&to);
    remove(&part)?;
    remove_log(&part)?;
    let progress = Progress::new(outside.is_person);
    copy(&args.from, &part, &progress)?;
    drop(progress);
    let mut session = Session {
        store: Store::open(&at(&part, &place), None)?,
        printer: outside.printer,
        notes: outside.notes,
    };
    if let Err(error) = verify::run(&verify::Args::default(), None, &mut session) {
        session.notes.say(&format!(
            "es: the copy is in {} and was not made the store; what was there is as it was",
            part.display()
        ))?;
        return Err(error);
    }
    drop(session.store);
    replace(&part, &to)?;
    session.notes.say(
        "es: readers in other databases may be ahead of the restored store; `es verify readers` shows them",
    )
}

/// A store that has more than the backup, or that somebody uses, is not replaced without being asked to.
fn refuse_newer(place: &Place, id: &str, head: i64, is_allowed: bool) -> Result<(), Error> {
    let refused = |why: &str| {
        Error::cannot_open(
            place.shown(),
            format!("{why}; --overwrite replaces it all the same"),
        )
    };
    if is_allowed {
        return Ok(());
    }
    let mut store = match Store::open(place, None) {
        Ok(store) => store,
        Err(store::Error::CannotOpen { why, .. }) => return Err(refused(&why)),
        Err(error) => return Err(refused(&error.to_string())),
    };
    let (its_id, its_head) = (id_of(&mut store)?, store.head()?);
    if its_id != id {
        return Err(refused("it is another store than that of the backup"));
    }
    if its_head > head {
        return Err(refused(&format!(
            "it has {} events that the backup has not, and they would be lost",
            its_head - head
        )));
    }
    Ok(())
}

/// Puts the new file in the place of the old one, which nobody may have open.
fn replace(part: &Path, to: &Path) -> Result<(), Error> {
    let old = if to.exists() { lock(to)? } else { None };
    // What stands in the log of the old file must not be taken for that of the new one.
    remove_log(to)?;
    finish(part, to)?;
    drop(old);
    Ok(())
}

/// Keeps others out of a file, and leaves nothing in its log. `None` for a file that is no database any more.
fn lock(file: &Path) -> Result<Option<Connection>, Error> {
    let name = file.display().to_string();
    match open_alone(&name, true).and_then(|old| {
        old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(old)
    }) {
        Ok(old) => Ok(Some(old)),
        Err(error) if is_busy(&error) => Err(Error::cannot_open(
            format!("sqlite:{name}"),
            "another program has it open; stop that first".to_owned(),
        )),
        Err(_) => Ok(None),
    }
}

/// Removes the files that SQLite keeps next to a database.
fn remove_log(file: &Path) -> Result<(), Error> {
    for end in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        remove(Path::new(&name))?;
    }
    Ok(())
}

fn finish(part: &Path, to: &Path) -> Result<(), Error> {
    // The check has read it, and has written nothing.
    remove_log(part)?;
    fs::rename(part, to)?;
    sync_folder(to)
}

/// A new name of a file is on the disk when its folder is.
fn sync_folder(file: &Path) -> Result<(), Error> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Copies a file with what is in its log, while others use it. Nothing is left of a copy that is not whole.
fn copy(from: &Path, to: &Path, progress: &Progress) -> Result<(), Error> {
    copy_pages(from, to, progress).map_err(|error| {
        let left = remove(to).and_then(|()| remove_log(to)).err();
        let left = left.map_or_else(
            || "nothing is left of the copy".to_owned(),
            |error| format!("what is there of the copy could not be removed: {error}"),
        );
        Error::Operation(format!(
            "{} could not be copied to {}: {error}. No other file was changed, and {left}",
            from.display(),
            to.display()
        ))
    })
}

fn copy_pages(from: &Path, to: &Path, progress: &Progress) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(Duration::from_secs(5))?;
    // Held open, so that a writer does not make the copy begin again.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    let mut target = Connection::open(to)?;
    target.pragma_update(None, "synchronous", "FULL")?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        let step = backup.step(PAGES)?;
        let at = backup.progress();
        progress.begin("pages", at.pagecount.into());
        progress.at((at.pagecount - at.remaining).into());
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| error)?;
    fs::File::open(to)?.sync_all()?;
    Ok(())
}

fn file_of(place: &Place) -> Result<String, Error> {
    match place.location() {
        Location::Sqlite(path) => Ok(path.clone()),
        Location::Postgres(_) | Location::Nats(_) => Err(Error::Usage(
            "this is for SQLite files. PostgreSQL has pg_dump and pg_basebackup, and `es export` and `es copy` work \
             on both"
                .to_owned(),
        )),
    }
}

/// The name under which a file is written until it is whole.
fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn at(file: &Path, place: &Place) -> Place {
    place.at(Location::Sqlite(file.display().to_string()))
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
