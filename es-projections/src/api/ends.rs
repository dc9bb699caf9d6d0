//! Statements that a handler may not run, because the runner ends the transaction.

use super::{
    dialect::Dialect,
    sql::{Kind, parts},
};

/// A handler's statement would end the transaction or make a savepoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a handler may not run `{statement}`: its transaction is committed together with the checkpoint"
)]
pub struct EndsTransaction {
    /// The statement's first word, in capitals.
    pub statement: String,
}

/// Refuses a statement of a handler that would end the transaction or make a savepoint. Read
/// databases call it for every statement. Handlers send one statement at a time, so its first word
/// decides.
///
/// # Errors
/// [`EndsTransaction`] with the word.
///
/// ```
/// use es_projections::{Dialect, backend::refuse_end};
///
/// assert!(refuse_end(Dialect::Sqlite, "INSERT INTO {orders} VALUES ('COMMIT')").is_ok());
/// assert!(refuse_end(Dialect::Sqlite, "/* now */ commit").is_err());
/// ```
pub fn refuse_end(dialect: Dialect, sql: &str) -> Result<(), EndsTransaction> {
    let first = first_word(dialect, sql);
    if ends_transaction(first) {
        return Err(EndsTransaction {
            statement: first.to_ascii_uppercase(),
        });
    }
    Ok(())
}

/// Whether a statement that begins with this word ends the transaction or makes a savepoint.
pub(crate) fn ends_transaction(word: &str) -> bool {
    const ENDS: [&str; 10] = [
        "commit",
        "rollback",
        "end",
        "abort",
        "begin",
        "start",
        "savepoint",
        "release",
        "prepare",
        "discard",
    ];
    ENDS.iter().any(|end| end.eq_ignore_ascii_case(word))
}

/// The first word of a statement, after white space, comments and semicolons. This runs for every
/// statement, so it allocates nothing.
fn first_word(dialect: Dialect, sql: &str) -> &str {
    for (kind, part) in parts(dialect, sql) {
        if kind == Kind::Comment {
            continue;
        }
        // SQLite takes a byte order mark for white space.
        let is_nothing = |c: char| c.is_whitespace() || c == ';' || c == '\u{feff}';
        let code = part.trim_start_matches(is_nothing);
        if !code.is_empty() {
            let after = code.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            return code.strip_suffix(after).unwrap_or(code);
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_transaction_is_refused() {
        let refused = |dialect, sql| refuse_end(dialect, sql).is_err();
        for bad in [
            "COMMIT",
            " ;; rollback to x",
            "-- a\n/* b */ Commit and chain",
            "/* x */begin",
            "PREPARE TRANSACTION 'x'",
            "savepoint a",
            "END;",
        ] {
            assert!(refused(Dialect::Sqlite, bad), "{bad}");
            assert!(refused(Dialect::Postgres, bad), "{bad}");
        }
        for good in [
            "INSERT INTO {orders} VALUES ($1)",
            "/* COMMIT */ SELECT 1",
            "-- COMMIT\nSELECT 1",
            "UPDATE endings SET a = 1",
            "select 'commit'",
            "",
            "/* open",
        ] {
            assert!(!refused(Dialect::Sqlite, good), "{good}");
            assert!(!refused(Dialect::Postgres, good), "{good}");
        }
        // Only PostgreSQL nests comments.
        let nested = "/* /* */ COMMIT";
        assert!(refused(Dialect::Sqlite, nested) && !refused(Dialect::Postgres, nested));
        let nested = "/* /* */ */ COMMIT";
        assert!(!refused(Dialect::Sqlite, nested) && refused(Dialect::Postgres, nested));
        assert!(refused(Dialect::Sqlite, "\u{feff}COMMIT"));
    }
}
