//! Waking readers: this process tells its own at once, and those of other processes by a message that is not stored.

use crate::{record, shared::Shared};
use es_runtime::Position;
use futures_util::StreamExt as _;
use std::sync::{Arc, Weak};
use tokio::task::JoinHandle;

/// The task that listens for the messages of other processes. It ends with its store.
#[derive(Debug)]
pub(crate) struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shared {
    /// Something was written, up to this position.
    pub(crate) fn wrote(self: &Arc<Self>, position: Position) {
        self.note_newest(position);
        // A reader that misses it polls, so nobody waits for it.
        let [_, sequence, number] = position.to_parts();
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let body = format!("{sequence}.{number}");
            let subject = shared.subjects.wake();
            let _ = shared.wire.client.publish(subject, body.into()).await;
        });
    }

    fn note_newest(&self, position: Position) {
        self.newest.send_if_modified(|known| {
            let is_newer = position > *known;
            *known = position.max(*known);
            is_newer
        });
    }

    /// Waits for a position after this one.
    pub(crate) async fn changed(self: &Arc<Self>, position: Position) {
        let mut newest = self.newest.subscribe();
        self.listen().await;
        if self.head().await.is_ok_and(|head| head > position) {
            return;
        }
        if newest.wait_for(|newest| *newest > position).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn listen(self: &Arc<Self>) {
        let begin = || async {
            let messages = self.wire.client.subscribe(self.subjects.wake()).await;
            let mut messages = messages.map_err(|_| ())?;
            // The server has the subscription when it has answered, so nothing that is written from now on is missed.
            let _ = self.wire.client.flush().await;
            let shared: Weak<Self> = Arc::downgrade(self);
            let task = tokio::spawn(async move {
                while let Some(message) = messages.next().await {
                    let Some(shared) = shared.upgrade() else {
                        return;
                    };
                    let text = std::str::from_utf8(&message.payload).ok();
                    let parts = text.and_then(|text| text.split_once('.'));
                    let parts = parts.map(|(sequence, number)| (sequence.parse(), number.parse()));
                    if let Some((Ok(sequence), Ok(number))) = parts {
                        shared.note_newest(record::position(sequence, number));
                    }
                }
            });
            Ok::<_, ()>(Listener(task))
        };
        // Where it fails, readers poll, and the next one tries again.
        let _ = self.listener.get_or_try_init(begin).await;
    }
}
