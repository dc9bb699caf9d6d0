//! The names under which fields are stored.

use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use std::collections::BTreeMap;

/// Reports each field of a struct or variant whose stored name an earlier one has. serde writes both,
/// and reads neither.
pub(super) fn distinct<'a>(diag: &Diag, fields: impl IntoIterator<Item = (String, &'a Ident)>) {
    let mut first: BTreeMap<String, &Ident> = BTreeMap::new();
    for (stored, field) in fields {
        match first.get(&stored) {
            Some(first) => diag.at(
                field.span(),
                messages::serde::stored_name_taken(
                    &ident::text(field),
                    &ident::text(first),
                    &stored,
                ),
            ),
            None => {
                first.insert(stored, field);
            }
        }
    }
}
