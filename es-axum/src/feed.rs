//! Stored events as server-sent events that a client resumes without a gap and without a double.

use crate::{Problem, problem::invalid_position};
use axum::{
    BoxError,
    extract::FromRequestParts,
    http::request::Parts,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use es_runtime::{
    AnyStore, EventFilter, EventStore, Position, ReadError, ReadLimit, RecordedEvent, StreamId,
    store::StreamRange,
};
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::{Stream, try_unfold},
};
use serde::Serialize;
use std::{collections::VecDeque, fmt, future::Future, pin::pin, time::Duration};
use tokio::time::sleep;

/// The position in `Last-Event-ID`, which a browser sends when it connects again.
///
/// ```
/// use axum::extract::{FromRequestParts, Request};
/// use es_axum::LastEventId;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let request = Request::get("/progress").header("last-event-id", "17").body(()).unwrap();
/// let (mut parts, ()) = request.into_parts();
/// let seen = LastEventId::from_request_parts(&mut parts, &()).await.unwrap();
/// assert_eq!(seen.0, "17".parse().ok());
/// # }
/// ```
///
/// # Rejections
///
/// A [`Problem`] with 400 where the header is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEventId(pub Option<Position>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = parts.headers.get("last-event-id");
        let text = header.map(|header| header.to_str().unwrap_or("?"));
        // After a reset a browser sends an empty one, or none.
        let text = text.filter(|text| !text.is_empty());
        let position = text.map(str::parse).transpose();
        let position = position.map_err(|error| invalid_position("Last-Event-ID", error))?;
        Ok(Self(position))
    }
}

/// What a client is sent for a stored event: JSON, under a name.
///
/// ```
/// use es_axum::Message;
///
/// let message = Message::new("booking", &["confirmed"])?;
/// assert_eq!(message, Message::new("booking", &vec!["confirmed"])?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    name: &'static str,
    data: String,
}

impl Message {
    /// A message with this name, for which the client listens, and this content.
    ///
    /// # Errors
    /// The content has no JSON form.
    pub fn new(
        name: &'static str,
        content: &(impl Serialize + ?Sized),
    ) -> Result<Self, serde_json::Error> {
        let data = serde_json::to_string(content)?;
        Ok(Self { name, data })
    }

    fn event(self, position: Position) -> Event {
        // A line break would end the field. JSON has none.
        let name = self.name.split(['\r', '\n']).next().unwrap_or_default();
        let event = Event::default().id(position.to_string());
        event.event(name).data(self.data)
    }
}

/// Stored events as server-sent events (SSE), of one stream or of many.
///
/// The id of each message is the position of its event. A client that connects again names the last one in
/// `Last-Event-ID`, and gets what came after it: nothing is kept for it in the server, so it may connect to another
/// process, or to this one after a crash.
///
/// ```
/// use axum::{extract::State, response::IntoResponse};
/// use es_axum::{EventFeed, LastEventId, Message, Problem};
/// use es_runtime::{AnyStore, RecordedEvent, StreamId};
///
/// async fn progress(
///     State(store): State<AnyStore>,
///     seen: LastEventId,
/// ) -> Result<impl IntoResponse, Problem> {
///     let booking = StreamId::new("booking", "7")?;
///     Ok(EventFeed::of_stream(store, booking).resume(seen).sse(|event: &RecordedEvent| {
///         Ok(Some(Message::new("changed", &event.version)?))
///     }))
/// }
/// ```
///
/// - **A stored event is one message, or none.** An event that is read as several is one message, too.
/// - **A position that the store has not reached** is from before a backup was restored, and one of another form from before the
///   events moved to another kind of store. The client gets the message `reset`, and all from the beginning.
/// - **An error ends the connection**, and the client connects again: of the store, or of the function that makes messages.
/// - **It ends with the server** where [`until`](EventFeed::until) says so. Otherwise an open connection keeps a graceful
///   shutdown from ending.
pub struct EventFeed {
    store: AnyStore,
    source: Source,
    after: Position,
    poll: Duration,
    stop: Option<Stop>,
}

type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

enum Source {
    /// The version that was read last.
    Stream(StreamId, u64),
    Feed(EventFilter),
}

impl fmt::Debug for EventFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFeed")
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

impl EventFeed {
    /// The events of one stream.
    pub const fn of_stream(store: AnyStore, stream: StreamId) -> Self {
        Self::new(store, Source::Stream(stream, 0))
    }

    /// The events of all streams that the filter accepts.
    pub const fn of_store(store: AnyStore, filter: EventFilter) -> Self {
        Self::new(store, Source::Feed(filter))
    }

    const fn new(store: AnyStore, source: Source) -> Self {
        Self {
            store,
            source,
            after: Position::START,
            poll: Duration::from_secs(1),
            stop: None,
        }
    }

    /// Begins after this position, such as that of a query whose answer the client has. Without one it begins with the
    /// first event.
    #[must_use]
    pub const fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Goes on where the client stopped, if it says so.
    #[must_use]
    pub const fn resume(self, seen: LastEventId) -> Self {
        match seen.0 {
            Some(position) => self.after(position),
            None => self,
        }
    }

    /// Looks this often for events of other processes, each second by default. Those of this process come
    /// without a delay.
    #[must_use]
    pub const fn poll_every(mut self, time: Duration) -> Self {
        self.poll = time;
        self
    }

    /// Ends when this does, such as the shutdown of the server. The client connects again.
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    /// The answer. `show` makes the message for an event, or `None` for one that the client does not see.
    pub fn sse<F>(self, show: F) -> Response
    where
        F: FnMut(&RecordedEvent) -> Result<Option<Message>, BoxError> + Send + 'static,
    {
        Sse::new(self.messages(show))
            .keep_alive(KeepAlive::default())
            .into_response()
    }

    fn messages<F>(
        mut self,
        show: F,
    ) -> impl Stream<Item = Result<Event, BoxError>> + Send + 'static
    where
        F: FnMut(&RecordedEvent) -> Result<Option<Message>, BoxError> + Send + 'static,
    {
        let stop = self
            .stop
            .take()
            .unwrap_or_else(|| Box::pin(std::future::pending()));
        let reading = Reading {
            feed: self,
            is_checked: false,
            read: VecDeque::new(),
            show,
        };
        try_unfold(reading, Reading::next).take_until(stop)
    }
}

struct Reading<F> {
    feed: EventFeed,
    /// Whether the store has reached the position of the client.
    is_checked: bool,
    read: VecDeque<RecordedEvent>,
    show: F,
}

/// The shortest time between two looks, so that a client costs little in a store with many writers.
const REST: Duration = Duration::from_millis(25);

impl<F> Reading<F>
where
    F: FnMut(&RecordedEvent) -> Result<Option<Message>, BoxError>,
{
    async fn next(mut self) -> Result<Option<(Event, Self)>, BoxError> {
        if !self.is_checked {
            self.is_checked = true;
            let head = self.feed.store.head().await?;
            if head < self.feed.after || !head.is_like(self.feed.after) {
                self.feed.after = Position::START;
                let reset = Event::default().id("").event("reset").data("{}");
                return Ok(Some((reset, self)));
            }
        }
        loop {
            while let Some(event) = self.read.pop_front() {
                if let Some(message) = (self.show)(&event)? {
                    return Ok(Some((message.event(event.position), self)));
                }
            }
            let before = self.feed.store.head().await?;
            self.read = self.feed.page().await?;
            if self.read.is_empty() {
                wait(&self.feed.store, before, self.feed.poll).await;
            }
        }
    }
}

impl EventFeed {
    /// What is new, in order. Empty at the end.
    async fn page(&mut self) -> Result<VecDeque<RecordedEvent>, ReadError> {
        let after = self.after;
        loop {
            match &mut self.source {
                Source::Stream(stream, version) => {
                    let range = StreamRange::forward(*version);
                    let read = self
                        .store
                        .read_stream(stream, range, ReadLimit::default())
                        .await?;
                    let Some(last) = read.last() else {
                        return Ok(VecDeque::new());
                    };
                    *version = last.version;
                    // A stream has its own numbers, so what the client has seen is read once more.
                    let new = read.into_iter().filter(|event| event.position > after);
                    let new: VecDeque<_> = new.collect();
                    if !new.is_empty() {
                        return Ok(new);
                    }
                }
                Source::Feed(filter) => {
                    let page = self
                        .store
                        .read_feed(self.after, filter, ReadLimit::default())
                        .await?;
                    self.after = page.next;
                    if !page.events.is_empty() || page.at_end {
                        return Ok(page.events.into());
                    }
                }
            }
        }
    }
}

/// Waits until there may be more than there was at this position.
async fn wait(store: &AnyStore, before: Position, poll: Duration) {
    sleep(REST).await;
    let changed = pin!(store.changed(before));
    let poll = pin!(sleep(poll));
    match select(changed, poll).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}
