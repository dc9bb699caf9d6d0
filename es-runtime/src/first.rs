//! Waiting, on any executor: for whichever of two futures comes first, for several at a time, and for some time.

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

/// Waits this long. No time needs no timer.
pub async fn pause(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
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

/// The results of all futures, in their order. `concurrency` of them run at a time. The first error ends the others.
///
/// # Errors
/// The first error of a future.
pub(crate) async fn all_of<T, E, F: Future<Output = Result<T, E>>>(
    futures: impl IntoIterator<Item = F>,
    concurrency: usize,
) -> Result<Vec<T>, E> {
    let mut waiting = futures.into_iter().map(Box::pin).enumerate();
    let (mut running, mut done) = (Vec::new(), Vec::new());
    poll_fn(|context| {
        loop {
            let room = concurrency.saturating_sub(running.len());
            running.extend(waiting.by_ref().take(room));
            let (before, mut failed) = (running.len(), None);
            running.retain_mut(|(index, future)| match future.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(output) => {
                    match output {
                        Ok(output) => done.push((*index, output)),
                        Err(error) => failed = failed.take().or(Some(error)),
                    }
                    false
                }
            });
            match failed {
                Some(error) => return Poll::Ready(Err(error)),
                None if before == 0 => return Poll::Ready(Ok(())),
                // Others take the places that are free.
                None if running.len() < before => {}
                None => return Poll::Pending,
            }
        }
    })
    .await?;
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, output)| output).collect())
}
