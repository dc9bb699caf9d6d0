//! The settings that the threads of one store share.

use crate::SqliteReadDatabase;
use es_projections::backend::InlineProjection;
use es_runtime::{Limits, Timestamp};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// The loss of power: `Ok` comes after the disk said that the data is on it
    /// (`synchronous=FULL`). Appends that wait at the same time share one such sync.
    #[default]
    Full,
    /// The death of the process, not the loss of power: the newest acknowledged appends may be gone
    /// after that, never half of one (`synchronous=NORMAL`).
    Normal,
}

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the threads of one store need to know.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
    pub(crate) reader_threads: usize,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) durability: Durability,
    pub(crate) read_only: bool,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) inline: Vec<InlineProjection<SqliteReadDatabase>>,
    /// Whether it is a store; otherwise only read models are in the file.
    pub(crate) holds_events: bool,
}
