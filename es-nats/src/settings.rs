//! What a stream of JetStream must have, whoever has made or changed it.

use crate::subject::Subjects;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};
use es_runtime::{StorageError, StorageErrorKind};

/// Whether a setting is right, what is wrong with another one, and what it has to be.
type Check = (bool, &'static str, &'static str);

/// A limit that is not there.
const fn unlimited(limit: i64) -> bool {
    limit <= 0
}

/// What both streams must have: they are written and read by this store only, and survive the loss of a machine.
fn of_both(config: &Config, subjects: &str, replicas: usize) -> [Check; 8] {
    [
        (
            config.storage == StorageType::File,
            "its storage is not on files",
            "`--storage file`",
        ),
        (
            config.retention == RetentionPolicy::Limits,
            "it removes messages that were read",
            "`--retention limits`",
        ),
        (
            config.num_replicas >= replicas,
            "it has too few replicas",
            "`--replicas 3`",
        ),
        (
            !config.no_ack,
            "it acknowledges nothing",
            "acknowledgements",
        ),
        (
            !config.sealed,
            "it is sealed",
            "a stream that can be written",
        ),
        (
            config.mirror.is_none() && config.sources.as_ref().is_none_or(Vec::is_empty),
            "it takes messages of other streams",
            "no mirror and no sources",
        ),
        (
            config.subject_transform.is_none(),
            "it renames subjects",
            "no subject transform",
        ),
        (
            config.subjects == [subjects],
            "it has other subjects",
            "the subjects of this store only",
        ),
    ]
}

/// Compares the configuration that the server has with the one that loses no event.
///
/// # Errors
/// [`StorageErrorKind::CannotOpen`]: one setting loses or hides events.
pub(crate) fn check_events(
    config: &Config,
    subjects: &Subjects,
    replicas: usize,
) -> Result<(), StorageError> {
    let checks = [
        (
            unlimited(config.max_messages)
                && unlimited(config.max_messages_per_subject)
                && config.max_age.is_zero(),
            "it removes old messages",
            "no limit of messages, messages per subject and age",
        ),
        (
            unlimited(config.max_bytes) || config.discard == DiscardPolicy::New,
            "it removes old messages when it is full",
            "`--discard new`",
        ),
        (
            config.deny_delete,
            "its messages can be deleted",
            "`--deny-delete`, when it is created",
        ),
        (
            config.allow_direct,
            "it has no direct reads",
            "`--allow-direct`",
        ),
        (
            config.allow_atomic_publish,
            "it has no atomic batches, so one of its servers may be older than 2.12",
            "`allow_atomic`, on servers 2.12 or newer",
        ),
        (
            !matches!(config.persist_mode, Some(PersistenceMode::Async)),
            "it acknowledges before it writes",
            "no `persist_mode: async`",
        ),
        (
            !config.allow_message_ttl,
            "its messages can expire",
            "no `allow_msg_ttl`",
        ),
        (
            !config.allow_rollup,
            "its messages can replace others",
            "no `allow_rollup_hdrs`",
        ),
    ];
    let both = of_both(config, &subjects.all(), replicas);
    refuse(
        subjects.name(),
        "loses or hides events",
        both.into_iter().chain(checks),
    )
}

/// Compares the configuration that the server has with the one that keeps the newest snapshot of each stream. Limits of
/// age and bytes are accepted: a snapshot that is removed is made again.
///
/// # Errors
/// [`StorageErrorKind::CannotOpen`]: with one setting snapshots cannot be kept or read, or they fill the disk.
pub(crate) fn check_snapshots(
    config: &Config,
    subjects: &Subjects,
    replicas: usize,
) -> Result<(), StorageError> {
    let checks = [
        (
            config.max_messages_per_subject == 1,
            "it keeps more than the newest snapshot of each stream, or none",
            "`--max-msgs-per-subject 1`",
        ),
        (
            config.discard == DiscardPolicy::Old
                || unlimited(config.max_messages) && unlimited(config.max_bytes),
            "it refuses new snapshots when it is full",
            "`--discard old`",
        ),
        (
            !config.deny_purge,
            "its snapshots cannot be removed",
            "no `--deny-purge`; delete it, and the store makes a new one",
        ),
    ];
    let both = of_both(config, &subjects.all_snapshots(), replicas);
    refuse(
        &subjects.snapshots(),
        "does not keep snapshots as it should",
        both.into_iter().chain(checks),
    )
}

fn refuse(
    stream: &str,
    does: &str,
    checks: impl IntoIterator<Item = Check>,
) -> Result<(), StorageError> {
    match checks.into_iter().find(|(is_right, ..)| !is_right) {
        None => Ok(()),
        Some((_, what, needs)) => Err(StorageError::new(
            StorageErrorKind::CannotOpen,
            format!(
                "stream {stream} of JetStream {does}: {what}; it needs {needs} (`nats stream edit {stream}`)"
            ),
        )),
    }
}
