//! Appending and reading events.

use crate::{
    PostgresStore,
    connection::{Param, Session},
    errors::{closed, corrupt, no_answer, read_error},
    feed::{feed_page, head_of},
    rows::{self, Recorded, clamped, position, stored_event},
    store::NAME,
    tagged::Asked,
    write,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, FeedPage, Outcome, Position,
    ReadDirection, ReadError, ReadLimit, RecordedEvent, StorageError, StorageErrorKind, StreamFold,
    StreamId, StreamRange, TagQuery, TagWalk, TagWalked, TaggedBackward, TaggedPage, UniqueWalk,
    UniqueWalked,
    store::author,
    store::author::{Page, RowLocation},
};
use futures_util::TryStreamExt;
use std::{
    ops::{Bound, ControlFlow},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::SystemTime,
};
use tokio::sync::oneshot;
use tokio_postgres::types::Type;

/// The rows of the first page of a fold. Other reads on the connection wait for a page.
const FOLD_PAGE: i64 = 1000;
/// The rows of each later page: between two pages, server and fold wait for each other.
const LATER_FOLD_PAGE: i64 = 4000;

impl EventStore for PostgresStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let failed = |outcome, error| {
            Err(AppendError::Storage {
                stream: stream.clone(),
                outcome,
                error,
            })
        };
        author::check_bounds(&append, &self.shared().settings.limits)?;
        if let Err(error) = self.shared().check_open() {
            return failed(Outcome::NotApplied, error);
        }
        let since = author::Timer::start();
        let (reply, answer) = oneshot::channel();
        let message = write::Message::Append(Box::new(append), reply);
        if self.shared().writes.send(message).await.is_err() {
            return failed(Outcome::NotApplied, closed());
        }
        let answer = match answer.await {
            Ok(verdict) => verdict,
            Err(_) => failed(Outcome::Unknown, no_answer()),
        };
        author::appended(since, NAME, &answer);
        answer
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let params: [Param<'_>; 3] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
            (&id.as_str(), Type::TEXT),
        ];
        let sql = &self.shared().statements.first_append;
        let found = self.shared().rows(sql, &params).await?;
        let first = found.first().map(|row| rows::appended(row, stream, id));
        Ok(first.transpose()?)
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        self.shared().check_open()?;
        let mut folding = Folding {
            stream,
            fold,
            previous: after,
            page: FOLD_PAGE,
        };
        let mut tries = 0;
        loop {
            let session = self.shared().readers.get().await?;
            let before = folding.previous;
            match folding.page(&session, &self.shared().statements.fold).await {
                Ok(true) => return Ok(folding.fold),
                Ok(false) => tries = 0,
                // What was folded stays; reading goes on after it.
                Err(_) if session.is_closed() && tries < 2 => {
                    tries = if folding.previous > before {
                        0
                    } else {
                        tries + 1
                    };
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let statements = &self.shared().statements;
        let pages = match range.direction {
            ReadDirection::Forward => &statements.stream_forward,
            ReadDirection::Backward => &statements.stream_backward,
        };
        let most = i64::try_from(limit.events).unwrap_or(i64::MAX);
        let bytes = i64::try_from(limit.bytes).unwrap_or(i64::MAX);
        let params: [Param<'_>; 5] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
            (&most, Type::INT8),
            (&bytes, Type::INT8),
            (&clamped(range.after), Type::INT8),
        ];
        self.shared().check_open()?;
        let session = self.shared().readers.get().await?;
        let mut recorded = Recorded::default();
        let mut page = Page::new(limit);
        // Backward, the first one is the newest: whatever its version is.
        let mut previous = match range.direction {
            ReadDirection::Forward => Some(range.after),
            ReadDirection::Backward => None,
        };
        let sql = pages.sql(limit);
        let found = session.stream(sql, &params).await.map_err(read_error)?;
        let mut found = pin!(found);
        while let Some(row) = found.try_next().await.map_err(read_error)? {
            let place = rows::place(&row)?;
            if let Some(previous) = previous {
                place.follows(stream, previous, range.direction)?;
            }
            if !page.take(recorded.read(&row)?) {
                pages.learn(&page.events);
                return Ok(page.events);
            }
            previous = Some(place.version);
        }
        pages.learn(&page.events);
        // Backward, a stream that was read to its end ends at its first event.
        if let (ReadDirection::Backward, Some(2..), Some(last), false) = (
            range.direction,
            previous,
            page.events.last(),
            page.is_full(),
        ) {
            let place = RowLocation {
                version: last.version,
                position: last.position,
            };
            return Err(place.damaged(stream, "the versions before it are missing"));
        }
        Ok(page.events)
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        let sql = &self.shared().statements.store_id;
        let found = self.shared().rows(sql, &[]).await?;
        Ok(rows::store_id(&found)?)
    }

    async fn walk_unique(&self, walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        let shared = self.shared();
        shared.check_open()?;
        let connector = &shared.settings.connector;
        // A connection of its own, which is closed at the end, whatever became of the transaction.
        let session = connector.patient_session().await?;
        let begin = connector.begin("READ COMMITTED");
        Box::pin(write::walk(&session, &shared.statements, &begin, &walk)).await
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        self.shared().check_open()?;
        let session = self.shared().readers.get().await?;
        let read = self.asked(&session, query, limit).page(after).await;
        match read {
            Err(_) if session.is_closed() => {
                let session = self.shared().readers.get().await?;
                self.asked(&session, query, limit).page(after).await
            }
            other => other,
        }
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        self.shared().check_open()?;
        let session = self.shared().readers.get().await?;
        let asked = self.asked(&session, query, limit);
        match asked.page_backward(after, until).await {
            Err(_) if session.is_closed() => {
                let session = self.shared().readers.get().await?;
                let asked = self.asked(&session, query, limit);
                asked.page_backward(after, until).await
            }
            other => other,
        }
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        let shared = self.shared();
        shared.check_open()?;
        let connector = &shared.settings.connector;
        // As for unique values.
        let session = connector.patient_session().await?;
        let begin = connector.begin("READ COMMITTED");
        Box::pin(write::walk_tags(
            &session,
            &shared.statements,
            &begin,
            &walk,
        ))
        .await
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        let now = self.shared().settings.now()?.map(SystemTime::from);
        let params: [Param<'_>; 3] = [
            (&rule, Type::TEXT),
            (&value.as_bytes(), Type::BYTEA),
            (&now, Type::TIMESTAMPTZ),
        ];
        let sql = &self.shared().statements.unique_holder;
        let found = self.shared().rows(sql, &params).await?;
        let holder = found.first().map(|row| {
            let (aggregate, id) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
            StreamId::new(aggregate, id).ok()
        });
        match holder {
            Some(None) => Err(corrupt("a row of unique_values cannot be read").into()),
            holder => Ok(holder.flatten()),
        }
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        self.shared().check_open()?;
        let session = self.shared().readers.get().await?;
        let read = feed_page(&session, &self.shared().statements, after, filter, limit).await;
        match read {
            Err(_) if session.is_closed() => {
                let session = self.shared().readers.get().await?;
                feed_page(&session, &self.shared().statements, after, filter, limit).await
            }
            other => other,
        }
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let most = i64::try_from(at_most).unwrap_or(i64::MAX);
        if most == 0 {
            return Ok(Vec::new());
        }
        let params: [Param<'_>; 3] = [
            (&aggregate, Type::TEXT),
            (&after, Type::TEXT),
            (&most, Type::INT8),
        ];
        let sql = &self.shared().statements.stream_ids;
        let found = self.shared().rows(sql, &params).await?;
        let streams = found.iter().map(|row| {
            let id = row.try_get(0).ok();
            let stream = id.and_then(|id| StreamId::new(aggregate, id).ok());
            stream.ok_or_else(|| {
                let what = format!("a stream of `{aggregate}` has a name that cannot be one");
                corrupt(what).into()
            })
        });
        streams.collect()
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let sql = &self.shared().statements.head;
        let head = head_of(&self.shared().rows(sql, &[]).await?)?;
        Ok(position(head))
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn changed(&self, position: Position) {
        self.shared().listen();
        let seen = rows::start(position);
        let mut newest = self.shared().newest.subscribe();
        if newest.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl PostgresStore {
    fn asked<'a>(
        &'a self,
        session: &'a Session,
        query: &'a TagQuery,
        limit: ReadLimit,
    ) -> Asked<'a> {
        Asked {
            session,
            statements: &self.shared().statements,
            absent: &self.shared().settings.absent,
            query,
            limit,
        }
    }
}

/// A stream that is being folded.
struct Folding<'a, F> {
    stream: &'a StreamId,
    fold: F,
    previous: u64,
    /// The number of rows of the next page.
    page: i64,
}

impl<F: StreamFold> Folding<'_, F> {
    /// Folds the next rows. `true` at the end of the stream.
    async fn page(&mut self, session: &Session, sql: &str) -> Result<bool, ReadError> {
        let after = clamped(self.previous);
        let params: [Param<'_>; 4] = [
            (&self.stream.aggregate(), Type::TEXT),
            (&self.stream.id(), Type::TEXT),
            (&after, Type::INT8),
            (&self.page, Type::INT8),
        ];
        let found = session.stream(sql, &params).await.map_err(read_error)?;
        let mut found = pin!(found);
        let mut count = 0;
        while let Some(row) = found.try_next().await.map_err(read_error)? {
            count += 1;
            let place = rows::place(&row)?;
            place.follows(self.stream, self.previous, ReadDirection::Forward)?;
            let event =
                stored_event(&row, place).map_err(|what| place.damaged(self.stream, what))?;
            // The panic's own text may quote a payload and goes to the panic hook only.
            let flow = catch_unwind(AssertUnwindSafe(|| self.fold.event(event))).map_err(|_| {
                let (stream, version) = (self.stream, place.version);
                StorageError::new(
                    StorageErrorKind::Other,
                    format!("the fold of stream {stream} at version {version} panicked"),
                )
            })?;
            self.previous = place.version;
            if flow == ControlFlow::Break(()) {
                return Ok(true);
            }
        }
        let is_end = count < self.page;
        self.page = LATER_FOLD_PAGE;
        Ok(is_end)
    }
}
