//! Waiting for whichever of two futures comes first, on any executor.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

/// The output of the future that completes first. `second` is dropped when `first` wins; `first` stays
/// with the caller.
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
