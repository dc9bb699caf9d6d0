//! Works on a saga that is due: calls a step outside of any transaction, then stores its outcome together with
//! the next call.

use super::{
    StepCall,
    commit::{
        MAX_ATTEMPTS, append_of, contended, decide_without_lease, is_rejected_for_good,
        may_decide_again, pause_after, rejected_for_good, released,
    },
    core::{Core, Stop},
    load::{LoadedSaga, is_transient, load},
    unreadable::park_unreadable,
};
use crate::{
    decide::Draft,
    definition::{Boxed, ErasedSaga, Fail, Info, Perform, Prepared, StepCx},
    error::SagaError,
    key::StepDirection,
    log::ParkedWhy,
    metrics,
    names::{COMPENSATED, COMPLETED},
    process,
    state::SagaState,
    trace,
};
use es_runtime::{
    __private::sleep, Append, AppendError, Claim, Claimed, Commit, CommitError, CommitStore,
    Timestamp, WorkQueue, command::DecideError, metrics::Timer,
};
use serde_json::Value;
use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Claims instances that are due.
pub(crate) async fn claim(core: &Core, at_most: usize) -> Result<Vec<Claimed>, SagaError> {
    let sagas = core.categories();
    let claim = Claim::new(sagas, &core.owner, core.settings.lease, at_most);
    Ok(core.store.claim(claim).await?)
}

/// A saga on which this runner has a lease.
struct LeasedSaga<'c> {
    core: &'c Core,
    claimed: Claimed,
    loaded: LoadedSaga,
    space: Arc<str>,
    /// A time not later than the start of the lease.
    since: Instant,
    /// Whether somebody else changed the saga since the last commit. That may be a runner that has the lease now.
    overtaken: bool,
    /// Whether the pending call cannot have been made yet.
    fresh: bool,
    /// Whether the last commit released the lease.
    released: bool,
}

/// The outcome of a commit.
#[derive(PartialEq, Eq)]
enum Stored {
    Yes,
    /// Another runner has the lease.
    LeaseLost,
}

/// The next call to make.
struct NextCall {
    number: u64,
    step: String,
    to: StepDirection,
    attempt: u32,
    timeout: Duration,
}

impl NextCall {
    fn call(&self) -> (u64, &str, StepDirection) {
        (self.number, &self.step, self.to)
    }
}

/// Works on an instance, claimed not before `since`, until nothing is due, and releases it.
///
/// A failure of the store ends the work. The instance is due again when its lease has expired.
pub(crate) async fn work_on(
    core: &Core,
    claimed: Claimed,
    since: Instant,
    stop: &Stop,
) -> Result<(), SagaError> {
    if let Some(manager) = core.manager(claimed.instance.aggregate()) {
        return process::work_on(core, manager, claimed, stop).await;
    }
    let loaded = match load(&core.store, &claimed.instance).await {
        Ok(loaded) => loaded,
        Err(error) if is_transient(&error) => return Err(error.into()),
        Err(unreadable) => return park_unreadable(core, &claimed, unreadable).await,
    };
    let mut leased = LeasedSaga {
        core,
        space: core.space().await?,
        overtaken: false,
        // Before the first claim no call can have been made.
        fresh: claimed.epoch == 1,
        claimed,
        loaded,
        since,
        released: false,
    };
    let Some(started) = leased.loaded.state.started.clone() else {
        return leased.release(&Info::unknown(0, "")).await;
    };
    let category = leased.claimed.instance.aggregate().to_owned();
    let Some(definition) = core.pinned(&category, started.version, &started.hash) else {
        let info = Info::unknown(started.version, &started.hash);
        let message = format!(
            "this program does not have its definition {}; run a program that has it, or register the old \
             definition as `frozen`",
            info.definition()
        );
        let now = core.store.now().await?;
        leased
            .settle(&info, now, |draft| {
                draft.park(ParkedWhy::UnknownDefinition {}, message.clone());
            })
            .await?;
        return Ok(());
    };
    if leased.claimed.lease_expired {
        let pending = leased.loaded.state.pending.clone();
        let now = core.store.now().await?;
        let noted = leased
            .settle(definition.info(), now, |draft| {
                // A call that was scheduled since then was not started by anyone.
                if draft.state.pending == pending {
                    draft.interrupted();
                }
            })
            .await?;
        if noted == Stored::LeaseLost {
            return Ok(());
        }
    }
    // Nothing is due: it was time to look again at times that were set while the clock was ahead.
    let now = core.store.now().await?;
    if !leased.draft(definition.info(), now).is_due() {
        let corrected = leased
            .settle(definition.info(), now, |draft| {
                draft.correct_clock();
            })
            .await?;
        if corrected == Stored::LeaseLost {
            return Ok(());
        }
    }
    #[allow(
        clippy::redundant_closure_for_method_calls,
        reason = "the method's path has one lifetime, the closure all"
    )]
    while !stop.is_requested() && !leased.released {
        if !leased.keep().await {
            return Ok(());
        }
        let now = core.store.now().await?;
        if leased
            .settle(definition.info(), now, |draft| draft.check_deadline())
            .await?
            == Stored::LeaseLost
        {
            return Ok(());
        }
        let Some(next) = leased.next(definition.info(), now) else {
            return Ok(());
        };
        if leased.carry_out(definition, &next).await? == Stored::LeaseLost {
            return Ok(());
        }
    }
    if leased.released {
        return Ok(());
    }
    leased.release(definition.info()).await
}

impl LeasedSaga<'_> {
    fn draft<'a>(&'a self, info: &'a Info, now: Timestamp) -> Draft<'a> {
        self.loaded
            .draft(&self.claimed.instance, info, &self.space, now)
    }

    /// The call to make now.
    fn next(&self, info: &Info, now: Timestamp) -> Option<NextCall> {
        let draft = self.draft(info, now);
        let pending = draft.state.pending.as_ref()?;
        if !draft.is_due() || draft.state.parked.is_some() {
            return None;
        }
        let step = draft.pending_info();
        let timeout = match (step, pending.to) {
            (Some(step), StepDirection::Do) => step.timeout,
            (Some(step), StepDirection::Undo) => step.undo_timeout,
            (None, _) => Duration::from_secs(30),
        };
        let timeout = draft.time_left().map_or(timeout, |left| left.min(timeout));
        Some(NextCall {
            number: pending.number,
            step: pending.step.clone(),
            to: pending.to,
            attempt: pending.failures.saturating_add(1),
            timeout,
        })
    }

    /// Makes a call and stores its outcome.
    async fn carry_out(
        &mut self,
        definition: &dyn ErasedSaga,
        next: &NextCall,
    ) -> Result<Stored, SagaError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let work = self.prepare(definition, next);
            let (timer, category) = (Timer::start(), self.claimed.instance.aggregate());
            let called = (next.step.as_str(), next.to, next.attempt);
            let metadata = &self.loaded.metadata;
            let (result, append) = match work {
                Err(fail) => (Err(fail), None),
                Ok((_, Prepared::Command(command))) => {
                    let decided = match self.intercept_command(next).await {
                        Ok(()) => {
                            let decision = command.decide(&self.core.store);
                            trace::step(category, called, metadata, decision).await
                        }
                        Err(fail) => {
                            return self.outcome(definition.info(), next, &Err(fail)).await;
                        }
                    };
                    match decided {
                        Ok(append) => (Ok(Value::Null), Some(append)),
                        Err(DecideError::Rejected(why)) => (Err(Fail::fatal(why)), None),
                        Err(DecideError::Unread(error)) => {
                            (Err(Fail::transient(error.to_string())), None)
                        }
                        Err(DecideError::Failed(why)) => (Err(Fail::transient(why)), None),
                    }
                }
                Ok((cx, Prepared::Call(call))) => {
                    let call = self.call(&cx, call, next);
                    (trace::step(category, called, metadata, call).await, None)
                }
            };
            metrics::called(timer, category, &next.step, next.to, result.is_ok());
            let Some(append) = append else {
                return self.outcome(definition.info(), next, &result).await;
            };
            match self.outcome_with(definition.info(), next, append).await? {
                CommandOutcome::Stored(stored) => return Ok(stored),
                CommandOutcome::Rejected(fail) => {
                    return self.outcome(definition.info(), next, &Err(fail)).await;
                }
                // Another writer changed the aggregate: the command is decided again.
                CommandOutcome::Conflict if tries < MAX_ATTEMPTS * 2 => {}
                CommandOutcome::Conflict => {
                    let fail =
                        Fail::transient("other writers changed the aggregate during every attempt");
                    return self.outcome(definition.info(), next, &Err(fail)).await;
                }
            }
        }
    }

    fn cx(&self, next: &NextCall) -> Option<StepCx> {
        let pending = self.loaded.state.pending.as_ref()?;
        Some(StepCx {
            instance: self.claimed.instance.clone(),
            step: next.step.as_str().into(),
            to: next.to,
            key: pending.key,
            attempt: next.attempt,
        })
    }

    /// Asks the user's code for the call.
    fn prepare(
        &self,
        definition: &dyn ErasedSaga,
        next: &NextCall,
    ) -> Result<(StepCx, Prepared), Fail> {
        let state = &self.loaded.state;
        let unready = || Fail::transient("the saga is not at this step");
        let cx = self.cx(next).ok_or_else(unready)?;
        let started = state.started.as_ref().ok_or_else(unready)?;
        let outputs: HashMap<_, _> = state
            .steps
            .iter()
            .filter_map(|step| Some((step.name.clone(), step.output.clone()?)))
            .collect();
        let did = match next.to {
            StepDirection::Do => None,
            StepDirection::Undo => state
                .step(&next.step)
                .map(|step| (step.key, step.output.clone())),
        };
        let call = Perform {
            cx: cx.clone(),
            input: &started.input,
            outputs: Arc::new(outputs),
            did,
            failure: state.failure.as_ref(),
            ask_first: next.attempt > 1 || !self.fresh,
        };
        let made = catch_unwind(AssertUnwindSafe(|| definition.perform(call)));
        let work = made.unwrap_or_else(|_| Err(Fail::transient("the step panicked")))?;
        Ok((cx, work))
    }

    async fn intercept_command(&self, next: &NextCall) -> Result<(), Fail> {
        let (Some(interceptor), Some(cx)) = (&self.core.settings.interceptor, self.cx(next)) else {
            return Ok(());
        };
        let nothing = Box::pin(std::future::ready(Ok(Value::Null)));
        let mut call = interceptor.call(&cx, nothing);
        let called = poll_fn(|context| poll_caught(call.as_mut(), context));
        called.await.map(|_| ())
    }

    /// Renews the lease when a third of it has passed. `false` when another runner has the lease.
    async fn keep(&mut self) -> bool {
        let lease = self.core.settings.lease;
        if self.since.elapsed() < lease / 3 {
            return true;
        }
        let now = Instant::now();
        match self.core.store.renew(&self.claimed, lease).await {
            Ok(true) => self.since = now,
            Ok(false) => return false,
            // The next commit finds out.
            Err(_) => {}
        }
        true
    }

    /// Makes the call within its time limit and keeps the lease. When the lease is lost, the call still runs to
    /// its end, so that its outcome can be recorded.
    async fn call(
        &self,
        cx: &StepCx,
        call: Boxed<Result<Value, Fail>>,
        next: &NextCall,
    ) -> Result<Value, Fail> {
        let call: StepCall<'_> = match &self.core.settings.interceptor {
            Some(interceptor) => interceptor.call(cx, call),
            None => call,
        };
        let mut call = pin!(call);
        let mut time = pin!(sleep(next.timeout));
        let lease = self.core.settings.lease;
        let mut since = self.since;
        let mut keeping = pin!(async {
            loop {
                sleep((lease / 3).saturating_sub(since.elapsed())).await;
                since = Instant::now();
                if let Ok(false) = self.core.store.renew(&self.claimed, lease).await {
                    return;
                }
            }
        });
        let mut kept = true;
        poll_fn(|context| {
            if let Poll::Ready(result) = poll_caught(call.as_mut(), context) {
                return Poll::Ready(result);
            }
            if time.as_mut().poll(context).is_ready() {
                let message = format!("no response within {:?}", next.timeout);
                return Poll::Ready(Err(Fail::transient(message)));
            }
            kept = kept && keeping.as_mut().poll(context).is_pending();
            Poll::Pending
        })
        .await
    }

    async fn outcome(
        &mut self,
        info: &Info,
        next: &NextCall,
        result: &Result<Value, Fail>,
    ) -> Result<Stored, SagaError> {
        let now = self.core.store.now().await?;
        let stored = self
            .settle(info, now, |draft| {
                draft.outcome(next.call(), result);
            })
            .await;
        let rejected = match &stored {
            Err(error) if result.is_ok() => rejected_for_good(error),
            _ => None,
        };
        let stored = match rejected {
            // The call succeeded, but its output cannot be stored.
            Some(why) => {
                let fail = Err(Fail::transient(format!("its output was rejected: {why}")));
                self.settle(info, now, |draft| {
                    draft.outcome(next.call(), &fail);
                })
                .await?
            }
            None => stored?,
        };
        if let (Stored::LeaseLost, StepDirection::Do, Ok(output)) = (&stored, next.to, result) {
            self.record_late_success(&next.step, output).await?;
        }
        Ok(stored)
    }

    /// Records a success after the lease was lost. If the step was undone meanwhile, it is undone again.
    async fn record_late_success(&self, step: &str, output: &Value) -> Result<(), SagaError> {
        let metadata = self.loaded.metadata.clone();
        let instance = &self.claimed.instance;
        decide_without_lease(self.core, instance, None, &metadata, |draft| {
            draft.late(step, output);
            Ok(())
        })
        .await
    }

    /// Stores the outcome together with the events of an aggregate.
    async fn outcome_with(
        &mut self,
        info: &Info,
        next: &NextCall,
        append: Append,
    ) -> Result<CommandOutcome, SagaError> {
        let now = self.core.store.now().await?;
        let mut draft = self.draft(info, now);
        if [COMPLETED, COMPENSATED].contains(&next.step.as_str()) {
            draft.end_reached(&next.step);
        } else {
            draft.outcome(next.call(), &Ok(Value::Null));
        }
        if draft.events.is_empty() {
            // The saga has moved on: the command is no longer the next step.
            return Ok(CommandOutcome::Stored(Stored::Yes));
        }
        let (events, state) = (draft.events.clone(), draft.state.clone());
        let mut row = draft.row();
        let due = row.is_due(now);
        row.release = !due;
        row.epoch = Some(self.claimed.epoch);
        let metadata = self.loaded.metadata.clone();
        let instance = &self.claimed.instance;
        let own = append_of(
            instance,
            self.loaded.version,
            &events,
            metadata.clone(),
            None,
        )?;
        let aggregate = append.stream.clone();
        let mut commit = Commit::new().append(own).work(row);
        if !append.events.is_empty() {
            commit = commit.append(append.with_metadata(metadata));
        }
        match self.core.store.commit(commit).await {
            Ok(_) => {
                self.stored(state, events.len());
                self.released = !due;
                Ok(CommandOutcome::Stored(Stored::Yes))
            }
            Err(CommitError::Fenced { .. }) => Ok(CommandOutcome::Stored(Stored::LeaseLost)),
            Err(CommitError::Append(AppendError::Conflict { stream, .. }))
                if stream == aggregate =>
            {
                Ok(CommandOutcome::Conflict)
            }
            // Like a rejection by the aggregate: it did not happen, and another attempt would meet the same holder.
            Err(error @ CommitError::Append(AppendError::Taken { .. })) => {
                Ok(CommandOutcome::Rejected(Fail::fatal(error.to_string())))
            }
            Err(error) if is_rejected_for_good(&error) => {
                Ok(CommandOutcome::Rejected(Fail::transient(error.to_string())))
            }
            Err(error) if may_decide_again(&error) => {
                pause_after(&error, 1).await;
                self.reload().await?;
                let pending = self.loaded.state.pending.as_ref();
                let same = pending.is_some_and(|p| p.number == next.number);
                // The commit was stored after all, or an input came first.
                Ok(if same {
                    CommandOutcome::Conflict
                } else {
                    CommandOutcome::Stored(Stored::Yes)
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what somebody else changed.
    async fn reload(&mut self) -> Result<(), SagaError> {
        self.loaded = load(&self.core.store, &self.claimed.instance).await?;
        self.fresh = false;
        self.overtaken = true;
        Ok(())
    }

    fn stored(&mut self, state: SagaState, events: usize) {
        let key = |state: &SagaState| state.pending.as_ref().map(|pending| pending.key);
        self.fresh = key(&state).is_some() && key(&self.loaded.state) != key(&state);
        self.loaded.state = state;
        self.overtaken = false;
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.loaded.version = self.loaded.version.saturating_add(events);
    }

    /// Decides on the newest state and stores the decision. Repeats it when other writers were first. Releases
    /// the lease in the same transaction when nothing is due.
    async fn settle(
        &mut self,
        info: &Info,
        mut now: Timestamp,
        mut decide: impl FnMut(&mut Draft<'_>),
    ) -> Result<Stored, SagaError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut draft = self.draft(info, now);
            decide(&mut draft);
            let mut row = draft.row();
            let due = row.is_due(now);
            row.release = !due;
            row.epoch = Some(self.claimed.epoch);
            let (events, state) = (draft.events, draft.state);
            if events.is_empty() && due && !self.overtaken {
                return Ok(Stored::Yes);
            }
            // Also without events, so that the work item matches this version of the stream and a lost lease is noticed.
            let version = self.loaded.version;
            let metadata = self.loaded.metadata.clone();
            let instance = &self.claimed.instance;
            let append = append_of(instance, version, &events, metadata, None)?;
            let commit = Commit::new().append(append).work(row);
            match self.core.store.commit(commit).await {
                Ok(_) => {
                    self.stored(state, events.len());
                    self.released = !due;
                    return Ok(Stored::Yes);
                }
                Err(CommitError::Fenced { .. }) => return Ok(Stored::LeaseLost),
                Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                    pause_after(&error, attempt).await;
                    self.reload().await?;
                    now = self.core.store.now().await?;
                }
                Err(error) => {
                    let instance = &self.claimed.instance;
                    return Err(contended(instance, attempt, error));
                }
            }
        }
    }

    /// Releases the lease without a change.
    async fn release(&mut self, info: &Info) -> Result<(), SagaError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let now = self.core.store.now().await?;
            let mut row = released(self.draft(info, now).row());
            row.epoch = Some(self.claimed.epoch);
            let (instance, version) = (&self.claimed.instance, self.loaded.version);
            let metadata = self.loaded.metadata.clone();
            let unchanged = append_of(instance, version, &[], metadata, None)?;
            let commit = Commit::new().append(unchanged).work(row);
            match self.core.store.commit(commit).await {
                Ok(_) | Err(CommitError::Fenced { .. }) => return Ok(()),
                Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                    pause_after(&error, attempt).await;
                    self.reload().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The outcome of a command to an aggregate.
enum CommandOutcome {
    Stored(Stored),
    /// Another writer changed the aggregate first.
    Conflict,
    /// The store or an inline projection rejected its events.
    Rejected(Fail),
}

/// Polls a call. After a panic its outcome is unknown, and it is not polled again.
fn poll_caught(
    call: Pin<&mut (impl Future<Output = Result<Value, Fail>> + ?Sized)>,
    context: &mut Context<'_>,
) -> Poll<Result<Value, Fail>> {
    let polled = catch_unwind(AssertUnwindSafe(|| call.poll(context)));
    polled.unwrap_or_else(|_| Poll::Ready(Err(Fail::transient("the step panicked"))))
}
