//! Stored names that are read but no longer written.

use proc_macro2::Ident;
use syn::{LitStr, Path};

/// One of them.
pub(crate) enum Retired {
    /// Stands for nothing any more.
    Dropped(LitStr),
    /// Is read as this variant of the set.
    Alias(LitStr, Ident),
    /// Is an event of its own, which a function splits.
    Split { event: Path, function: Path },
}
