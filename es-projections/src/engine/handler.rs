//! Runs the code of a handler: its panic, or a wait that others would have to wait for, is an error of its event.

use crate::api::HandlerError;
use es_runtime::__private::sleep;
use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

/// Runs a handler. Its panic is an error of its event, and so is taking longer than the
/// [limit](crate::backend::SqlTransaction::handler_limit) of its transaction.
pub(crate) async fn run_handler(
    limit: Option<Duration>,
    handler: impl Future<Output = Result<(), HandlerError>> + Send,
) -> Result<(), HandlerError> {
    let mut handler = pin!(catch_panics(handler));
    let mut delay = None;
    poll_fn(|context| match (handler.as_mut().poll(context), limit) {
        (Poll::Ready(done), _) => Poll::Ready(done),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(limit)) if limit.is_zero() => {
            Poll::Ready(Err(HandlerError::new(WAITED)))
        }
        (Poll::Pending, Some(limit)) => {
            let delay = delay.get_or_insert_with(|| sleep(limit));
            expired(delay, context).map(|()| Err(HandlerError::new(too_long(limit))))
        }
    })
    .await
}

/// Turns a panic of the handler into an error of this event. The panic's text may quote the event,
/// so only the panic hook gets it.
pub(crate) async fn catch_panics(
    handler: impl Future<Output = Result<(), HandlerError>> + Send,
) -> Result<(), HandlerError> {
    let mut handler = pin!(handler);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(HandlerError::new("it panicked"))))
    })
    .await
}

fn expired(delay: &mut (impl Future<Output = ()> + Unpin), context: &mut Context<'_>) -> Poll<()> {
    Pin::new(delay).poll(context)
}

const WAITED: &str = "the handler waited for something other than its transaction. In this database it runs on the \
     thread that writes, so every write would wait with it, and a wait for the same store would never end. A \
     handler only uses the transaction that it gets; calls of other services and commands belong into a \
     subscription, a process manager or a saga";

fn too_long(limit: Duration) -> String {
    format!(
        "the handler took longer than {limit:?}, and no event is appended while it runs. It may not wait for an \
         append to the same store: commands belong into a subscription, a process manager or a saga"
    )
}
