//! What a statement reads of the events, for a store that has to fetch them first.

/// What the next statement reads. Without it all of the store may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "nats"),
    allow(dead_code, reason = "databases read their tables")
)]
pub(crate) enum Need {
    /// The events of one stream.
    Stream { aggregate: String, id: String },
    /// The events after one position and up to another one.
    Range(i64, i64),
    /// The first event at a position or after it.
    From(i64),
}

impl Need {
    pub(crate) fn stream(aggregate: &str, id: &str) -> Self {
        Self::Stream {
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
        }
    }
}
