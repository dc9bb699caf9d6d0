//! What followed from what happened to a process manager, and assertions on it.

use super::{
    super::runs::{self, Written},
    stepped,
};
use crate::{diff, history, written};
use es_runtime::{Aggregate, AsId, EventId, EventSet, Events, RecordedEvent, Timestamp};
use es_sagas::{
    ProcessManager,
    log::{ProcessOutcome, Stepped},
    stream_of,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::{self, Debug},
    time::Duration,
};

/// When a timer runs out that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    at: Timestamp,
    /// So long after it was set.
    after: Duration,
    /// Whether it was set for this time.
    is_fixed: bool,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, after, .. } = self;
        write!(f, "to run out after {after:?}, at {at}")
    }
}

/// What followed from the `when` of a [`ProcessTest`](super::ProcessTest), in all instances together. Each assertion takes
/// away what it is about; [`then_nothing_else`](Self::then_nothing_else) says that nothing is left.
#[must_use = "end with `then_nothing_else`: more may have followed"]
pub struct Reacted<P: ProcessManager> {
    events: VecDeque<P::Event>,
    commands: Written,
    timers: BTreeMap<String, Option<Set>>,
    /// The timers that were set before, with what was left of their times.
    set_before: BTreeMap<String, Duration>,
    /// Timers that an instance cancelled in the step that ended it, which cancels all of them. They need not be asserted.
    cancelled_at_end: BTreeSet<String>,
    ended: bool,
    rejected: VecDeque<String>,
    parked: VecDeque<String>,
}

impl<P: ProcessManager<Event: Debug>> Debug for Reacted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reacted")
            .field("events", &self.events)
            .field("commands", &self.commands)
            .field("timers", &self.timers)
            .field("set_before", &self.set_before)
            .field("cancelled_at_end", &self.cancelled_at_end)
            .field("ended", &self.ended)
            .field("rejected", &self.rejected)
            .field("parked", &self.parked)
            .finish()
    }
}

impl<P: ProcessManager<Event: Debug>> Reacted<P> {
    /// Out of what was stored, `inputs` among it.
    pub(super) fn of(
        stored: Vec<RecordedEvent>,
        inputs: &[EventId],
        set_before: BTreeMap<String, Duration>,
    ) -> Self {
        let own = stream_of(P::NAME, "any").unwrap_or_else(|error| panic!("{error}"));
        let mut reacted = Self {
            events: VecDeque::new(),
            commands: Written::default(),
            timers: BTreeMap::new(),
            set_before,
            cancelled_at_end: BTreeSet::new(),
            ended: false,
            rejected: VecDeque::new(),
            parked: VecDeque::new(),
        };
        for event in stored {
            if inputs.contains(&event.event_id) {
                continue;
            }
            if event.stream.aggregate() != own.aggregate() {
                reacted.commands.push(event);
            } else if *event.name == *Stepped::NAME {
                reacted.step(stepped(&event.payload), event.recorded_at);
            } else {
                let decoded = P::Event::decode(&event.name, event.stored_payload());
                let decoded = decoded.unwrap_or_else(|error| panic!("{error}"));
                reacted.events.extend(decoded);
            }
        }
        reacted
    }

    fn step(&mut self, step: Stepped, at: Timestamp) {
        for stream in step.commands {
            self.commands.sent(stream);
        }
        for (name, until) in step.timers {
            let is_fixed = step.timers_at.contains(&name);
            if step.ended && until.is_none() {
                self.timers.remove(&name);
                self.cancelled_at_end.insert(name);
            } else {
                self.cancelled_at_end.remove(&name);
                let set = until.map(|until| Set {
                    at: until,
                    after: until.since(at),
                    is_fixed,
                });
                self.timers.insert(name, set);
            }
        }
        self.ended |= step.ended;
        self.rejected.extend(step.rejected);
        if let ProcessOutcome::Parked { why } = step.outcome {
            self.parked.push_back(why);
        }
    }

    /// It stored these events of its own next: one event, or `events![..]`.
    ///
    /// # Panics
    /// When it stored others, or too few.
    #[track_caller]
    pub fn then(mut self, expected: impl Into<Events<P>>) -> Self
    where
        P::Event: PartialEq,
    {
        for expected in expected.into().into_vec() {
            let actual = self.events.pop_front();
            assert!(
                actual.as_ref() == Some(&expected),
                "another event than expected\n{}\n{}",
                diff::values(&Some(&expected), &actual.as_ref()),
                self.left()
            );
        }
        self
    }

    /// It sent commands to this aggregate, which stored exactly these events for them: one event, or
    /// `events![..]`, or `Events::none()`.
    ///
    /// # Panics
    /// When it sent none, or the aggregate stored other events.
    #[track_caller]
    pub fn then_command<A: Aggregate<Event: Debug + PartialEq>>(
        mut self,
        id: impl AsId<A::Id>,
        expected: impl Into<Events<A>>,
    ) -> Self {
        let stream = history::stream::<A>(id);
        let Some(stored) = self.commands.take(&stream) else {
            panic!("no command was sent to {stream}; {}", self.left());
        };
        written::assert_events(&stream, &expected.into(), &stored);
        self
    }

    /// It set this timer, to run out after this time.
    ///
    /// # Panics
    /// When it did not, or for another time.
    #[track_caller]
    pub fn then_timer(self, name: &str, after: Duration) -> Self {
        let expected = format!("to run out after {after:?}");
        self.timer_set(name, &expected, |set| set.after == after)
    }

    /// It set this timer, to run out at this time.
    ///
    /// The clock of a [`ProcessTest`](super::ProcessTest) begins at 2001-09-09T01:46:40Z and stands still while it
    /// reacts. So [`then_timer`](Self::then_timer) asserts a timer that counts from the event.
    ///
    /// ```
    /// # use es_runtime::{Aggregate, Apply, Envelope, Event};
    /// # use es_sagas::{OnTimer, ProcessManager, ReactTo, Reactions};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::convert::Infallible;
    /// # #[derive(Event, Serialize, Deserialize)]
    /// # #[event("bill.sent")]
    /// # struct BillSent { due: Timestamp }
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("bill", id = u32, error = Infallible, events(ignore(BillSent)))]
    /// # struct Bill {}
    /// # #[derive(Event, Serialize, Deserialize, Debug)]
    /// # #[event("dunning.begun")]
    /// # struct Begun {}
    /// # #[derive(Aggregate, ProcessManager, Default)]
    /// # #[aggregate("dunning", id = u32, error = Infallible, events(Begun))]
    /// # #[process_manager(reacts(BillSent), timers)]
    /// # struct Dunning {}
    /// # impl Apply<Begun> for Dunning { fn apply(&mut self, _: &Begun) {} }
    /// # impl OnTimer for Dunning {
    /// #     fn timer(&self, _: &str) -> Reactions<Self> { Reactions::none() }
    /// # }
    /// # impl ReactTo<BillSent> for Dunning {
    /// #     fn correlate(sent: &Envelope<BillSent>) -> Option<u32> { sent.stream.id().parse().ok() }
    /// #     fn react(&self, sent: &Envelope<BillSent>) -> Reactions<Self> {
    /// #         Reactions::none().timer_at("overdue", sent.event.due)
    /// #     }
    /// # }
    /// use es_runtime::Timestamp;
    /// use es_testkit::saga::ProcessTest;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let due: Timestamp = "2001-10-01T00:00:00Z".parse()?;
    /// let sent = ProcessTest::<Dunning>::new().when::<Bill>(&7, BillSent { due });
    /// sent.run().await.then_timer_at("overdue", due).then_nothing_else();
    /// # Ok::<(), es_runtime::InvalidTimestamp>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    /// When it did not, or for another time.
    #[track_caller]
    pub fn then_timer_at(self, name: &str, at: Timestamp) -> Self {
        let expected = format!("to run out at {at}");
        self.timer_set(name, &expected, |set| set.at == at)
    }

    #[track_caller]
    fn timer_set(mut self, name: &str, expected: &str, is_so: impl FnOnce(Set) -> bool) -> Self {
        match self.timers.get(name) {
            Some(Some(set)) => assert!(
                is_so(*set),
                "timer `{name}` is set otherwise\nexpected: {expected}\n  actual: {set}"
            ),
            _ => panic!(
                "timer `{name}` was not set {expected}: {}",
                self.not_set(name)
            ),
        }
        self.timers.remove(name);
        self
    }

    /// What is known of a timer that was not set.
    fn not_set(&self, name: &str) -> String {
        let is_cancelled = self.timers.contains_key(name) || self.cancelled_at_end.contains(name);
        let what = match self.set_before.get(name) {
            _ if is_cancelled => "it was cancelled".to_owned(),
            Some(left) => {
                format!("this input did not set it; it was set before, to run out after {left:?}")
            }
            None => "no timer of this name was set".to_owned(),
        };
        format!("{what}; {}", self.left())
    }

    /// It cancelled this timer. One that it cancelled in the step that ended it may stay unasserted: the end cancels all timers.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn then_timer_cancelled(mut self, name: &str) -> Self {
        match self.timers.get(name) {
            Some(Some(set)) => panic!("timer `{name}` was not cancelled: it is set, {set}"),
            None if !self.cancelled_at_end.contains(name) => {
                panic!("timer `{name}` was not cancelled; {}", self.left())
            }
            _ => {}
        }
        self.timers.remove(name);
        self.cancelled_at_end.remove(name);
        self
    }

    /// An aggregate rejected a command, the manager got the rejection, and what else is here is what it decided then.
    /// `reason` is a part of what the aggregate said.
    ///
    /// # Panics
    /// When none rejected next, or another reason was given.
    #[track_caller]
    pub fn then_rejected(mut self, reason: &str) -> Self {
        let actual = self.rejected.pop_front();
        let same = actual.as_ref().is_some_and(|why| why.contains(reason));
        assert!(same, "not rejected by `{reason}`: {actual:?}");
        self
    }

    /// It cannot react, and waits for an operator. `reason` is a part of why.
    ///
    /// # Panics
    /// When it was not parked next, or for another reason.
    #[track_caller]
    pub fn then_parked(mut self, reason: &str) -> Self {
        let actual = self.parked.pop_front();
        let same = actual.as_ref().is_some_and(|why| why.contains(reason));
        assert!(same, "not parked by `{reason}`: {actual:?}");
        self
    }

    /// It has ended.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn then_ended(mut self) -> Self {
        assert!(self.ended, "it has not ended; {}", self.left());
        self.ended = false;
        self
    }

    /// Nothing followed but what was asserted before.
    ///
    /// # Panics
    /// When something else did. The message says what, and which assertion expects it.
    #[track_caller]
    pub fn then_nothing_else(self) {
        let nothing = self.events.is_empty()
            && self.commands.is_empty()
            && self.timers.is_empty()
            && !self.ended
            && self.rejected.is_empty()
            && self.parked.is_empty();
        assert!(nothing, "more followed; {}", self.left());
    }

    /// What no assertion took away, with the assertion that expects it.
    fn left(&self) -> String {
        let mut left = Vec::new();
        for event in &self.events {
            left.push(format!("`then(..)`: it stored {event:?}"));
        }
        for (stream, names) in self.commands.names() {
            left.push(format!(
                "`then_command(..)`: it sent commands to {stream}, which stored {names:?}"
            ));
        }
        for (name, set) in &self.timers {
            left.push(match set {
                Some(set) => {
                    let at = if set.is_fixed { "_at" } else { "" };
                    format!("`then_timer{at}({name:?}, ..)`: it set this timer, {set}")
                }
                None => format!("`then_timer_cancelled({name:?})`: it cancelled this timer"),
            });
        }
        for why in &self.rejected {
            left.push(format!(
                "`then_rejected(..)`: an aggregate rejected a command: {why}"
            ));
        }
        for why in &self.parked {
            left.push(format!("`then_parked(..)`: it cannot react: {why}"));
        }
        if self.ended {
            left.push("`then_ended()`: it ended".to_owned());
        }
        runs::left(&left)
    }
}
