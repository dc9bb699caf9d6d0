//! What a login may not do. A server tells the client so, and then leaves the request without an answer: whoever waits for one would
//! take the server for slow.

use es_nats::async_nats::{ConnectOptions, Event, ServerError};
use futures_util::future::{Either, select};
use std::pin::pin;
use tokio::sync::watch;

/// What the server has denied, if it has.
pub(super) struct Denied {
    said: watch::Receiver<String>,
}

impl Denied {
    /// Listens to what the server says to the client with these options.
    pub(super) fn listen(options: ConnectOptions) -> (Self, ConnectOptions) {
        let (say, said) = watch::channel(String::new());
        let options = options.event_callback(move |event| {
            let denied = match event {
                Event::ServerError(ServerError::Other(what)) => denied(&what),
                _ => None,
            };
            if let Some(denied) = denied {
                say.send_replace(denied);
            }
            async {}
        });
        (Self { said }, options)
    }

    /// What `call` gives, or what the server denies meanwhile. The next call may be allowed.
    pub(super) async fn or<T>(&self, call: impl Future<Output = T>) -> Result<T, String> {
        let mut said = self.said.clone();
        said.mark_unchanged();
        let denied = pin!(async {
            match said.changed().await {
                Ok(()) => said.borrow().clone(),
                // Nobody says anything any more.
                Err(_) => std::future::pending().await,
            }
        });
        match select(pin!(call), denied).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((what, _)) => Err(what),
        }
    }
}

/// What was denied, such as `Permissions Violation for Publish to "$JS.API.STREAM.INFO.SHOP"`.
fn denied(said: &str) -> Option<String> {
    let lower = said.to_lowercase();
    let rest = lower.strip_prefix("permissions violation for ")?;
    let what = if rest.starts_with("publish") {
        "publish to"
    } else {
        "subscribe to"
    };
    let subject = match said.split('"').nth(1) {
        Some(subject) => format!("`{}`", without_values(subject)),
        None => "a subject that it needs".to_owned(),
    };
    Some(format!(
        "its login may not {what} {subject}; docs/jetstream-operations.md has the rights that it needs"
    ))
}

/// A subject of the store without what comes after its kind and its rule or aggregate: values of users are in no error.
fn without_values(subject: &str) -> String {
    let rest = subject.match_indices('.').nth(2);
    match rest.and_then(|(dot, _)| subject.get(..dot)) {
        Some(start) if !subject.starts_with(['$', '_']) => format!("{start}.>"),
        _ => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::denied;

    #[test]
    fn what_is_denied_is_named_without_values() {
        for (subject, shown) in [
            ("SHOP.u.customer.email.Zoe", "SHOP.u.customer.>"),
            ("SHOP.e.order.7", "SHOP.e.order.>"),
            ("SHOP-wake", "SHOP-wake"),
            ("$JS.API.STREAM.INFO.SHOP", "$JS.API.STREAM.INFO.SHOP"),
        ] {
            let said = format!("Permissions Violation for Publish to \"{subject}\"");
            let said = denied(&said).expect("a denial");
            assert!(said.contains(&format!("`{shown}`")), "{said}");
        }
    }
}
