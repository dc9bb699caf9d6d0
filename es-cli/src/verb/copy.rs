//! `es copy A B`: makes B the same store as A.

use super::Outside;
#[cfg(feature = "nats")]
use crate::moving::check_source;
use crate::{
    consent,
    error::Error,
    moving::{
        Canonical, Cursor, EVENTS, EventSums, Progress, Rows as _, StoreRows, Sums, Table, Target,
        check_beginning, compare, fill, id_of, sum_of,
    },
    output::Notes,
    store::{Location, Store},
};
use std::{
    thread,
    time::{Duration, Instant},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The store that is copied: as for --store
    #[arg(value_name = "FROM")]
    from: String,
    /// The store that is filled: empty, or an earlier copy
    #[arg(value_name = "TO")]
    to: String,
    /// Goes on until nobody else has FROM open
    #[arg(long, short)]
    follow: bool,
    /// With --follow: goes on until nothing has come for this long, whoever has FROM open
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, requires = "follow")]
    quiet: Option<Duration>,
    /// Also the state of projections, for which you move their tables yourself
    #[arg(long)]
    projections: bool,
    /// The schema of the tables of TO on PostgreSQL, `es` by default
    #[arg(long, value_name = "NAME")]
    to_schema: Option<String>,
    /// The schema of the read models of TO on PostgreSQL
    #[arg(long, value_name = "NAME")]
    to_read_schema: Option<String>,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

/// How often `--follow` looks.
const PAUSE: Duration = Duration::from_millis(200);
/// `--follow` compares all other tables again after so many times as long as that took.
const REST: u32 = 20;
/// With fewer new events than this since it looked last, a copy keeps up with a source that is written to all the time.
const FEW: i64 = 500;

pub(crate) fn run(args: &Args, outside: Outside<'_>) -> Result<(), Error> {
    let from = outside.find_as_said(&args.from)?;
    let to = outside.find(
        &args.to,
        args.to_schema.as_deref(),
        args.to_read_schema.as_deref(),
    )?;
    let Outside {
        mut printer,
        notes,
        is_person,
        ..
    } = outside;
    if from.is_same(&to) {
        return Err(Error::Usage(
            "a store cannot be copied to itself".to_owned(),
        ));
    }
    let what = format!(
        "This fills the store {} with what {} has",
        to.shown(),
        from.shown()
    );
    consent::ask(args.yes, &what, &notes, is_person)?;
    let mut source = Store::open_to_move(&from)?;
    let id = id_of(&mut source)?;
    if matches!(from.location(), Location::Nats(_)) && args.follow && args.quiet.is_none() {
        return Err(Error::Usage(
            "the servers of JetStream do not say who else has the store open: say with --quiet for how long nothing has to \
             have come"
                .to_owned(),
        ));
    }
    #[cfg(feature = "nats")]
    if matches!(to.location(), Location::Nats(_)) {
        let walked = check_source(&mut source)?;
        if !walked.is_empty() {
            let names = walked.into_iter().collect::<Vec<_>>().join(", ");
            notes.say(&format!(
                "es: kinds of tags are being turned on for {names}. That does not go on while the store is on JetStream"
            ))?;
        }
    }
    let is_read_models_elsewhere = !source.has_own_read_models() || !to.has_own_read_models();
    let with_read_models = source.has_read_models()? && !is_read_models_elsewhere;
    let mut copy = Copy {
        with_read_models,
        with_projections: args.projections,
        target: Target::open(&to, &id, with_read_models)?,
        source,
        progress: Progress::new(is_person),
        sums: EventSums::default(),
        written: Vec::new(),
    };
    if is_read_models_elsewhere {
        notes.say(
            "es: read models and subscriptions are in another database, which stays where it is",
        )?;
    }
    copy.check_beginning()?;
    copy.events()?;
    if args.follow {
        copy.follow(args.quiet, &notes)?;
    }
    let source = copy.moment()?;
    let at = copy.target.position;
    let target = copy.target_sums()?;
    let Copy {
        source: mut store,
        target: filled,
        written,
        progress,
        ..
    } = copy;
    drop(progress);
    compare(&source, &target, &written, &mut printer)?;
    let more = store.head()? - at;
    if args.follow {
        let others = match args.quiet {
            Some(_) => None,
            None => store.others()?,
        };
        if more != 0 || others.is_some() {
            return Err(Error::Found(format!(
                "somebody opened {} again before the end. Stop that, and run this again",
                from.shown()
            )));
        }
    }
    filled.finish()?;
    if more == 0 {
        return Ok(());
    }
    notes.say(&format!(
        "es: {} has {more} more events by now. To move to the copy, stop the application and run this again",
        from.shown()
    ))
}

struct Copy {
    source: Store<'static>,
    target: Target,
    with_read_models: bool,
    with_projections: bool,
    progress: Progress,
    sums: EventSums,
    written: Vec<(&'static str, u64)>,
}

impl Copy {
    /// The last event of the target has to be that of the source at its position.
    fn check_beginning(&mut self) -> Result<(), Error> {
        let last = self.target.position;
        if last > 0 {
            let after = last - 1;
            let ours = StoreRows::new(&mut self.target.store, &EVENTS, true)
                .after(after)
                .next()?;
            let theirs = StoreRows::new(&mut self.source, &EVENTS, true)
                .after(after)
                .next()?;
            if ours != theirs {
                return Err(self
                    .target
                    .is_other(&format!("the event at position {last}")));
            }
        }
        // A copy that was whole may have been used since.
        let was_whole = self.target.was_whole();
        for table in Table::all(self.with_read_models)
            .filter(|table| was_whole && table.is_fixed && !table.is_events())
        {
            let mut rows = StoreRows::new(&mut self.source, table, true);
            check_beginning(&mut rows, &mut self.target, table, Cursor::new(table, true))?;
        }
        Ok(())
    }

    /// Copies the events that came since, and adds them to the sums.
    fn events(&mut self) -> Result<(), Error> {
        let events = &EVENTS;
        self.progress.begin(events.name, self.source.head()?);
        let progress = &self.progress;
        let from = self.target.position;
        let mut rows = StoreRows::new(&mut self.source, events, true).after(from);
        let ours = Cursor::new(events, true).after(vec![from.into()]);
        let each = &mut |row: &Canonical| progress.at(row.position());
        let filled = fill(&mut rows, &mut self.target, events, ours, each)?;
        if filled.written > 0 {
            self.written.push((events.name, filled.written));
        }
        let to = self.target.position;
        self.sums
            .advance(&mut self.source, &mut self.target.store, to)
    }

    /// Copies what the source has at one moment: the rows of other tables name events, which have to be there. Returns the sums
    /// of all tables of the source.
    fn moment(&mut self) -> Result<Sums, Error> {
        self.source.hold()?;
        self.events()?;
        let sums = self.others()?;
        self.source.let_go()?;
        Ok(sums)
    }

    /// Makes all other tables the same. Returns the sums of all tables of the source.
    fn others(&mut self) -> Result<Sums, Error> {
        let mut sums = Sums::default();
        for table in Table::all(self.with_read_models) {
            if table.is_events() {
                sums.put(table, &self.sums.source);
                continue;
            }
            self.progress.begin(table.name, 0);
            let progress = &self.progress;
            let mut rows = StoreRows::new(&mut self.source, table, self.with_projections);
            let ours = Cursor::new(table, self.with_projections);
            let filled = fill(&mut rows, &mut self.target, table, ours, &mut |_| {
                progress.step();
            })?;
            sums.put(table, &filled.sum);
            self.written.push((table.name, filled.written));
        }
        Ok(sums)
    }

    fn target_sums(&mut self) -> Result<Sums, Error> {
        let mut sums = Sums::default();
        for table in Table::all(self.with_read_models) {
            let sum = if table.is_events() {
                self.sums.target.clone()
            } else {
                sum_of(&mut self.target.store, table, self.with_projections)?
            };
            sums.put(table, &sum);
        }
        Ok(sums)
    }

    /// Copies events until nobody else has the source open. With `quiet` until nothing has come for this long, and whoever has
    /// it open does not matter: the servers of JetStream do not say, and a database may have other users.
    ///
    /// All other tables are compared at the beginning and from time to time, so that little is left for the end.
    fn follow(&mut self, quiet: Option<Duration>, notes: &Notes<'_>) -> Result<(), Error> {
        let mut said = String::new();
        let mut since = Instant::now();
        let mut compared = None;
        let (mut ended, mut took) = (Instant::now(), Duration::ZERO);
        loop {
            let before = self.target.position;
            self.events()?;
            if compared != Some(self.target.position)
                && ended.elapsed() >= took.saturating_mul(REST)
            {
                let begin = Instant::now();
                self.moment()?;
                compared = Some(self.target.position);
                (ended, took) = (Instant::now(), begin.elapsed());
            }
            if self.target.position != before {
                since = Instant::now();
            }
            if self.target.position - before >= FEW {
                continue;
            }
            let until = match quiet {
                Some(quiet) if since.elapsed() >= quiet => return Ok(()),
                Some(quiet) => {
                    format!("nothing has come for {}", humantime::format_duration(quiet))
                }
                None => match self.source.others()? {
                    Some(others) => format!("{others} is gone"),
                    None => return Ok(()),
                },
            };
            if said != until {
                notes.say(&format!(
                    "es: the copy is at position {}, and goes on until {until}. To move, stop the application now",
                    self.target.position
                ))?;
                said = until;
            }
            thread::sleep(PAUSE);
        }
    }
}
