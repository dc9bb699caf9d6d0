//! Runs code of the user and keeps the message of its panic, so that shrinking prints nothing.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook},
    sync::Once,
};

thread_local! {
    /// The message of the last panic, while this thread wants it.
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What `run` returns, or the message of its panic with its place.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    install();
    let before = KEPT.replace(Some(String::new()));
    let result = catch_unwind(AssertUnwindSafe(run));
    let kept = KEPT.replace(before).unwrap_or_default();
    result.map_err(|_| kept)
}

/// On one line: what, and where in the code of the user.
fn message(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    match panic.location() {
        Some(place) => format!("{text} ({place})"),
        None => text.to_owned(),
    }
}

/// A hook that keeps messages for the threads that want them, and otherwise does what the one before did.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let kept = KEPT.try_with(|kept| {
                let mut kept = kept.try_borrow_mut().ok()?;
                *kept.as_mut()? = message(panic);
                Some(())
            });
            if !matches!(kept, Ok(Some(()))) {
                before(panic);
            }
        }));
    });
}
