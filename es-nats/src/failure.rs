//! Why a request to the server has no result, and whether it is worth to make it again.

use async_nats::RequestError;
use es_runtime::{StorageError, StorageErrorKind};
use serde::Deserialize;

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused it. Nothing was done.
    Refused(Refusal),
    /// Nobody answers for the stream now, which has no leader. Nothing was done.
    NoLeader,
    /// Other batches of this process took all the time. Nothing was sent.
    Waited,
    /// It is larger than the server accepts. Nothing was sent.
    TooLarge,
    /// Its subject is longer than the server accepts. Nothing was sent.
    LongSubject,
    /// There was no answer. It was done or not, or will be.
    Lost(RequestError),
    /// The answer cannot be read. It was done or not.
    Strange(String),
}

/// The error of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

impl Refusal {
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10_071;
    /// A write to a subject that is compared is in progress.
    pub(crate) const IN_PROGRESS: u64 = 10_164;
    pub(crate) const NO_MESSAGE: u64 = 10_037;
    pub(crate) const NO_META_LEADER: u64 = 10_008;
    pub(crate) const NO_LEADER: u64 = 10_009;
    pub(crate) const NO_STREAM: u64 = 10_059;
    pub(crate) const OTHER_CONFIG: u64 = 10_058;
    /// No server has a place for a stream, as in a cluster that has just begun.
    pub(crate) const NO_PEERS: u64 = 10_005;

    /// Whether the same request may be done a moment later: another one is in progress, or there is no leader.
    pub(crate) const fn is_for_now(&self) -> bool {
        matches!(
            self.err_code,
            Self::NO_META_LEADER
                | Self::NO_LEADER
                | 10_158
                | 10_163
                | Self::IN_PROGRESS
                | 10_167
                | 10_176
                | 10_210
                | 10_226
        )
    }
}

impl Failure {
    pub(crate) fn code(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => Some(refusal.err_code),
            _ => None,
        }
    }

    /// Whether it may have been done.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Strange(_))
    }

    /// Whether it is worth to try the same again.
    pub(crate) const fn is_for_now(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_for_now(),
            Self::NoLeader | Self::Waited | Self::Lost(_) => true,
            Self::TooLarge | Self::LongSubject | Self::Strange(_) => false,
        }
    }
}

/// The two reasons why a stream has no leader, which look the same to a client, and what to do.
const NOBODY: &str = "nobody leads the stream: fewer than a majority of its replicas are there, or they elect a leader; start the \
                      servers that are down";

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => {
                let kind = match refusal.err_code {
                    10_002 | 10_023 | 10_028 | 10_047 | 10_077 | 10_122 => StorageErrorKind::Full,
                    Refusal::NO_STREAM => StorageErrorKind::Missing,
                    _ if refusal.is_for_now() => StorageErrorKind::Unreachable,
                    _ => StorageErrorKind::Other,
                };
                let Refusal {
                    err_code,
                    description,
                } = refusal;
                let said = format!("{description} ({err_code})");
                Self::new(
                    kind,
                    match err_code {
                        Refusal::NO_META_LEADER | Refusal::NO_LEADER => format!("{NOBODY}; {said}"),
                        Refusal::NO_PEERS => format!(
                            "the server refused it: {said}; a new stream needs a server for each of its replicas: start \
                             the servers that are down"
                        ),
                        _ => format!("the server refused it: {said}"),
                    },
                )
            }
            Failure::NoLeader => Self::new(StorageErrorKind::Unreachable, NOBODY),
            Failure::Waited => Self::new(
                StorageErrorKind::Unreachable,
                "other batches of this process wait for an answer of the server; it is slow, or fewer than a majority of its \
                 replicas are there: start the servers that are down",
            ),
            Failure::TooLarge => Self::new(
                StorageErrorKind::Other,
                "it is larger than `max_payload` of the server",
            ),
            Failure::LongSubject => Self::new(
                StorageErrorKind::Unsupported,
                "a name, an id or a value in it is too long to be a subject of NATS",
            ),
            Failure::Lost(error) => {
                let what = format!(
                    "no answer from the server: {error}; it is slow, or fewer than a majority of its replicas are there: start \
                     the servers that are down"
                );
                Self::new(StorageErrorKind::Unreachable, what).with_source(error)
            }
            Failure::Strange(what) => Self::new(StorageErrorKind::Other, what),
        }
    }
}
