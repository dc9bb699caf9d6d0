//! The id of a store, which read models remember.

use crate::{error::Error, store::Store};

/// The id of a store in the form that PostgreSQL gives it.
pub(crate) fn id_of(store: &mut Store<'_>) -> Result<String, Error> {
    let id = store.id()?.unwrap_or_default();
    Ok(canonical_id(&id))
}

/// A UUID with hyphens: the first stores on SQLite had none.
pub(crate) fn canonical_id(id: &str) -> String {
    let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return id.to_owned();
    }
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts = parts.map(|(from, to)| id.get(from..to).unwrap_or_default());
    parts.join("-").to_ascii_lowercase()
}
