//! The settings that the threads of one store share.

use crate::inline::Registered;
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
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
    pub(crate) reader_threads: usize,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) durability: Durability,
    pub(crate) read_only: bool,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) inline: Registered,
    /// Whether the file is a store; otherwise it holds read models only.
    pub(crate) holds_events: bool,
}
