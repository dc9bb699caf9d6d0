//! Turns a rule of unique values on for events that are stored already.

use es_runtime::{
    AnyStore, DecodeError, Decoded, EventFilter, EventSet, EventStore, InvalidTags, OnDuplicates,
    Position, ReadError, ReadLimit, RecordedEvent, StorageError, StreamId, UniqueWalk,
    UniqueWalked, WalkedChange,
};

/// Events of one step. An append waits for a step at most.
pub(crate) const STEP: usize = 500;

/// Turns a rule of unique values on for all events of a set that have it, also those that are stored already.
///
/// A rule of an event that is new in a store needs no call: it is on from the first event. Until a rule is on, events
/// are stored and their values are not checked. Call this at each start of a program whose rule came later than its
/// events: where the rule is on, it costs one look.
///
/// It reads the events through their upcasters, in steps. Each step is stored with its position, so after a crash the
/// next call goes on there, and several programs may call it at once. The last step sees all events under the lock of
/// appends. From then on the store refuses what a program writes that does not know the rule; so deploy the rule
/// everywhere first.
///
/// Where two streams have one value the result is that the rule is not on, with the streams and positions. Give one of
/// them another value and call it again, or take [`OnDuplicates::FirstWins`].
///
/// # Errors
/// See [`TurnOnError`]. What was walked until then is stored.
///
/// # Cancel safety
/// The next call goes on where this one ended.
///
/// ```
/// use es_decisions::turn_on;
/// use es_runtime::{
///     AnyStore, Append, Codec, CodecError, DecodeError, Event, EventStore, ExpectedVersion,
///     MemoryStore, NewEvent, OnDuplicates, StoredPayload, StreamId, UniqueChange,
/// };
///
/// struct Registered(String);
///
/// impl Event for Registered {
///     const NAME: &'static str = "customer.registered";
///     const VERSION: u16 = 1;
///     const UNIQUE_RULES: &'static [&'static str] = &["customer.email"];
///
///     fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
///         codec.encode(&self.0)
///     }
///
///     fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError> {
///         let email = Codec::Json.decode(stored.bytes);
///         let unreadable = |source| DecodeError::Payload { name: Self::NAME, version: 1, source };
///         email.map(Self).map_err(unreadable)
///     }
///
///     fn unique(&self) -> Vec<UniqueChange> {
///         vec![UniqueChange::claim("customer.email", &*self.0)]
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let (store, alice) = (AnyStore::new(MemoryStore::new()), StreamId::new("customer", "1")?);
/// // Stored by a program without the rule.
/// let old = NewEvent::json("customer.registered", 1, r#""alice@example.com""#);
/// store.append(Append::new(alice.clone(), ExpectedVersion::NoStream).with_event(old)).await?;
///
/// let done = turn_on::<Registered>(&store, "customer.email", OnDuplicates::StayOff).await?;
/// assert!(done.is_on);
/// let holder = store.unique_holder("customer.email", "alice@example.com").await?;
/// assert_eq!(holder, Some(alice));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub async fn turn_on<S: EventSet>(
    store: &AnyStore,
    rule: &str,
    duplicates: OnDuplicates,
) -> Result<UniqueWalked, TurnOnError> {
    let ruled = S::UNIQUE_RULES.iter();
    let ruled = ruled.filter(|(_, rules)| rules.contains(&rule));
    let events: Vec<String> = ruled.map(|(event, _)| (*event).to_owned()).collect();
    if events.is_empty() {
        let rule = rule.to_owned();
        return Err(TurnOnError::NoSuchRule { rule });
    }
    let retired = S::RETIRED_NAMES.iter();
    let retired: Vec<String> = retired.map(|name| (*name).to_owned()).collect();
    let names = events.iter().chain(&retired).map(String::as_str);
    let filter = EventFilter::names(names);
    let mut look = UniqueWalk::new(rule, events.clone());
    look.retired.clone_from(&retired);
    let mut walked = store.walk_unique(look).await?;
    loop {
        if walked.is_on {
            return Ok(walked);
        }
        if walked.at == UniqueWalked::DONE {
            let rule = rule.to_owned();
            return Err(TurnOnError::OtherEvents { rule });
        }
        let page = store
            .read_feed(walked.at, &filter, ReadLimit::events(STEP))
            .await?;
        let mut step = UniqueWalk::new(rule, events.clone());
        step.retired.clone_from(&retired);
        step.from = walked.at;
        step.to = page.next;
        step.finish = page.at_end.then_some(duplicates);
        for stored in page.events {
            let decoded = decode::<S>(&stored)?;
            let changes = decoded.into_iter().flat_map(|event| event.unique());
            for change in changes.filter(|change| change.rule == rule) {
                let (stream, at) = (stored.stream.clone(), stored.recorded_at);
                step.changes
                    .push(WalkedChange::new(stream, stored.position, at, change));
            }
        }
        let to = step.to;
        walked = store.walk_unique(step).await?;
        if page.at_end && walked.at == to && !walked.is_on && !walked.duplicates.is_empty() {
            return Ok(walked);
        }
    }
}

/// The events that a stored one is read as.
pub(crate) fn decode<S: EventSet>(stored: &RecordedEvent) -> Result<Decoded<S>, TurnOnError> {
    let decoded = S::decode(&stored.name, stored.stored_payload());
    decoded.map_err(|source| TurnOnError::Decode {
        stream: stored.stream.clone(),
        position: stored.position,
        source,
    })
}

/// Why a rule, or the tags of a set, were not turned on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnOnError {
    /// No event of the set has the rule. Nothing was read or written.
    #[error("no event of the set has the rule `{rule}`; nothing was written; check its name")]
    NoSuchRule {
        /// The rule.
        rule: String,
    },
    /// The rule was turned on for other events of the set before, and there are older events of another name.
    #[error(
        "the rule `{rule}` was turned on for other events before, and not for all events of this set; nothing was \
         written; use a rule of another name for them"
    )]
    OtherEvents {
        /// The rule.
        rule: String,
    },
    /// The feed could not be read.
    #[error("{0}; nothing was turned on; call it again, and it goes on where it was")]
    Read(#[from] ReadError),
    /// This program cannot decode a stored event.
    #[error("stream {stream}, position {position}: {source}; nothing was turned on")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The position of the event.
        position: Position,
        /// The error of decoding.
        source: DecodeError,
    },
    /// A kind of tags of the set is empty, has a `:` or a control character, or has more than 64 bytes.
    #[error("`{kind}` cannot be a kind of tags; nothing was written; give it another name")]
    BadKind {
        /// The kind.
        kind: String,
    },
    /// A stored event has tags, as this program decodes it, that no event may have.
    #[error(
        "stream {stream}, position {position}: the event has {reason}; nothing was turned on; change what the event is decoded to, or \
         the text of its tags"
    )]
    Tags {
        /// The stream.
        stream: StreamId,
        /// The position of the event.
        position: Position,
        /// The bound.
        #[source]
        reason: InvalidTags,
    },
    /// The store could not do a step, or its answer was lost.
    #[error(
        "{0}; it is unknown whether the step was done; call it again, and it goes on where it was"
    )]
    Storage(#[from] StorageError),
}
