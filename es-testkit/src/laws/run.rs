//! Runs a law on random cases, and makes the shortest case readable that breaks it.

use super::{
    Broken, Law, LawfulEvents, LawfulState, Laws,
    history::{self, History, Step, Stored, Version},
    model::{self, Answer},
    panics::caught,
    refusals::Refusals,
    rules,
};
use es_runtime::{EventSet, StreamId};
use proptest::{
    prelude::{BoxedStrategy, ProptestConfig, Strategy},
    strategy::ValueTree,
    test_runner::{FileFailurePersistence, RngSeed, TestCaseError, TestError, TestRunner},
};
use std::{collections::BTreeMap, env, fmt::Debug, future::Future};

/// Cases of each law, unless more are asked for.
pub(super) const CASES: u32 = 64;
/// Commands of the longest history.
const LONGEST: usize = 12;
/// How many more histories are tried before a command counts as never accepted.
const ACCEPTED_IN: u32 = 32;
/// How many smaller cases are tried to find the shortest one.
const SHRINKS: u32 = 20_000;
/// A new database for each case takes its time: so many times fewer cases.
#[cfg(feature = "sqlite")]
const FEWER_FOR_A_DATABASE: u32 = 8;
#[cfg(feature = "sqlite")]
const SHRINKS_FOR_A_DATABASE: u32 = 100;

/// A case that breaks a law: why, and the shortest one.
struct Found<T> {
    reason: String,
    value: Option<T>,
}

impl<A: LawfulState<Event: LawfulEvents>> Laws<A> {
    pub(super) fn check_law(&self, law: Law) -> Result<(), Broken> {
        match law {
            Law::ReplayEqualsLive => self.histories(law, self.how_many(), |history| {
                blocking(rules::live::replay_equals_live(history, &self.stream_id()?))
            }),
            Law::SnapshotsEqualReplay => self.histories(law, self.how_many(), |history| {
                blocking(rules::live::snapshots_equal_replay(
                    history,
                    &self.stream_id()?,
                ))
            }),
            Law::NothingPanics => self.histories(law, self.how_many(), rules::pure::nothing_panics),
            Law::Deterministic => self.histories(law, self.how_many(), rules::pure::deterministic),
            Law::RejectionsChangeNothing => {
                self.histories(law, self.how_many(), rules::pure::rejections_change_nothing)
            }
            Law::UniqueValuesAndTagsFit => self.histories(
                law,
                self.how_many(),
                rules::stored::unique_values_and_tags_fit,
            ),
            Law::EventsAreReadBack => self.events_are_read_back(law),
            Law::OldVersionsAreUpcast => self.old_versions_are_upcast(law),
            Law::CommandsAreAccepted => self.commands_are_accepted(law),
            Law::RebuiltEqualsLive => self.rebuilt_equals_live(law),
        }
    }

    /// How many cases are tried, and how many smaller ones.
    fn how_many(&self) -> (u32, u32) {
        // proptest reads it.
        let cases = if env::var_os("PROPTEST_CASES").is_some() {
            ProptestConfig::default().cases
        } else {
            self.cases
        };
        (cases, SHRINKS)
    }

    fn runner(&self, cases: u32, shrinks: u32) -> TestRunner {
        let mut config = ProptestConfig {
            cases,
            failure_persistence: None,
            max_shrink_iters: shrinks,
            ..ProptestConfig::default()
        };
        if let Some(seed) = self.seed {
            config.rng_seed = RngSeed::Fixed(seed);
        } else if self.source.is_some() {
            config.source_file = self.source;
            config.failure_persistence =
                Some(Box::new(FileFailurePersistence::WithSource("regressions")));
        }
        TestRunner::new(config)
    }

    /// Runs the rule on values of the strategy.
    fn run<T: Debug>(
        &self,
        (cases, shrinks): (u32, u32),
        strategy: &BoxedStrategy<T>,
        rule: impl Fn(&T) -> Result<(), String>,
    ) -> Result<(), Found<T>> {
        let tested = self.runner(cases, shrinks).run(strategy, |value| {
            let result = caught(|| rule(&value)).unwrap_or_else(Err);
            result.map_err(TestCaseError::fail)
        });
        tested.map_err(|error| match error {
            TestError::Fail(_, value) => {
                // The reason of the shortest case. A rule that is not deterministic may have another one now.
                let again = caught(|| rule(&value)).unwrap_or_else(Err);
                let reason = again.err().unwrap_or_else(|| {
                    "it did not happen again with the same commands: something is not deterministic".to_owned()
                });
                Found {
                    reason,
                    value: Some(value),
                }
            }
            TestError::Abort(reason) => Found {
                reason: reason.to_string(),
                value: None,
            },
        })
    }

    fn history(&self, refusals: &Refusals) -> BoxedStrategy<History<A>> {
        if self.commands.is_empty() {
            history::of_events(&self.versions, &self.given, LONGEST, refusals)
        } else {
            history::of_commands(&self.commands, &self.given, LONGEST, refusals)
        }
    }

    fn histories(
        &self,
        law: Law,
        cases: (u32, u32),
        rule: impl Fn(&History<A>) -> Result<(), String>,
    ) -> Result<(), Broken> {
        let refusals = Refusals::default();
        let strategy = self.history(&refusals);
        self.run(cases, &strategy, rule).map_err(|found| {
            let steps = found.value.as_ref().map_or(0, |history| history.0.len());
            let shown = found.value.as_ref().map(model::shown).unwrap_or_default();
            Self::broken(law, found.reason, shown, steps)
        })?;
        Self::nothing_refused(law, &refusals)
    }

    /// Runs the rule on stored events of one version.
    fn payloads(
        &self,
        law: Law,
        version: &Version,
        refusals: &Refusals,
        rule: impl Fn(&Stored) -> Result<(), String>,
    ) -> Result<(), Broken> {
        let (of, counts) = (version.clone(), refusals.clone());
        let payloads = version.payloads(&self.given).prop_map(move |made| {
            let stored = of.stored(made.text(&BTreeMap::new()));
            let what = || format!("event `{}` v{}", of.name, of.number);
            counts.count(what, history::readable::<A::Event>(&stored));
            stored
        });
        self.run(self.how_many(), &payloads.boxed(), rule)
            .map_err(|found| Self::broken_payload(law, found.reason, found.value))
    }

    fn events_are_read_back(&self, law: Law) -> Result<(), Broken> {
        if !self.commands.is_empty() {
            self.histories(law, self.how_many(), |history| {
                rules::stored::decided_are_read_back(history, &self.codecs)
            })?;
        }
        let refusals = Refusals::default();
        for version in &self.versions {
            let written = A::Event::TYPES
                .iter()
                .any(|kind| kind.name == version.name && version.number <= kind.version);
            // A version that this program does not write yet would be written as the one before it.
            if written {
                self.payloads(law, version, &refusals, |stored| {
                    rules::stored::stored_is_read_back::<A::Event>(stored, &self.codecs)
                })?;
            }
        }
        Self::nothing_refused(law, &refusals)
    }

    fn old_versions_are_upcast(&self, law: Law) -> Result<(), Broken> {
        let refusals = Refusals::default();
        for version in &self.versions {
            self.payloads(
                law,
                version,
                &refusals,
                rules::stored::is_upcast::<A::Event>,
            )?;
            let Some(pairs) = rules::stored::pairs(&self.versions, version, &self.given) else {
                continue;
            };
            self.run(self.how_many(), &pairs, |pair| {
                pair.nothing_is_lost::<A::Event>()
            })
            .map_err(|found| Self::broken_payload(law, found.reason, found.value))?;
        }
        Self::nothing_refused(law, &refusals)
    }

    fn commands_are_accepted(&self, law: Law) -> Result<(), Broken> {
        let refusals = Refusals::default();
        let strategy = self.history(&refusals);
        let mut runner = self.runner(1, SHRINKS);
        // The last rejection of each command that was not accepted yet.
        let mut left: BTreeMap<_, _> = self
            .commands
            .iter()
            .map(|kind| (kind.name, "it was never sent".to_owned()))
            .collect();
        for _ in 0..self.how_many().0.saturating_mul(ACCEPTED_IN) {
            if left.is_empty() {
                return Ok(());
            }
            let Ok(tree) = strategy.new_tree(&mut runner) else {
                continue;
            };
            let history = tree.current();
            let mut steps = history.0.iter();
            // A history that stops is the concern of another law.
            let _ = model::follow(&history, |answer, _| {
                let Some(Step::Command(name, _)) = steps.next() else {
                    return;
                };
                match answer {
                    Answer::Events(_) => {
                        left.remove(name);
                    }
                    Answer::Rejected(why) => {
                        left.entry(name).and_modify(|last| last.clone_from(why));
                    }
                }
            });
        }
        Self::nothing_refused(law, &refusals)?;
        if left.is_empty() {
            return Ok(());
        }
        let lines: Vec<_> = left
            .iter()
            .map(|(name, why)| format!("`{name}` was never accepted, the last time: {why}\n"))
            .collect();
        let advice = "The other laws say nothing about its events. Give values that it accepts: \
            `values(\"FIELD\" => [..])`, or a strategy: `commands(Name = strategy)`.";
        Err(Self::broken(law, lines.concat() + advice, String::new(), 0))
    }

    #[cfg(feature = "sqlite")]
    fn rebuilt_equals_live(&self, law: Law) -> Result<(), Broken> {
        let cases = self.how_many().0.div_ceil(FEWER_FOR_A_DATABASE);
        let cases = (cases, SHRINKS_FOR_A_DATABASE);
        self.histories(law, cases, |history| {
            let Ok(live) = model::live(history) else {
                return Ok(());
            };
            let stream =
                StreamId::of::<A>(&self.stream_id()?).map_err(|error| error.to_string())?;
            for projection in &self.projections {
                blocking(async {
                    projection.run(&stream, &live.stored).await;
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    #[cfg(not(feature = "sqlite"))]
    #[expect(clippy::unused_self, reason = "with the feature it is needed")]
    fn rebuilt_equals_live(&self, law: Law) -> Result<(), Broken> {
        let reason = "projections are tested with the feature `sqlite` of es-testkit";
        Err(Self::broken(law, reason.to_owned(), String::new(), 0))
    }

    /// The id that the user gave, or one of the usual forms.
    fn stream_id(&self) -> Result<A::Id, String> {
        let usual = ["1", "00000000-0000-4000-8000-000000000001", "a"];
        let usual = || usual.into_iter().find_map(|text| text.parse().ok());
        let id = self.id.clone().or_else(usual);
        let id = id.filter(|id: &A::Id| StreamId::of::<A>(id).is_ok());
        id.ok_or_else(|| {
            "the id of the aggregate is neither a text, a number nor a UUID: give one with `id = ..`".to_owned()
        })
    }

    fn nothing_refused(law: Law, refusals: &Refusals) -> Result<(), Broken> {
        match refusals.problem() {
            Some(problem) => Err(Self::broken(law, problem, String::new(), 0)),
            None => Ok(()),
        }
    }

    fn broken_payload(law: Law, reason: String, value: Option<impl Debug>) -> Broken {
        let history = value.map(|value| format!("  {value:?}\n"));
        let steps = usize::from(history.is_some());
        Self::broken(law, reason, history.unwrap_or_default(), steps)
    }

    fn broken(law: Law, reason: String, history: String, steps: usize) -> Broken {
        Broken {
            aggregate: A::NAME,
            law,
            reason,
            history,
            steps,
        }
    }
}

/// Runs a future to its end.
fn blocking(future: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| error.to_string())?.block_on(future)
}
