//! What a request is: the fingerprint that is stored with its key, and the ids that follow from the key.

use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use uuid::Uuid;

/// The space of the ids that follow from keys. It never changes: a request that is repeated after a deploy must get
/// the id that it got before.
const IDS: Uuid = Uuid::from_u128(0x8f0d_5a52_6f0e_4c36_9d1b_61b0_3d4b_7c11);

/// A hash of the method, the target, the user and the body.
///
/// With the user in it nobody gets the answer to a request of somebody else by guessing a key.
pub(crate) fn of_request(parts: &Parts, user: Option<&str>, body: &[u8]) -> String {
    let target = parts.uri.path_and_query();
    let target = target.map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for part in [
        parts.method.as_str().as_bytes(),
        target.as_bytes(),
        user.unwrap_or_default().as_bytes(),
        body,
    ] {
        // With its length, so that no byte moves from one part to the next.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // A `String` takes all that is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The id of something that the request with this key makes.
pub(crate) fn id(of: &str, user: Option<&str>, key: &str) -> Uuid {
    let user = user.unwrap_or_default();
    let text = format!("{}:{of}{}:{user}{key}", of.len(), user.len());
    Uuid::new_v5(&IDS, text.as_bytes())
}
