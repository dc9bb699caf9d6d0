//! The feed: all messages of the stream in the order of their sequences. A sequence that is missing is an error.
//!
//! Messages come from any replica, a page ahead. The leader is asked only where that replica ends, or where one is missing.

use crate::{ahead::Fetch, record::StoredCommit, shared::Shared, wire::StoredMessage};
use es_runtime::{
    EventFilter, FeedPage, Position, ReadError, ReadLimit, StorageError, StorageErrorKind,
    store::author::{Page, Repeated},
};
use std::ops::ControlFlow;

/// Messages of one batch.
const MESSAGES: usize = 2_048;
/// Messages that one page looks at, so that a filter which excludes all of them ends.
const WINDOW: u64 = 8_192;
/// Bytes of one batch. A single message may be larger.
const BYTES: usize = 8 * 1024 * 1024;

impl Shared {
    pub(crate) async fn feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let [high, start, _] = after.to_parts();
        if high > 0 {
            return Ok(FeedPage::new(Vec::new(), after, true));
        }
        if limit.events == 0 {
            return Ok(FeedPage::new(Vec::new(), after, false));
        }
        // The message of the position may have events after it.
        let start = start.max(1);
        let bytes = limit.bytes.saturating_add(64 * 1024).clamp(1, BYTES);
        let next = self.quiet.next(after).filter(|next| *next > start);
        let mut scan = Scan::new(self, filter, after, limit, next.unwrap_or(start));
        let (mut ready, mut fetch) = (None, None);
        // A reader that goes on where a page has ended will go on after this one, too.
        let ahead = match next {
            Some(_) => None,
            None => self.ahead.take(start),
        };
        let follows = match ahead {
            Some(rest) => {
                (ready, fetch) = (Some(rest.batch), rest.fetch);
                true
            }
            None => false,
        };
        loop {
            if ready.is_none() {
                ready = match fetch.take() {
                    Some(fetch) => fetch.batch_from(scan.next).await,
                    None => None,
                };
            }
            let batch = if let Some(batch) = ready.take() {
                batch
            } else {
                let many = scan.messages_of_the_rest();
                self.wire.some_from(">", scan.next, many, bytes).await?
            };
            let taken = match scan.take(&batch.messages).await {
                Ok(taken) => taken,
                Err(error) => return scan.up_to(error),
            };
            if matches!(taken, Taken::UpToTheLimit) || scan.is_over() {
                if fetch.is_none() && follows && batch.has_more() {
                    let last = batch.messages.last().map(|last| last.sequence);
                    let from = last.map_or(scan.next, |last| last.saturating_add(1));
                    let many = scan.messages_of_a_page();
                    fetch = Some(Fetch::start(&self.wire, from, many, bytes));
                }
                let page = scan.cut();
                self.ahead.keep(&page, batch, fetch);
                return Ok(page);
            }
            if matches!(taken, Taken::All) && batch.has_more() && !batch.messages.is_empty() {
                continue;
            }
            let seen = self.identity.seen();
            let newest = self.wire.last(">").await?;
            let newest = newest.map(|message| message.sequence);
            self.same_stream(newest.unwrap_or(0), seen).await?;
            if newest.is_some_and(|newest| newest < scan.next) {
                return Ok(scan.ended());
            }
            // The replica is behind, or the newest messages are erased. The leader has the next one.
            let message = self.wire.next(">", scan.next).await?;
            if message.is_none() {
                return Ok(scan.ended());
            }
            match scan.take(message.as_slice()).await {
                Ok(Taken::UpToTheLimit) => return Ok(scan.cut()),
                Ok(_) if scan.is_over() => return Ok(scan.cut()),
                Ok(_) => {}
                Err(error) => return scan.up_to(error),
            }
        }
    }

    /// Whether the messages from `next` up to the one before `found` are gone and may be. Returns `false` when the leader has
    /// one.
    ///
    /// # Errors
    /// They are missing.
    pub(crate) async fn may_skip(&self, next: u64, found: u64) -> Result<bool, ReadError> {
        let first = self.wire.next(">", next).await?;
        if first.is_some_and(|first| first.sequence < found) {
            return Ok(false);
        }
        if (next..found).all(|sequence| self.is_erased(sequence)) {
            return Ok(true);
        }
        let name = self.subjects.name();
        let what = format!(
            "messages {next} to {} of stream {name} are missing: they were erased or lost; restore them, or accept that \
             with `NatsOptions::erased`",
            found.saturating_sub(1)
        );
        Err(StorageError::new(StorageErrorKind::Corrupt, what).into())
    }
}

/// How far messages were taken.
enum Taken {
    All,
    /// Up to one that the replica has lost, and the leader has.
    UpToAGap,
    /// Up to one with an event that does not belong to the page.
    UpToTheLimit,
}

/// Collects a page.
struct Scan<'a> {
    shared: &'a Shared,
    filter: &'a EventFilter,
    after: Position,
    limit: ReadLimit,
    page: Page,
    texts: Repeated,
    /// The last event that was considered.
    end: Position,
    /// The sequence that comes next.
    next: u64,
    /// How many messages were taken.
    messages: usize,
    /// Where the page ends, whatever it has.
    stop: u64,
}

impl<'a> Scan<'a> {
    fn new(
        shared: &'a Shared,
        filter: &'a EventFilter,
        after: Position,
        limit: ReadLimit,
        start: u64,
    ) -> Self {
        Self {
            shared,
            filter,
            after,
            limit,
            page: Page::new(limit),
            texts: Repeated::default(),
            end: after,
            next: start,
            messages: 0,
            stop: start.saturating_add(WINDOW),
        }
    }

    /// Whether the page has enough, or has looked at enough.
    fn is_over(&self) -> bool {
        self.page.is_full() || self.next >= self.stop && self.end > self.after
    }

    /// How many messages have so many events of the page, if they are like those before.
    fn messages_of(&self, events: usize) -> usize {
        let found = self.page.events.len();
        let many = events.saturating_mul(self.messages.max(1));
        let many = many.checked_div(found.max(1)).unwrap_or(events);
        // The message of the position is among them.
        many.saturating_add(1).clamp(2, MESSAGES)
    }

    fn messages_of_the_rest(&self) -> usize {
        self.messages_of(self.limit.events.saturating_sub(self.page.events.len()))
    }

    fn messages_of_a_page(&self) -> usize {
        self.messages_of(self.limit.events)
    }

    /// Takes messages in order.
    ///
    /// # Errors
    /// Some are missing, or one cannot be read.
    async fn take(&mut self, messages: &[StoredMessage]) -> Result<Taken, ReadError> {
        for message in messages {
            let sequence = message.sequence;
            if sequence != self.next && !self.shared.may_skip(self.next, sequence).await? {
                return Ok(Taken::UpToAGap);
            }
            if self.message(message)?.is_break() {
                return Ok(Taken::UpToTheLimit);
            }
            self.next = sequence.saturating_add(1);
            self.messages = self.messages.saturating_add(1);
        }
        Ok(Taken::All)
    }

    fn message(&mut self, message: &StoredMessage) -> Result<ControlFlow<()>, ReadError> {
        if !self.shared.subjects.is_commit(&message.subject) {
            return Ok(ControlFlow::Continue(()));
        }
        let commit = StoredCommit::of(message, &self.shared.subjects)?;
        let Self {
            filter,
            after,
            page,
            texts,
            end,
            ..
        } = self;
        let aggregate = commit.stream.aggregate();
        commit.each_recorded(texts, |event, recorded| {
            if event.position() <= *after {
                return ControlFlow::Continue(());
            }
            if page.is_full() {
                return ControlFlow::Break(());
            }
            if filter.accepts(aggregate, event.name()) && !page.take(recorded()) {
                return ControlFlow::Break(());
            }
            *end = event.position();
            ControlFlow::Continue(())
        })
    }

    /// A page that ends before what cannot be read. The next page begins with it and is this error.
    fn up_to(self, error: ReadError) -> Result<FeedPage, ReadError> {
        if self.end > self.after {
            return Ok(self.cut());
        }
        Err(error)
    }

    /// A page after which there is more.
    fn cut(self) -> FeedPage {
        self.ending(false)
    }

    /// A page that ends with the store.
    fn ended(self) -> FeedPage {
        let up_to = self.next.saturating_sub(1);
        self.shared.quiet.passed(self.end, up_to);
        self.ending(true)
    }

    fn ending(self, at_end: bool) -> FeedPage {
        FeedPage::new(self.page.events, self.end, at_end)
    }
}
