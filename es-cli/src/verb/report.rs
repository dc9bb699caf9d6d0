//! The checks of `es verify`, and where their problems are reported.

use crate::{error::Error, output::Rows};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Check {
    /// SQLite's own check of the file: pages can be read, and each index has the rows of its table
    File,
    /// Positions follow each other without a gap, and each event can be read
    Events,
    /// The versions of each stream follow each other from 1 on
    Streams,
    /// Records of append ids point at the events that they wrote
    Appends,
    /// Snapshots belong to an event that is there
    Snapshots,
    /// Unique values belong to streams that are there
    UniqueValues,
    /// Tags point at events of their name
    Tags,
    /// Instances of sagas and process managers have a stream
    Sagas,
    /// Cursors, checkpoints and parked events point at events that are there
    Readers,
    /// Events have a name and a version of the locks that --lock names, and the shape of it
    Lock,
    /// Events are decoded by the application's types; snapshots, unique values and tags agree with them. Only the
    /// program of an application does this
    Types,
}

pub(super) const CHECKS: &[Check] = &[
    Check::File,
    Check::Events,
    Check::Streams,
    Check::Appends,
    Check::Snapshots,
    Check::UniqueValues,
    Check::Tags,
    Check::Sagas,
    Check::Readers,
    Check::Lock,
    Check::Types,
];

impl Check {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Events => "events",
            Self::Streams => "streams",
            Self::Appends => "appends",
            Self::Snapshots => "snapshots",
            Self::UniqueValues => "unique-values",
            Self::Tags => "tags",
            Self::Sagas => "sagas",
            Self::Readers => "readers",
            Self::Lock => "lock",
            Self::Types => "types",
        }
    }

    /// Whether it reads events in the order of their positions, so that it can begin after one. Events never change, so
    /// what was checked once need not be checked again.
    pub(super) const fn is_by_position(self) -> bool {
        matches!(self, Self::Events | Self::Lock)
    }
}

/// Where problems are reported.
pub(crate) struct Report<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) check: Check,
    /// In this check, and in all.
    pub(super) problems: u64,
    pub(super) all: u64,
    pub(crate) looked_at: u64,
    pub(super) say: &'a dyn Fn(&str) -> Result<(), Error>,
}

/// After so many events it says how far it is, so that a check that was interrupted goes on there.
const PROGRESS: u64 = 100_000;

impl Report<'_> {
    /// One more event, of a check in the order of positions.
    pub(crate) fn event(&mut self, position: i64) -> Result<(), Error> {
        self.looked_at += 1;
        if self.looked_at % PROGRESS == 0 {
            let check = self.check.name();
            let position = es_tables::position::text(position);
            (self.say)(&format!("{check}: at position {position}"))?;
        }
        Ok(())
    }

    pub(crate) fn problem(&mut self, place: &str, problem: &str) -> Result<(), Error> {
        self.problems += 1;
        self.all += 1;
        self.rows
            .row(&[self.check.name().into(), place.into(), problem.into()])
    }
}
