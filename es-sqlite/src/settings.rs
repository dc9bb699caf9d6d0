//! The settings that the threads of one store share.

use crate::{inline::Registered, log::Log, rules::Absent, rules::KnownRules};
use es_runtime::{Limits, Timestamp};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// The name of this kind of store in metrics.
pub(crate) const NAME: &str = "sqlite";

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// A power failure: an append returns `Ok` after the disk has confirmed the data
    /// (`synchronous=FULL`). Appends that wait at the same time share one such sync.
    #[default]
    Full,
    /// A crash of the process, not a power failure (`synchronous=NORMAL`): after a power failure the newest
    /// acknowledged appends may be missing. Each append is there completely or not at all.
    Normal,
}

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The settings of one store, shared by its threads.
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    pub(crate) log: Log,
    pub(crate) busy_timeout: Duration,
    /// How long a statement of a handler may take.
    #[cfg_attr(
        not(feature = "projections"),
        allow(dead_code, reason = "only handlers need it")
    )]
    pub(crate) statement_timeout: Duration,
    pub(crate) reader_threads: usize,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// What the writer knows of the rules of unique values and the kinds of tags.
    pub(crate) rules: KnownRules,
    pub(crate) absent: Absent,
    pub(crate) durability: Durability,
    pub(crate) read_only: bool,
    /// Whether the tables are made that a store usually makes when it first needs one.
    pub(crate) all_tables: bool,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) inline: Registered,
    /// Whether the file is a store; otherwise it holds read models only.
    pub(crate) holds_events: bool,
}
