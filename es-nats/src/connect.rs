//! Opening a store: connecting, creating the streams, and refusing what loses acknowledged events.

use crate::{
    address::Address,
    durability::{Durability, Syncs},
    failure::{Failure, Refusal},
    identity::Identity,
    login, monitor,
    options::NatsOptions,
    settings,
    shared::Shared,
    snapshots,
    subject::Subjects,
    transfer,
    wire::Wire,
};
use async_nats::{
    Client,
    jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType},
};
use es_runtime::{EventId, StorageError, StorageErrorKind};
use futures_util::future::join_all;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// The servers that are new enough: those whose replicas compare expected sequences (2.10), which have atomic batches
/// (2.12), and which compare each of several guards of a batch (nats-server issue 8376).
const fn is_sound(major: u64, minor: u64, patch: u64) -> bool {
    match (major, minor) {
        (2, 12) => patch >= 14,
        (2, 14) => patch >= 4,
        (2, minor) => minor > 14,
        (major, _) => major > 2,
    }
}

/// What a message may have besides payloads.
const ROOM: usize = 1024 * 1024;
pub(crate) const STORE_ID: &str = "es-store-id";
/// The id of the store that this one is a copy of.
pub(crate) const COPY_OF: &str = "es-copy-of";
/// The sequence from which on messages of tags count, where a copy has written them anew.
pub(crate) const TAGS_FROM: &str = "es-tags-from";
/// Set while the store is being filled.
pub(crate) const FILLING: &str = "es-filling";

pub(crate) async fn open(
    options: NatsOptions,
    address: &Address,
) -> Result<Arc<Shared>, StorageError> {
    let options = address.onto(options).await?;
    let subjects = Subjects::new(&options.stream)?;
    let syncs = check_servers(&options).await?;
    // A server that says nothing any more is left for another one in time for the call that waits.
    let connect = login::of(options.connect, &address.servers)
        .ping_interval((options.patience / 6).max(Duration::from_secs(1)));
    let connecting = connect.connect(address.servers.clone());
    let connected = tokio::time::timeout(options.patience, connecting).await;
    let unreachable = |what: String| StorageError::new(StorageErrorKind::Unreachable, what);
    let connected = connected.map_err(|_| unreachable(format!("no server answers: {address}")))?;
    let client = connected.map_err(|error| {
        unreachable(format!("no connection to {address}: {error}")).with_source(error)
    })?;
    check_version(&client)?;
    let needed = options.limits.append_bytes.saturating_add(ROOM);
    if client.max_payload() < needed {
        return Err(max_payload(client.max_payload(), needed));
    }
    let wire = Wire {
        client,
        stream: subjects.name().to_owned(),
        answer: options.answer.min(options.patience),
        patience: options.patience,
    };
    let creates = options.creates && !options.read_only;
    let info = stream(&wire, &config(&subjects, options.replicas), creates).await?;
    settings::check_events(&info.config, &subjects, options.replicas)?;
    if info.config.metadata.contains_key(FILLING) && !options.fills {
        return Err(cannot_open(format!(
            "stream {} is being filled by `es copy` or `es import`, which has not ended: run that again",
            subjects.name()
        )));
    }
    let store_id = info.config.metadata.get(STORE_ID).cloned();
    let store_id = store_id.ok_or_else(|| {
        cannot_open(format!(
            "stream {} was not made by this crate: it has no `{STORE_ID}` in its metadata; let the store create it",
            subjects.name()
        ))
    })?;
    let snapshots = wire.to(subjects.snapshots());
    let snapshot_config = snapshots::config(&subjects, options.replicas);
    match stream(&snapshots, &snapshot_config, creates).await {
        Ok(info) => settings::check_snapshots(&info.config, &subjects, options.replicas)?,
        // They may be lost, and whoever only reads cannot make the stream.
        Err(error) if options.read_only && error.kind == StorageErrorKind::Missing => {}
        Err(error) => return Err(error),
    }
    let durability = Durability {
        replicas: info.config.num_replicas,
        syncs,
    };
    let shared = Shared::new(
        wire,
        subjects,
        options.limits,
        Identity::new(store_id, &info),
        durability,
        options.read_only,
        options.clock,
        options.erased,
    );
    shared.tags_count_from(transfer::tags_from(&info.config.metadata));
    Ok(Arc::new(shared))
}

fn cannot_open(what: String) -> StorageError {
    StorageError::new(StorageErrorKind::CannotOpen, what)
}

fn max_payload(has: usize, needs: usize) -> StorageError {
    cannot_open(format!(
        "the server takes messages of {has} bytes, and an append may need {needs}; set `max_payload: 8MB` in the server's \
         configuration, or lower `Limits::append_bytes`"
    ))
}

/// Whether the server that is connected now is new enough. A client may meet another one after it has reconnected.
///
/// # Errors
/// It is too old.
pub(crate) fn check_version(client: &Client) -> Result<(), StorageError> {
    // Without a server yet there is nobody to be too old, and nothing is written either.
    let server = client.try_server_info();
    server.map_or(Ok(()), |server| check_version_text(&server.version))
}

fn check_version_text(version: &str) -> Result<(), StorageError> {
    // A release that is not the final one counts as that one.
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(|part| part.parse::<u64>().ok());
    let mut number = || numbers.next().flatten();
    let parts = (number(), number(), number());
    if matches!(parts, (Some(major), Some(minor), Some(patch)) if is_sound(major, minor, patch)) {
        return Ok(());
    }
    let what = format!(
        "nats-server {version} is too old: it must be 2.12.14, 2.14.4, 2.15 or newer on every node, because older ones let \
         two writers win, store half a commit, or do not compare all that a commit has read"
    );
    Err(StorageError::new(StorageErrorKind::Version, what))
}

/// Asks each server for its version and when it syncs. As many may be down as the replicas survive: programs start while the
/// others go on.
async fn check_servers(options: &NatsOptions) -> Result<Syncs, StorageError> {
    if options.monitoring.is_empty() {
        if options.accepts_unchecked {
            return Ok(Syncs::Unchecked);
        }
        return Err(cannot_open(
            "nobody knows when the servers sync: with the default, every two minutes, a loss of power loses acknowledged \
             events; name the monitoring address of each server with `NatsOptions::monitoring`, or accept it with \
             `NatsOptions::unchecked_syncs`"
                .to_owned(),
        ));
    }
    if options.monitoring.len() < options.replicas {
        return Err(cannot_open(format!(
            "{} monitoring addresses for {} replicas: name that of each server",
            options.monitoring.len(),
            options.replicas
        )));
    }
    let mut longest: Option<Duration> = None;
    let may_be_down = options.replicas.saturating_sub(1) / 2;
    let mut down = 0;
    // At the same time, so that one that is silent does not hold up the others.
    let asked = options.monitoring.iter().map(|url| monitor::ask(url));
    for (url, asked) in options.monitoring.iter().zip(join_all(asked).await) {
        let server = match asked {
            Ok(server) => server,
            Err(error) if error.kind == StorageErrorKind::Unreachable => {
                down += 1;
                if down > may_be_down {
                    return Err(error);
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        check_version_text(&server.version)?;
        let needed = options.limits.append_bytes.saturating_add(ROOM);
        if server.max_payload < needed {
            return Err(max_payload(server.max_payload, needed));
        }
        if server.sync_always {
            continue;
        }
        if !options.accepts_intervals {
            return Err(cannot_open(format!(
                "the server at {url} syncs every {:?}, so a loss of power loses acknowledged events; set `sync_interval: \
                 always` in `jetstream {{ .. }}` of its configuration, or accept it with `NatsOptions::interval_syncs`",
                server.sync_interval
            )));
        }
        longest = longest.max(Some(server.sync_interval));
    }
    Ok(match (longest, down) {
        (Some(interval), _) => Syncs::Every(interval),
        (None, 0) => Syncs::Always,
        (None, _) => Syncs::AlwaysOnMajority,
    })
}

/// The configuration of the stream of events.
fn config(subjects: &Subjects, replicas: usize) -> Config {
    Config {
        name: subjects.name().to_owned(),
        subjects: vec![subjects.all()],
        num_replicas: replicas,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        deny_delete: true,
        allow_direct: true,
        allow_atomic_publish: true,
        duplicate_window: Duration::from_secs(120),
        metadata: HashMap::from([(STORE_ID.to_owned(), EventId::new().to_string())]),
        ..Config::default()
    }
}

/// The stream, which is created where it is missing and may be.
async fn stream(wire: &Wire, config: &Config, creates: bool) -> Result<Info, StorageError> {
    let failure = match wire.info().await {
        Ok(info) => return Ok(info),
        Err(failure) => failure,
    };
    let what = format!("stream {} of JetStream", config.name);
    if failure.code() != Some(Refusal::NO_STREAM) || !creates {
        return Err(named(&what, failure));
    }
    let config = serde_json::to_value(config).map_err(|error| {
        cannot_open(format!(
            "the configuration of a stream cannot be written: {error}"
        ))
    })?;
    let mut attempts = wire.attempts();
    loop {
        match wire.api::<Info>("STREAM.CREATE", &config).await {
            Ok(_) => break,
            // Another process has just made it, with an id of its own.
            Err(failure) if failure.code() == Some(Refusal::OTHER_CONFIG) => break,
            Err(failure) => {
                // A cluster that has just begun has no peers for a moment.
                let is_young = failure.code() == Some(Refusal::NO_PEERS);
                let again = (is_young || failure.is_for_now()) && attempts.again().await;
                if !again {
                    return Err(named("the stream of JetStream cannot be created", failure));
                }
            }
        }
    }
    // What the server has made of it. Another one may not have heard of it yet.
    loop {
        match wire.info().await {
            Err(failure)
                if failure.code() == Some(Refusal::NO_STREAM) && attempts.again().await => {}
            info => return info.map_err(|failure| named(&what, failure)),
        }
    }
}

fn named(what: &str, failure: Failure) -> StorageError {
    let error = StorageError::from(failure);
    let kind = match error.kind {
        StorageErrorKind::Other => StorageErrorKind::CannotOpen,
        kind => kind,
    };
    StorageError::new(kind, format!("{what}: {}", error.message)).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::check_version_text;

    #[test]
    fn servers_that_are_not_sound_are_refused() {
        for good in [
            "2.12.14",
            "2.12.15",
            "2.14.4",
            "2.15.1",
            "2.15.0-RC.1",
            "3.0.0",
            "10.1.2",
        ] {
            assert!(check_version_text(good).is_ok(), "{good}");
        }
        for old in [
            "2.11.99", "2.9.10", "2.12.13", "2.13.99", "2.14.3", "1.99.0", "", "2", "2.15", "next",
            "2.x.1",
        ] {
            let error = check_version_text(old).unwrap_err();
            assert!(error.to_string().contains("2.12"), "{old}");
        }
    }
}
