//! Checks of a store.
