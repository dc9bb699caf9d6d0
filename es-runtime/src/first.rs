//! Waiting, on any executor: for whichever of two futures comes first, and for some time.

use futures_timer::Delay;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

/// Waits this long, at most 100 years. A longer time has no end that the clock could represent.
pub fn sleep(time: Duration) -> Delay {
    Delay::new(time.min(Duration::from_secs(100 * 365 * 24 * 3600)))
}

/// The output of the future that completes first. `second` is dropped when `first` wins; `first` stays
/// with the caller.
///
/// # Errors
/// The output of `second` when it completes first.
pub async fn first_of<A: Future, B: Future>(
    mut first: Pin<&mut A>,
    second: B,
) -> Result<A::Output, B::Output> {
    let mut second = pin!(second);
    poll_fn(|context| {
        if let Poll::Ready(done) = first.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        second.as_mut().poll(context).map(Err)
    })
    .await
}
