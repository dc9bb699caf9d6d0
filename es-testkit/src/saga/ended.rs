//! A saga at rest, and assertions on it.

use super::{
    CrashPoint, Ledger,
    runs::{self, Written},
};
use crate::{diff, history, written};
use es_runtime::{Aggregate, AsId, Events, WorkStatus};
use es_sagas::{Phase, SagaState, SagaView, StepStatus, log::SagaEvent};
use std::fmt::Debug;

/// How a [`SagaTest`](super::SagaTest) ended, and what the world outside knows of it. Each assertion takes away what it is
/// about; [`then_nothing_else`](Self::then_nothing_else) says that nothing is left.
///
/// ```
/// # use es_sagas::{Cx, Definition, Effect, Fail, Saga, Start, StepStatus};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)]
/// # struct BookTrip {}
/// # impl Saga for BookTrip {
/// #     const NAME: &'static str = "book-trip";
/// #     type Deps = ();
/// #     fn definition() -> Definition<Self> {
/// #         let mut saga = Definition::new();
/// #         for name in ["flight", "hotel", "car"] {
/// #             saga.step(name, |_: Cx<Self>| async { Ok::<u32, Fail>(1) })
/// #                 .undo(|_, _: Effect<u32>| async { Ok(()) });
/// #         }
/// #         saga
/// #     }
/// # }
/// use es_testkit::saga::{SagaTest, Scripted};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let no_car = SagaTest::<BookTrip>::new(|| ())
///     .when_begun(Start::new("7", BookTrip {}))
///     .step("car", [Scripted::Fatal("no car")]);
/// let ended = no_car.run().await.then_compensated().then_undone(["hotel", "flight"]);
/// assert_eq!(ended.state().step("car").unwrap().status, StepStatus::DidNotHappen);
/// ended.then_nothing_else();
///
/// // The undo of the hotel never works. An operator has to come.
/// let stuck = no_car.undo("hotel", [Scripted::Lost("no answer"); 50]);
/// let ended = stuck.run().await.then_parked("the undo of `hotel`");
/// assert_eq!(ended.ledger.live("flight"), 1);
/// ended.then_nothing_else();
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "end with `then_nothing_else`: more may have followed"]
pub struct Ended {
    /// The saga, read back from its stream.
    pub view: SagaView,
    /// The world outside.
    pub ledger: Ledger,
    points: Vec<Vec<String>>,
    /// What the commands stored that no `then` named.
    written: Written,
    is_end_named: bool,
    are_undos_named: bool,
}

impl Ended {
    /// Out of what was stored, after crashes.
    pub(super) fn of(
        view: SagaView,
        ledger: Ledger,
        points: Vec<Vec<String>>,
        written: Written,
        crashes: &[CrashPoint],
    ) -> Self {
        let ended = Self {
            view,
            ledger,
            points,
            written,
            is_end_named: false,
            are_undos_named: false,
        };
        ended.assert_sound(&ended.when(crashes));
        ended
    }

    /// Where it stands.
    pub const fn state(&self) -> &SagaState {
        &self.view.state
    }

    /// The writes and calls of each process, in order: what [`CrashPoint::at`] counts.
    pub fn points(&self) -> &[Vec<String>] {
        &self.points
    }

    /// The steps whose undo was stored, in that order.
    fn undone(&self) -> Vec<&str> {
        let events = self.view.history.iter();
        let undone = events.filter_map(|(_, event)| match event {
            SagaEvent::StepUndone(undone) => Some(undone.step.as_str()),
            _ => None,
        });
        undone.collect()
    }

    /// It completed.
    ///
    /// # Panics
    /// When it did not. The message says how it ended instead.
    #[track_caller]
    pub fn then_completed(self) -> Self {
        self.then_phase(Phase::Completed, "it did not complete")
    }

    /// It was compensated: what was done is undone.
    ///
    /// # Panics
    /// When it was not. The message says how it ended instead.
    #[track_caller]
    pub fn then_compensated(self) -> Self {
        self.then_phase(Phase::Compensated, "it was not compensated")
    }

    #[track_caller]
    fn then_phase(mut self, phase: Phase, otherwise: &str) -> Self {
        let is_so = self.state().phase == phase && self.state().parked.is_none();
        assert!(is_so, "{otherwise}; {}", self.left());
        self.is_end_named = true;
        self
    }

    /// It cannot go on, and waits for an operator. `reason` is a part of why.
    ///
    /// # Panics
    /// When it is not parked, or for another reason.
    #[track_caller]
    pub fn then_parked(mut self, reason: &str) -> Self {
        let parked = self.state().parked.as_ref();
        let is_so = parked.is_some_and(|(_, why)| why.contains(reason));
        assert!(is_so, "it is not parked by `{reason}`; {}", self.left());
        self.is_end_named = true;
        self
    }

    /// Its commands made this aggregate store exactly these events: one event, or `events![..]`, or
    /// `Events::none()`.
    ///
    /// # Panics
    /// When the aggregate stored other events.
    #[track_caller]
    pub fn then<A: Aggregate<Event: Debug + PartialEq>>(
        mut self,
        id: impl AsId<A::Id>,
        expected: impl Into<Events<A>>,
    ) -> Self {
        let stream = history::stream::<A>(id);
        let stored = self.written.take(&stream).unwrap_or_default();
        written::assert_events(&stream, &expected.into(), &stored);
        self
    }

    /// It undid exactly these steps, in this order.
    ///
    /// # Panics
    /// When it undid others, or in another order.
    #[track_caller]
    pub fn then_undone<'a>(mut self, steps: impl IntoIterator<Item = &'a str>) -> Self {
        let (expected, actual): (Vec<_>, _) = (steps.into_iter().collect(), self.undone());
        assert!(
            actual == expected,
            "it undid other steps than expected\n{}",
            diff::values(&expected, &actual)
        );
        self.are_undos_named = true;
        self
    }

    /// Nothing followed but what was asserted before.
    ///
    /// # Panics
    /// When something else did. The message says what, and which assertion expects it.
    #[track_caller]
    pub fn then_nothing_else(self) {
        let left = self.lines_left();
        assert!(left.is_empty(), "more followed; {}", runs::left(&left));
    }

    /// What no assertion took away, with the assertion that expects it.
    fn left(&self) -> String {
        runs::left(&self.lines_left())
    }

    fn lines_left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let state = self.state();
        let why = state.failure.as_ref().map(|failure| {
            let step = failure.step.as_deref().unwrap_or("the saga");
            format!(", because of {step}: {}", failure.message)
        });
        let why = why.unwrap_or_default();
        if !self.is_end_named {
            left.push(match (&state.parked, state.phase) {
                (Some((_, why)), _) => format!("`then_parked(..)`: it is parked: {why}"),
                (None, Phase::Completed) => "`then_completed()`: it completed".to_owned(),
                (None, _) => format!("`then_compensated()`: it was compensated{why}"),
            });
        }
        let undone = self.undone();
        if !self.are_undos_named && !undone.is_empty() {
            left.push(format!("`then_undone({undone:?})`: it undid these steps"));
        }
        for (stream, names) in self.written.names() {
            left.push(format!(
                "`then::<..>(..)`: its commands made {stream} store {names:?}"
            ));
        }
        left
    }

    /// Checks what [`SagaTest::run`](super::SagaTest::run) says of every run.
    #[track_caller]
    fn assert_sound(&self, when: &str) {
        let state = self.state();
        let row = self.view.row.as_ref();
        let status = row.map(|row| row.status);
        let expected = match (&state.parked, state.phase.is_ended()) {
            (Some((_, why)), false) => {
                assert!(!why.is_empty(), "{when}: parked without a reason");
                WorkStatus::Parked
            }
            (None, true) => WorkStatus::Done,
            other => panic!("{when}: not at rest: {other:?}"),
        };
        assert_eq!(
            status,
            Some(expected),
            "{when}: the row and the stream differ"
        );
        for (step, applied) in self.ledger.applied() {
            assert!(applied <= 1, "{when}: {step} was applied {applied} times");
        }
        let called = self.ledger.calls();
        for step in &state.steps {
            let outside = called.iter().any(|call| call.step == step.name);
            let live = self.ledger.live(&step.name);
            match step.status {
                StepStatus::Done if outside => {
                    assert_eq!(live, 1, "{when}: {} is done and not there", step.name);
                }
                StepStatus::Undone | StepStatus::DidNotHappen => {
                    assert_eq!(live, 0, "{when}: {} is there and undone", step.name);
                }
                _ => {}
            }
        }
        let order: Vec<_> = state.steps.iter().map(|step| step.name.as_str()).collect();
        let undone = self.undone();
        let mut places = undone
            .iter()
            .map(|step| order.iter().position(|known| known == step));
        let mut last = None;
        let mut again: Vec<&str> = Vec::new();
        for (_, event) in &self.view.history {
            if let SagaEvent::LateSuccess(late) = event {
                again.push(&late.step);
            }
        }
        for step in &undone {
            let place = places.next().flatten();
            if let (Some(last), Some(place)) = (last, place) {
                let reversed = place < last || again.contains(step);
                assert!(reversed, "{when}: undone in the order {undone:?}");
            }
            last = place.or(last);
        }
        let count = |is: fn(&SagaEvent) -> bool| {
            let events = self.view.history.iter();
            events.filter(|(_, event)| is(event)).count()
        };
        let starts = count(|event| matches!(event, SagaEvent::Started(_)));
        assert_eq!(starts, 1, "{when}: it began {starts} times");
    }

    /// Checks that it ended as the run without crashes did, with the same effects and events, and at most one
    /// more call for each crash.
    #[track_caller]
    pub(super) fn assert_like(&self, whole: &Self, crashes: &[CrashPoint]) {
        let when = self.when(crashes);
        let (mine, theirs) = (self.state(), whole.state());
        assert_eq!(mine.phase, theirs.phase, "{when}: another end");
        assert_eq!(
            mine.parked.is_some(),
            theirs.parked.is_some(),
            "{when}: another end"
        );
        assert_eq!(
            self.ledger.applied(),
            whole.ledger.applied(),
            "{when}: other effects"
        );
        let (calls, usual) = (self.ledger.calls().len(), whole.ledger.calls().len());
        assert!(
            (usual..=usual + crashes.len()).contains(&calls),
            "{when}: {calls} calls instead of {usual}"
        );
        runs::assert_same_end(&when, "", &whole.written.streams(), &self.written.streams());
    }

    /// In which run something is so.
    fn when(&self, crashes: &[CrashPoint]) -> String {
        if crashes.is_empty() {
            return "without a crash".to_owned();
        }
        let named = crashes.iter().zip(&self.points).map(|(crash, points)| {
            let side = if crash.after { "after" } else { "before" };
            let at = points.get(crash.at - 1).map_or("?", String::as_str);
            format!("{side} {} ({at})", crash.at)
        });
        let named: Vec<_> = named.collect();
        format!("with a crash {}", named.join(", then "))
    }
}
