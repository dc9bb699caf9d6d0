//! What a session of this crate sets, so that the defaults which an operator chose for a server, a database,
//! a role or a connection string change nothing of what a statement means or whether it is done.
//!
//! Read-only transactions by default are left alone: that is how a database is frozen, and the server then
//! refuses each write. Where tables and files are kept, texts are searched and numbers are formatted for a
//! language is the operator's choice too.

/// For every session: events are read and written in it, or read models are.
pub(crate) const EVERY: &[(&str, &str)] = &[
    // A statement alone is a transaction too. Under a stricter level it would fail with what others commit.
    ("default_transaction_isolation", "'read committed'"),
    ("default_transaction_deferrable", "off"),
    // A rejected statement is no lost connection.
    ("exit_on_error", "off"),
    // How values become text and text becomes values, so that handlers write the same rows everywhere.
    ("datestyle", "'ISO, MDY'"),
    ("intervalstyle", "'postgres'"),
    ("timezone", "'UTC'"),
    ("extra_float_digits", "1"),
    ("bytea_output", "'hex'"),
    ("xmlbinary", "'base64'"),
    ("xmloption", "'content'"),
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "'safe_encoding'"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
];

/// For the sessions that read and write events.
pub(crate) const STORE: &[(&str, &str)] = &[
    // Rows that a policy hides would be gaps in the feed: the server refuses the statement instead.
    ("row_security", "off"),
    // Every statement of the store has its index. A plan that was made while a table was empty must not
    // read all of it when it is full.
    ("enable_seqscan", "off"),
    ("enable_indexscan", "on"),
    ("enable_indexonlyscan", "on"),
    // A bitmap scan reads a whole range before its first row, whatever the limit is. The planner takes one where it
    // expects few rows, which it does for each new tag until there are statistics. Handlers have them, see `HANDLERS`.
    ("enable_bitmapscan", "off"),
    ("enable_nestloop", "on"),
    ("enable_sort", "on"),
    // So one plan serves every call, and is made once.
    ("plan_cache_mode", "'force_generic_plan'"),
    // The table with one row has no other plan, and its price would now have it compiled first.
    ("jit", "off"),
];

/// While handlers of inline projections run in a transaction of the store: an index such as GIN or BRIN has no other scan.
#[cfg(feature = "projections")]
pub(crate) const HANDLERS: &str = "SET LOCAL enable_bitmapscan TO on";

/// Afterwards.
#[cfg(feature = "projections")]
pub(crate) const NO_HANDLERS: &str = "SET LOCAL enable_bitmapscan TO off";

/// Ends sessions and transactions from outside, in servers that know these names. Sessions that are idle
/// between two requests stay, and what limits a transaction is the timeout of its statements.
pub(crate) const WITHOUT_END: &str = "SELECT set_config(name, '0', false) FROM (VALUES \
     ('idle_session_timeout'), ('transaction_timeout')) AS s (name) WHERE \
     current_setting(name, true) IS NOT NULL; ";

/// For a transaction that makes or fills tables: it takes as long as it takes, and another process that does
/// the same is waited for.
pub(crate) const UNHURRIED: &str = "SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0; \
    SET LOCAL idle_in_transaction_session_timeout TO 0; ";
