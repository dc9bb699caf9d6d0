//! The verbs, one file each. Those that write ask first, by [`consent`](crate::consent).

pub(crate) mod at;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod events;
#[cfg(feature = "explore")]
pub(crate) mod explore;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod import_cqrs_es;
pub(crate) mod lock;
pub(crate) mod operate;
pub(crate) mod operation;
pub(crate) mod parked;
pub(crate) mod readers;
pub(crate) mod report;
pub(crate) mod sagas;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod streams;
pub(crate) mod tail;
pub(crate) mod trace;
pub(crate) mod verify;

use std::path::PathBuf;

use crate::{
    error::Error,
    global::Global,
    output::{Notes, Printer},
    store::{Location, OnStatement, Place, Store, Wanted},
};

/// What a verb works with, once the store is open.
pub(crate) struct Session<'a> {
    pub(crate) store: Store<'a>,
    pub(crate) printer: Printer<'a>,
    pub(crate) notes: Notes<'a>,
}

/// What a verb works with. Some open the store that the options name, some others, and some none.
pub(crate) struct Outside<'a> {
    pub(crate) global: &'a Global,
    pub(crate) config: Option<PathBuf>,
    /// The store that the options name.
    pub(crate) place: Result<Place, Error>,
    pub(crate) printer: Printer<'a>,
    pub(crate) notes: Notes<'a>,
    pub(crate) is_person: bool,
}

/// How a store is opened for reading.
type Open<'a> = fn(&Place, Option<OnStatement<'a>>) -> Result<Store<'a>, es_tables::Error>;

impl<'a> Outside<'a> {
    /// Opens the store that the options name, for reading.
    pub(crate) fn open(self) -> Result<Session<'a>, Error> {
        self.open_by(Store::open)
    }

    /// The same to look for damage.
    pub(crate) fn open_to_check(self) -> Result<Session<'a>, Error> {
        self.open_by(Store::open_to_check)
    }

    fn open_by(self, open: Open<'a>) -> Result<Session<'a>, Error> {
        let (place, notes) = (self.place?, self.notes.clone());
        if let (true, Location::Nats(_)) = (self.global.sql, place.location()) {
            return Err(Error::Usage(
                "--sql shows statements for `sqlite3` and `psql`, and a store on JetStream takes none: `nats stream get` \
                 shows its messages"
                    .to_owned(),
            ));
        }
        let on_statement: OnStatement<'a> =
            Box::new(move |sql: &str| notes.write(&format!("{sql};")));
        Ok(Session {
            store: open(&place, self.global.sql.then_some(on_statement))?,
            printer: self.printer,
            notes: self.notes,
        })
    }

    /// The same to read all of it, with the positions that events have on SQLite and PostgreSQL.
    pub(crate) fn open_to_move(self) -> Result<Session<'a>, Error> {
        Ok(Session {
            store: Store::open_to_move(&self.place?)?,
            printer: self.printer,
            notes: self.notes,
        })
    }

    /// Where a store is that an argument names.
    pub(crate) fn find(
        &self,
        store: &str,
        schema: Option<&str>,
        read_schema: Option<&str>,
    ) -> Result<Place, Error> {
        let wanted = Wanted {
            store: Some(store),
            read_store: None,
            schema,
            read_schema,
            config: self.config.as_deref(),
        };
        wanted.find()
    }

    /// The same with the schemas and the read models that the options of every command name.
    pub(crate) fn find_as_said(&self, store: &str) -> Result<Place, Error> {
        let wanted = Wanted {
            store: Some(store),
            read_store: self.global.read_store.as_deref(),
            schema: self.global.schema.as_deref(),
            read_schema: self.global.read_schema.as_deref(),
            config: self.config.as_deref(),
        };
        wanted.find()
    }
}
