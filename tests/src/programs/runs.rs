//! What the runs of chaos on databases and on NATS have in common: their arguments, how they end, and a look at all that
//! was stored.

use es_runtime::{EventFilter, EventStore, Position, ReadLimit, RecordedEvent};
use std::process::ExitCode;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What every run is asked for.
pub(crate) struct Arguments {
    pub(crate) seed: u64,
    pub(crate) minutes: f64,
    pub(crate) json: bool,
}

/// Reads arguments. Those that not every run has are passed to `own`, with what gives their value; it fails for one that
/// it does not know.
pub(crate) fn arguments(
    mut words: impl Iterator<Item = String>,
    mut own: impl FnMut(&str, &mut dyn FnMut() -> Result<String, Failure>) -> Result<(), Failure>,
) -> Result<Arguments, Failure> {
    let mut arguments = Arguments {
        seed: fastrand::u64(..),
        minutes: 1.0,
        json: false,
    };
    while let Some(word) = words.next() {
        let mut value = || {
            let value = words.next();
            value.ok_or_else(|| Failure::from(format!("{word} needs a value")))
        };
        match word.as_str() {
            "--seed" => arguments.seed = value()?.parse()?,
            "--minutes" => arguments.minutes = value()?.parse()?,
            "--json" => arguments.json = true,
            other => own(other, &mut value)?,
        }
    }
    Ok(arguments)
}

pub(crate) fn unknown(word: &str) -> Failure {
    format!("unknown argument {word}").into()
}

/// The end of a program whose arguments cannot be read.
pub(crate) fn misread(error: &Failure, usage: &str) -> ExitCode {
    eprintln!("{error}\n{usage}");
    ExitCode::from(2)
}

/// The end of a run, which says whether all was as it has to be.
pub(crate) fn ended(seed: u64, holds: Result<bool, Failure>) -> ExitCode {
    match holds {
        Ok(holds) => ExitCode::from(u8::from(!holds)),
        Err(error) => {
            eprintln!("seed {seed}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Passes all events of a store to `take`, in the order of the feed.
pub(crate) async fn each_event<S: EventStore>(
    store: &S,
    mut take: impl FnMut(&RecordedEvent) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut from = Position::START;
    loop {
        let page = store
            .read_feed(from, &EventFilter::all(), ReadLimit::default())
            .await?;
        page.events.iter().try_for_each(&mut take)?;
        from = page.next;
        if page.at_end {
            return Ok(());
        }
    }
}
