//! The names of streams, and the version that a writer expects.

use es_record::has_control;
use std::{fmt, sync::Arc};

/// The greatest length of either half of a stream id, in bytes.
pub const MAX_STREAM_ID_BYTES: usize = es_record::MAX_STREAM_ID_BYTES;

/// The name of one stream: the stored name of the aggregate and the text of the id.
///
/// ```
/// use es_runtime::StreamId;
///
/// let stream = StreamId::new("order", "4711")?;
/// assert_eq!(stream.to_string(), "order/4711");
/// assert!(StreamId::new("order", "").is_err());
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    aggregate: Arc<str>,
    id: Arc<str>,
}

impl StreamId {
    /// The stream of `aggregate` (a stored name) and `id`.
    ///
    /// # Errors
    /// [`InvalidStreamId`] when either text is empty, longer than [`MAX_STREAM_ID_BYTES`] or has a
    /// control character.
    pub fn new(aggregate: &str, id: &str) -> Result<Self, InvalidStreamId> {
        for (part, text) in [("aggregate name", aggregate), ("id", id)] {
            let problem = if text.is_empty() {
                Some(StreamIdProblem::Empty)
            } else if text.len() > MAX_STREAM_ID_BYTES {
                Some(StreamIdProblem::TooLong { bytes: text.len() })
            } else if has_control(text) {
                Some(StreamIdProblem::ControlCharacter)
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(InvalidStreamId { part, problem });
            }
        }
        Ok(Self {
            aggregate: aggregate.into(),
            id: id.into(),
        })
    }

    /// The aggregate's stored name.
    pub fn aggregate(&self) -> &str {
        &self.aggregate
    }

    /// The text of the id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate, self.id)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({self})")
    }
}

/// A text that cannot be part of a stream id. Nothing was read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("the {part} of a stream {problem}")]
pub struct InvalidStreamId {
    /// Which half: `aggregate name` or `id`.
    pub part: &'static str,
    /// What is wrong with it.
    pub problem: StreamIdProblem,
}

/// What is wrong with one half of a stream id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamIdProblem {
    /// There is no text.
    #[error("must not be empty")]
    Empty,
    /// The text is too long.
    #[error("has {bytes} bytes, more than {MAX_STREAM_ID_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text has a control character; NUL and line ends are some.
    #[error("has a control character")]
    ControlCharacter,
}

/// The version that a writer expects a stream to have. Versions count from 1; 0 is the empty stream.
///
/// The enum is exhaustive on purpose: a store that ignores a case would accept wrong appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectedVersion {
    /// Any version.
    Any,
    /// The stream has no events yet.
    NoStream,
    /// The stream has at least one event.
    StreamExists,
    /// The stream has exactly this many events.
    Exact(u64),
}

impl ExpectedVersion {
    /// The expectation of a writer who read the stream up to this version, 0 for a stream without events.
    ///
    /// ```
    /// use es_runtime::ExpectedVersion;
    /// assert_eq!(ExpectedVersion::at(0), ExpectedVersion::NoStream);
    /// assert_eq!(ExpectedVersion::at(3), ExpectedVersion::Exact(3));
    /// ```
    pub const fn at(version: u64) -> Self {
        match version {
            0 => Self::NoStream,
            version => Self::Exact(version),
        }
    }

    /// Whether a stream at version `actual` is as expected.
    ///
    /// ```
    /// use es_runtime::ExpectedVersion;
    /// assert!(ExpectedVersion::Exact(3).accepts(3));
    /// assert!(!ExpectedVersion::NoStream.accepts(1));
    /// ```
    pub const fn accepts(self, actual: u64) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual == 0,
            Self::StreamExists => actual > 0,
            Self::Exact(version) => actual == version,
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Exact(version) => write!(f, "version {version}"),
        }
    }
}
