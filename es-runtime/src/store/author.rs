//! For authors of stores: the rules of appends and commits, and helpers to read rows.
//!
//! Use this module when you implement [`EventStore`](crate::EventStore). Your store then decides about
//! appends as the other stores do. Run the conformance suite of `es-testkit` on it. Applications do not
//! need this module.
//!
//! An append calls the functions in this order:
//!
//! 1. [`check_bounds`], before anything is read.
//! 2. In the transaction or under the lock: when the stream has seen the append's id, compare the
//!    events of that earlier append ([`Comparison`]).
//! 3. [`decide`] returns the versions to write the events at, or the result to answer with.
//! 4. [`check_event_ids`], unless a unique index of the database does it.
//! 5. Write the events. [`Accepted::appended`] is the result.
//!
//! [`decide`] refuses an event with a rule of unique values or a tag. A store that supports them reads what the append
//! [needs](RuleNeeds) after step 2, calls [`RuleState::decide`] instead, and writes what it changed in step 5, with the
//! [tags](RuleState::tags_of) of each event.
//!
//! A commit calls [`check_guard`] for each of its guards, does this for each of its appends, in their order, and then calls [`check_first_time`],
//! [`check_epoch`], [`check_cursor`] and [`check_inputs`]. It calls [`Commit::check`](crate::Commit::check) first, which
//! checks the bounds and looks for two appends to one stream.
//!
//! A store reports how long its answers take and how many writes share a transaction: [`appended`], [`committed`],
//! [`grouped`].
//!
//! ```
//! use es_runtime::store::author::{
//!     Decision, Earlier, StreamHead, check_bounds, check_event_ids, decide,
//! };
//! use es_runtime::{
//!     Append, AppendError, Appended, ExpectedVersion, Limits, NewEvent, Position, RecordedEvent,
//!     StreamId, Timestamp,
//! };
//!
//! /// A store of one list, to show the order of the calls.
//! #[derive(Default)]
//! struct List(Vec<RecordedEvent>);
//!
//! impl List {
//!     fn append(&mut self, append: &Append) -> Result<Appended, AppendError> {
//!         check_bounds(append, &Limits::default())?;
//!         // This store remembers no ids of appends.
//!         let earlier: Option<Earlier> = None;
//!         let newest = self.0.iter().rfind(|event| event.stream == append.stream);
//!         let head = newest.map_or(StreamHead::EMPTY, |event| StreamHead {
//!             version: event.version,
//!             position: event.position,
//!         });
//!         let accepted = match decide(append, earlier, head)? {
//!             Decision::Answer(first) => return Ok(first),
//!             Decision::Write(accepted) => accepted,
//!         };
//!         check_event_ids(append, |id| self.0.iter().any(|event| event.event_id == id))?;
//!         let last = self.0.len() as u64 + accepted.count();
//!         let done = accepted.appended(Position::from_parts([0, 0, last]), Timestamp::now());
//!         self.0.extend(append.recorded(&done));
//!         Ok(done)
//!     }
//! }
//!
//! let mut store = List::default();
//! let order = StreamId::new("order", "4711")?;
//! let place = Append::new(order, ExpectedVersion::NoStream)
//!     .with_event(NewEvent::json("order.placed", 1, "{}"));
//! assert_eq!(store.append(&place)?.version, 1);
//! assert!(matches!(store.append(&place), Err(AppendError::Conflict { actual: 1, .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use super::{
    rows::{Page, Repeated, RowLocation},
    rules::{
        Accepted, Comparison, Decision, Earlier, StreamHead, check_bounds, check_cursor,
        check_epoch, check_event_ids, check_first_time, check_inputs, check_repeated, decide,
        not_applied,
    },
    tags::check_guard,
    unique::{RuleNeeds, RuleState, RulesOn, UniqueRow},
};
pub use crate::{
    metrics::{Timer, appended, committed, grouped},
    record::EventRow,
};
