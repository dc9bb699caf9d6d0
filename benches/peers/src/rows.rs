//! What is measured, and of whom.

/// The groups of rows. A program measures one in a run.
pub(crate) const GROUPS: [&str; 9] = [
    "memory",
    "sqlite-full",
    "sqlite-normal",
    "sqlite",
    "sqlite-feed",
    "file-decisions",
    "postgres-full",
    "postgres",
    "postgres-decisions",
];

/// The subject that all others are compared with.
pub(crate) const US: &str = "es-runtime";

pub(crate) const PEERS: [&str; 5] = ["cqrs-es", "evento", "esrs", "disintegrate", "umadb"];

/// The baselines with the heads of their columns.
pub(crate) const BASELINES: [(&str, &str); 3] = [
    ("same", "the same work by hand"),
    ("bare", "bare, by hand"),
    ("connections", "a connection each, by hand"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Events,
    Commands,
    Decisions,
    Microseconds,
    MicrosecondsOfProcessor,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events/s",
            Self::Commands => "commands/s",
            Self::Decisions => "decisions/s",
            Self::Microseconds => "µs",
            Self::MicrosecondsOfProcessor => "µs of processor each",
        }
    }

    /// How fast `value` is.
    pub(crate) fn speed(self, value: f64) -> f64 {
        match self {
            Self::Events | Self::Commands | Self::Decisions => value,
            Self::Microseconds | Self::MicrosecondsOfProcessor => 1.0 / value,
        }
    }
}

pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
}

pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) rows: &'static [Row],
}

const fn row(id: &'static str, title: &'static str, unit: Unit) -> Row {
    Row { id, title, unit }
}

use Unit::{Commands, Decisions, Events, Microseconds, MicrosecondsOfProcessor};

/// The rows of appends and commands of a group; `$same` is the title of the processor time.
macro_rules! writes {
    ($group:literal, $same:literal) => {
        &[
            row(concat!($group, "-append-1"), "appends of 1 event", Events),
            row(
                concat!($group, "-append-10"),
                "appends of 10 events",
                Events,
            ),
            row(
                concat!($group, "-append-100"),
                "appends of 100 events",
                Events,
            ),
            row(
                concat!($group, "-command-1"),
                "commands, 1 caller",
                Commands,
            ),
            row(
                concat!($group, "-command-1-cpu"),
                $same,
                MicrosecondsOfProcessor,
            ),
            row(
                concat!($group, "-command-32"),
                "commands, 32 callers",
                Commands,
            ),
            row(
                concat!($group, "-command-32-cpu"),
                $same,
                MicrosecondsOfProcessor,
            ),
            row(
                concat!($group, "-command-32-cached"),
                "commands, 32 callers, cached states",
                Commands,
            ),
            row(
                concat!($group, "-command-32-cached-cpu"),
                $same,
                MicrosecondsOfProcessor,
            ),
        ]
    };
}

/// The rows of loads of a group.
macro_rules! loads {
    ($group:literal) => {
        &[
            row(concat!($group, "-load-10"), "10 events", Microseconds),
            row(concat!($group, "-load-1000"), "1,000 events", Microseconds),
            row(
                concat!($group, "-load-100000"),
                "100,000 events",
                Microseconds,
            ),
            row(
                concat!($group, "-load-snapshot"),
                "100,000 events with a snapshot",
                Microseconds,
            ),
        ]
    };
}

/// The rows of decisions of a group.
macro_rules! decisions {
    ($group:literal) => {
        &[
            row(concat!($group, "-1"), "1 caller", Decisions),
            row(concat!($group, "-32"), "32 callers, own courses", Decisions),
            row(concat!($group, "-hot"), "32 callers, one course", Decisions),
        ]
    };
}

pub(crate) const SECTIONS: [Section; 9] = [
    Section {
        title: "Memory",
        rows: &[
            row("memory-command-1", "commands, 1 caller", Commands),
            row("memory-command-1-cpu", "the same", MicrosecondsOfProcessor),
            row(
                "memory-replay",
                "replay of 100,000 events from JSON",
                Events,
            ),
        ],
    },
    Section {
        title: "SQLite, synchronous = FULL",
        rows: writes!("sqlite-full", "the same"),
    },
    Section {
        title: "SQLite, synchronous = NORMAL",
        rows: writes!("sqlite-normal", "the same"),
    },
    Section {
        title: "SQLite, loads",
        rows: loads!("sqlite"),
    },
    Section {
        title: "SQLite, read models",
        rows: &[
            row("sqlite-feed", "feed in pages of 1,000", Events),
            row(
                "sqlite-projection",
                "projection, a row for each event",
                Events,
            ),
            row("sqlite-subscription", "subscription, a sum", Events),
        ],
    },
    Section {
        title: "Decisions in a file, each commit synced",
        rows: decisions!("file-decisions"),
    },
    Section {
        title: "PostgreSQL, synchronous_commit = on",
        rows: writes!("postgres-full", "the same, client"),
    },
    Section {
        title: "PostgreSQL, loads",
        rows: loads!("postgres"),
    },
    Section {
        title: "Decisions on PostgreSQL, synchronous_commit = on",
        rows: decisions!("postgres-decisions"),
    },
];

/// Why a peer has no result.
pub(crate) fn why_empty(peer: &str, row: &str) -> &'static str {
    match (peer, row) {
        (_, row) if row.contains("-cached") => "no cached states",
        ("disintegrate", row) if row.starts_with("file-decisions") => "PostgreSQL only",
        ("umadb", row) if row.starts_with("postgres-decisions") => "files only",
        ("umadb", row) if !row.contains("-decisions") => "decisions only",
        ("cqrs-es" | "evento" | "esrs", row) if row.contains("-decisions") => {
            "one aggregate at a time"
        }
        ("evento", row) if row.starts_with("memory") => "no store in memory",
        ("esrs" | "disintegrate", row) if !row.starts_with("postgres") => "PostgreSQL only",
        ("esrs", "postgres-load-snapshot") => "no snapshots",
        ("evento", row) if row.ends_with("load-100000") => "65,535 events at most",
        ("evento" | "cqrs-es", "sqlite-feed") => "no pages of a feed",
        ("evento", row) if row.ends_with("load-snapshot") => "of 1,000 events",
        _ => "failed",
    }
}
