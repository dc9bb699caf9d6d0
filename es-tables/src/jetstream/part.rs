//! Fetching a part of the events, so that a look at one stream does not read the whole store.
//!
//! A statement that says what it needs finds that in the tables; what else is there does not matter to it. The first one that
//! says nothing has everything fetched, and from then on only what is new is read.

use super::{JetStream, numbering::Numbering, tables, unread};
use crate::{Error, need::Need, position};
use es_nats::transfer::Record;
use es_runtime::StreamId;

/// Messages that are read to find one event.
const FEW: usize = 16;

/// Which part is there.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// What the next statement needs.
    pub(super) need: Option<Need>,
    /// Whether everything was fetched.
    is_whole: bool,
    /// The messages after one sequence and up to another one, which were fetched last.
    range: (u64, u64),
    /// The messages after one sequence and up to a commit, which were fetched last to find that.
    found: (u64, u64),
}

impl Part {
    /// Everything is fetched from the beginning on.
    pub(super) fn whole() -> Self {
        Self {
            is_whole: true,
            ..Self::default()
        }
    }

    /// Whether events may be in the tables already that are read now.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }
}

fn sequence(place: i64) -> u64 {
    let [_, sequence, _] = position::of(place).to_parts();
    sequence
}

impl JetStream {
    /// Fetches what the next statement needs, as it is now.
    pub(super) fn fetch(&mut self) -> Result<(), Error> {
        match self.part.need.take() {
            Some(need) if !self.part.is_whole => self.fetch_part(&need),
            _ if self.part.is_whole => self.advance(),
            _ => {
                // What was fetched in parts is fetched again: the end of each part is another one.
                tables::clear_events(&self.tables.connection)?;
                self.waiting.clear();
                self.tagged.clear();
                self.part = Part::whole();
                self.advance()
            }
        }
    }

    fn fetch_part(&mut self, need: &Need) -> Result<(), Error> {
        match need {
            Need::Stream { aggregate, id } => match StreamId::new(aggregate, id) {
                Ok(stream) => self.fetch_stream(&stream),
                // No store has it.
                Err(_) => Ok(()),
            },
            Need::Range(after, to) => {
                let (from, to) = (sequence(*after).saturating_sub(1), sequence(*to));
                if self.part.range.0 <= from && to <= self.part.range.1 {
                    return Ok(());
                }
                let mut last = from;
                while last < to {
                    let page = self.wait(self.transfer.read(last), unread)?;
                    self.take(&page.records)?;
                    last = page.last;
                    if page.is_at_end {
                        break;
                    }
                }
                self.part.range = (from, last);
                Ok(())
            }
            Need::From(place) => {
                let wanted = sequence(*place);
                if self.part.found.0 < wanted && wanted < self.part.found.1 {
                    return Ok(());
                }
                let first = wanted.saturating_sub(1);
                let mut last = first;
                loop {
                    let page = self.wait(self.transfer.read_few(last, FEW), unread)?;
                    self.take(&page.records)?;
                    last = page.last;
                    // The first one may be before the event that is meant.
                    let mut commits = page.records.iter().filter(|(sequence, record)| {
                        matches!(record, Record::Commit(_)) && *sequence > wanted
                    });
                    if let Some((commit, _)) = commits.next_back() {
                        self.part.found = (first, *commit);
                        return Ok(());
                    }
                    if page.is_at_end {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn fetch_stream(&mut self, stream: &StreamId) -> Result<(), Error> {
        debug_assert!(matches!(self.numbering, Numbering::Places));
        let mut after = tables::last_version(&self.tables.connection, stream)?;
        loop {
            let commits = self.wait(self.transfer.commits_of(stream, after), unread)?;
            let Some((_, Record::Commit(last))) = commits.last() else {
                return Ok(());
            };
            let count = u64::try_from(last.events.len()).unwrap_or(u64::MAX);
            after = last.first.saturating_add(count).saturating_sub(1);
            self.take(&commits)?;
        }
    }
}
