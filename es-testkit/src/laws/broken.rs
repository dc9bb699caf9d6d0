//! The laws by their names, and how one was broken.

use std::fmt;

/// A law that holds for every aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// Commands through a [`Repository`](es_runtime::Repository) get the answers, and a load gives the state, that
    /// `handle` and `apply` give without one: with a cache of states and without.
    ReplayEqualsLive,
    /// At every version the state can be kept in a snapshot, and the snapshot with the events after it gives the
    /// state of the whole stream, which answers every command in the same way. It holds for aggregates without
    /// snapshots.
    SnapshotsEqualReplay,
    /// Every event is read back as it was written, those that commands lead to and those that stored payloads are
    /// read as.
    EventsAreReadBack,
    /// Every older version of every event is read, and two payloads that differ in a field which the newest version
    /// has too are read as two different events.
    OldVersionsAreUpcast,
    /// Neither `handle` nor `apply` panics.
    NothingPanics,
    /// The same commands give the same events and states: again, in another thread, and with other hash seeds.
    Deterministic,
    /// A rejected command leaves the state as it was, and so does every `handle`.
    RejectionsChangeNothing,
    /// A command leads to no unique value and no tag that a store refuses: a unique value has at most 512 bytes, and a tag has from 1 to
    /// 256 and no control character.
    UniqueValuesAndTagsFit,
    /// Each command is accepted in some history. Otherwise the other laws say little about its events.
    CommandsAreAccepted,
    /// A rebuilt projection has the rows that it had while it followed the events.
    RebuiltEqualsLive,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReplayEqualsLive => "a replay equals what a command saw",
            Self::SnapshotsEqualReplay => "a snapshot and the events after it equal a replay",
            Self::EventsAreReadBack => "events are read back as they were written",
            Self::OldVersionsAreUpcast => "older versions are upcast, and lose nothing",
            Self::NothingPanics => "no command and no event panics",
            Self::Deterministic => "commands and events are deterministic",
            Self::RejectionsChangeNothing => "a rejected command changes nothing",
            Self::UniqueValuesAndTagsFit => "unique values and tags fit their limits",
            Self::CommandsAreAccepted => "every command is accepted in some history",
            Self::RebuiltEqualsLive => "a rebuilt projection equals the live one",
        })
    }
}

/// A law does not hold, with the shortest history that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{aggregate}: this law does not hold: {law}\n\n{history}\n{reason}")]
#[non_exhaustive]
pub struct Broken {
    /// The stored name of the aggregate.
    pub aggregate: &'static str,
    /// The law.
    pub law: Law,
    /// What differs.
    pub reason: String,
    /// The commands with the events that they lead to, numbered, or the stored events.
    pub history: String,
    /// How many commands or stored events these are.
    pub steps: usize,
}
