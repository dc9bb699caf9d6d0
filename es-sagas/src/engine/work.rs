//! Working on a saga that is due: the call of a step outside of any transaction, then its outcome and
//! what comes next in one.

use super::{
    StepCall,
    commit::{
        MAX_ATTEMPTS, append_of, contended, decide_without_lease, is_rejected_for_good,
        may_decide_again, pause_after, released,
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
    names::{COMPENSATED, COMPLETED},
    process,
    state::SagaState,
};
use es_runtime::{
    Append, AppendError, Claim, Claimed, Commit, CommitError, Timestamp, WorkQueue,
    command::DecideError,
};
use futures_timer::Delay;
use serde_json::Value;
use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

/// Takes sagas that are due.
pub(crate) async fn claim<S: WorkQueue>(
    core: &Core<S>,
    at_most: usize,
) -> Result<Vec<Claimed>, SagaError> {
    let sagas = core.categories();
    let claim = Claim::new(sagas, &core.owner, core.settings.lease, at_most);
    Ok(core.store.claim(claim).await?)
}

/// A saga that this runner holds.
struct LeasedSaga<'c, S> {
    core: &'c Core<S>,
    claimed: Claimed,
    loaded: LoadedSaga,
    space: Arc<str>,
    /// Not later than when its lease began.
    since: Instant,
    /// Whether no call of what is pending can have been lost.
    fresh: bool,
    /// Whether it let go of it with what it stored last.
    released: bool,
}

/// How an attempt to store something ended.
#[derive(PartialEq, Eq)]
enum Stored {
    Yes,
    /// Somebody else has the saga.
    Lost,
}

/// A call that is to be made.
struct NextCall {
    step: String,
    to: StepDirection,
    attempt: u32,
    timeout: Duration,
}

/// Works on a saga, claimed not before `since`, until there is nothing to do at once, and lets go of it.
///
/// A failure of the store ends the work; the saga is due again when its lease has run out.
pub(crate) async fn work_on<S: WorkQueue>(
    core: &Core<S>,
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
        // Before the first claim nobody can have called anything.
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
    let Some(kind) = core.pinned(&category, started.version, &started.hash) else {
        let info = Info::unknown(started.version, &started.hash);
        let message = format!(
            "this program has no definition {} of it; run one that has, or register the old \
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
            .settle(kind.info(), now, |draft| {
                // What came since then was not begun by anybody.
                if draft.state.pending == pending {
                    draft.interrupted();
                }
            })
            .await?;
        if noted == Stored::Lost {
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
            .settle(kind.info(), now, |draft| draft.check_deadline())
            .await?
            == Stored::Lost
        {
            return Ok(());
        }
        let Some(next) = leased.next(kind.info(), now) else {
            return Ok(());
        };
        if leased.carry_out(kind, &next).await? == Stored::Lost {
            return Ok(());
        }
    }
    if leased.released {
        return Ok(());
    }
    leased.release(kind.info()).await
}

impl<S: WorkQueue> LeasedSaga<'_, S> {
    fn draft<'a>(&'a self, info: &'a Info, now: Timestamp) -> Draft<'a> {
        self.loaded
            .draft(&self.claimed.instance, info, &self.space, now)
    }

    /// What is to be called now.
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
            step: pending.step.clone(),
            to: pending.to,
            attempt: pending.failures.saturating_add(1),
            timeout,
        })
    }

    /// Makes the call and stores its outcome.
    async fn carry_out(
        &mut self,
        kind: &dyn ErasedSaga,
        next: &NextCall,
    ) -> Result<Stored, SagaError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let work = self.prepare(kind, next);
            let (result, append) = match work {
                Err(fail) => (Err(fail), None),
                Ok((_, Prepared::Command(command))) => {
                    let decided = match self.intercept_command(next).await {
                        Ok(()) => command.decide(&self.core.store).await,
                        Err(fail) => return self.outcome(kind.info(), next, &Err(fail)).await,
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
                Ok((cx, Prepared::Call(call))) => (self.call(&cx, call, next).await, None),
            };
            let Some(append) = append else {
                return self.outcome(kind.info(), next, &result).await;
            };
            match self.outcome_with(kind.info(), next, append).await? {
                CommandOutcome::Stored(stored) => return Ok(stored),
                CommandOutcome::Rejected(why) => {
                    let fail = Fail::transient(why);
                    return self.outcome(kind.info(), next, &Err(fail)).await;
                }
                // Another writer changed the aggregate: the command is decided again.
                CommandOutcome::Conflict if tries < MAX_ATTEMPTS * 2 => {}
                CommandOutcome::Conflict => {
                    let fail = Fail::transient("others changed the aggregate in every attempt");
                    return self.outcome(kind.info(), next, &Err(fail)).await;
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

    /// The call, made by the user's code.
    fn prepare(&self, kind: &dyn ErasedSaga, next: &NextCall) -> Result<(StepCx, Prepared), Fail> {
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
        let made = catch_unwind(AssertUnwindSafe(|| kind.perform(call)));
        let work = made.unwrap_or_else(|_| Err(Fail::transient("the step panicked")))?;
        Ok((cx, work))
    }

    async fn intercept_command(&self, next: &NextCall) -> Result<(), Fail> {
        let (Some(interceptor), Some(cx)) = (&self.core.settings.interceptor, self.cx(next)) else {
            return Ok(());
        };
        let nothing = Box::pin(std::future::ready(Ok(Value::Null)));
        interceptor.call(&cx, nothing).await.map(|_| ())
    }

    /// Lets the lease begin anew when a good part of it has passed. `false` when somebody else has the
    /// saga.
    async fn keep(&mut self) -> bool {
        let lease = self.core.settings.lease;
        if self.since.elapsed() < lease / 3 {
            return true;
        }
        let now = Instant::now();
        match self.core.store.renew(&self.claimed, lease).await {
            Ok(true) => self.since = now,
            Ok(false) => return false,
            // A store that cannot be asked will say at the next commit.
            Err(_) => {}
        }
        true
    }

    /// Runs the call within its time, and keeps the lease meanwhile. When the lease is lost all the same,
    /// the call still comes to its end: what it did is to be told.
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
        let mut time = pin!(Delay::new(next.timeout));
        let lease = self.core.settings.lease;
        let mut since = self.since;
        let mut keeping = pin!(async {
            loop {
                Delay::new((lease / 3).saturating_sub(since.elapsed())).await;
                since = Instant::now();
                if let Ok(false) = self.core.store.renew(&self.claimed, lease).await {
                    return;
                }
            }
        });
        let mut kept = true;
        poll_fn(|context| {
            // A panic leaves the call in doubt; it is not polled again.
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
            match polled {
                Ok(Poll::Ready(result)) => return Poll::Ready(result),
                Ok(Poll::Pending) => {}
                Err(_) => return Poll::Ready(Err(Fail::transient("the step panicked"))),
            }
            if time.as_mut().poll(context).is_ready() {
                let message = format!("no answer within {:?}", next.timeout);
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
                draft.outcome(&next.step, next.to, result);
            })
            .await;
        let stored = match stored {
            // It worked, and what it gave is more than can be stored: it cannot be gone on with.
            Err(SagaError::Commit(error)) if is_rejected_for_good(&error) && result.is_ok() => {
                let fail = Err(Fail::transient(format!(
                    "what it gave is rejected: {error}"
                )));
                self.settle(info, now, |draft| {
                    draft.outcome(&next.step, next.to, &fail);
                })
                .await?
            }
            other => other?,
        };
        if let (Stored::Lost, StepDirection::Do, Ok(output)) = (&stored, next.to, result) {
            self.record_late_success(&next.step, output).await?;
        }
        Ok(stored)
    }

    /// A call worked, and the saga was lost meanwhile: if it was undone, it must be undone again.
    async fn record_late_success(&self, step: &str, output: &Value) -> Result<(), SagaError> {
        let metadata = self.loaded.metadata.clone();
        let instance = &self.claimed.instance;
        decide_without_lease(self.core, instance, None, &metadata, |draft| {
            draft.late(step, output);
            Ok(())
        })
        .await
    }

    /// Stores what was decided together with the events of an aggregate.
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
            draft.outcome(&next.step, next.to, &Ok(Value::Null));
        }
        if draft.events.is_empty() {
            // It is at something else by now: the command is not what comes next any more.
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
            Err(CommitError::Fenced { .. }) => Ok(CommandOutcome::Stored(Stored::Lost)),
            Err(CommitError::Append(AppendError::Conflict { stream, .. }))
                if stream == aggregate =>
            {
                Ok(CommandOutcome::Conflict)
            }
            Err(error) if is_rejected_for_good(&error) => {
                Ok(CommandOutcome::Rejected(error.to_string()))
            }
            Err(error) if may_decide_again(&error) => {
                pause_after(&error, 1).await;
                self.loaded = load(&self.core.store, &self.claimed.instance).await?;
                let pending = self.loaded.state.pending.as_ref();
                let same = pending.is_some_and(|p| p.is(&next.step, next.to));
                // Stored after all, or an input came first: look at it anew.
                Ok(if same {
                    CommandOutcome::Conflict
                } else {
                    CommandOutcome::Stored(Stored::Yes)
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn stored(&mut self, state: SagaState, events: usize) {
        let key = |state: &SagaState| state.pending.as_ref().map(|pending| pending.key);
        self.fresh = key(&state).is_some() && key(&self.loaded.state) != key(&state);
        self.loaded.state = state;
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.loaded.version = self.loaded.version.saturating_add(events);
    }

    /// Decides on the newest state and stores it, again and later when others were first. Lets go of the
    /// saga in the same transaction when there is nothing to do at once.
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
            if events.is_empty() && due {
                return Ok(Stored::Yes);
            }
            // Also without events: the row is that of this version of the stream.
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
                Err(CommitError::Fenced { .. }) => return Ok(Stored::Lost),
                Err(error) if may_decide_again(&error) && attempt < MAX_ATTEMPTS => {
                    pause_after(&error, attempt).await;
                    self.loaded = load(&self.core.store, &self.claimed.instance).await?;
                    self.fresh = false;
                    now = self.core.store.now().await?;
                }
                Err(error) => {
                    let instance = &self.claimed.instance;
                    return Err(contended(instance, attempt, error));
                }
            }
        }
    }

    /// Gives the saga back as it is.
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
                    self.loaded = load(&self.core.store, &self.claimed.instance).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// How a command to an aggregate went.
enum CommandOutcome {
    Stored(Stored),
    /// Another writer changed the aggregate first.
    Conflict,
    /// Its events would be rejected each time: as they are, or by a projection inside of the transaction.
    Rejected(String),
}
