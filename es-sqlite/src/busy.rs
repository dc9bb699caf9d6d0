//! Waiting while another process writes. SQLite's own wait looks ten times a second. A process that writes one
//! transaction after another, such as a rebuild, leaves the lock for a few milliseconds at a time, and would keep
//! everyone else out. So this looks every millisecond or two.

use rusqlite::Connection;
use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

thread_local! {
    /// How long the connection of this thread waits.
    static AT_MOST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// When it began to wait.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// From now on a statement of this connection waits so long at most. The connection stays on this thread, which
/// has no other.
pub(crate) fn wait_at_most(connection: &Connection, at_most: Duration) -> rusqlite::Result<()> {
    AT_MOST.set(at_most);
    connection.busy_handler(Some(wait))
}

/// Waits a little; `false` when it has waited long enough. `before` is how often it did for this lock.
fn wait(before: i32) -> bool {
    let now = Instant::now();
    let since = SINCE.get().filter(|_| before > 0).unwrap_or(now);
    SINCE.set(Some(since));
    let left = AT_MOST.get().saturating_sub(now.duration_since(since));
    if left.is_zero() {
        return false;
    }
    let pause = Duration::from_millis(if before < 20 { 1 } else { 2 });
    thread::sleep(pause.min(left));
    true
}
