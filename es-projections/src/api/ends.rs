//! Statements that a handler may not run: the runner ends the transaction, and what outlives it would be
//! found by whatever runs on the connection next.

use super::{
    dialect::Dialect,
    sql::{Kind, parts},
};

/// A handler's statement would end the transaction, make a savepoint, or outlive the transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a handler may not run `{statement}`: {why}")]
pub struct EndsTransaction {
    /// The statement's first word, in capitals.
    pub statement: String,
    why: &'static str,
}

const ENDS: &str = "its transaction is committed together with the checkpoint";
const OUTLIVES: &str = "it would change the connection for whatever runs on it next; in PostgreSQL use SET LOCAL for a setting of \
    one transaction";

/// Refuses a statement of a handler that would end the transaction, make a savepoint, or change the
/// connection beyond the transaction. Read databases call it for every statement. Handlers send one
/// statement at a time, so its first words decide.
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
    if changes_rows(sql) {
        return Ok(());
    }
    let mut words = first_words(dialect, sql);
    let first = words.next().unwrap_or_default();
    let why = if ends_transaction(first) {
        ENDS
    } else if outlives_transaction(dialect, first, || words.next().unwrap_or_default()) {
        OUTLIVES
    } else {
        return Ok(());
    };
    Err(EndsTransaction {
        statement: first.to_ascii_uppercase(),
        why,
    })
}

/// Whether its first word is that of a statement that only reads or changes rows. Nearly all statements of handlers are
/// such, so they are not searched for quotes and comments.
fn changes_rows(sql: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let word = sql.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let after = word.trim_start_matches(is_letter);
    let word = word.strip_suffix(after).unwrap_or_default();
    after.starts_with(|c: char| c.is_ascii_whitespace())
        && ["insert", "update", "delete", "select", "replace", "with"]
            .iter()
            .any(|usual| usual.eq_ignore_ascii_case(word))
}

/// Whether a statement that begins with these words changes the connection beyond the transaction.
fn outlives_transaction<'s>(
    dialect: Dialect,
    first: &str,
    second: impl FnOnce() -> &'s str,
) -> bool {
    let is_one_of =
        |word: &str, known: &[&str]| known.iter().any(|one| one.eq_ignore_ascii_case(word));
    match dialect {
        Dialect::Sqlite => is_one_of(first, &["pragma", "attach", "detach"]),
        Dialect::Postgres if first.eq_ignore_ascii_case("set") => {
            !is_one_of(second(), &["local", "constraints", "transaction"])
        }
        Dialect::Postgres => is_one_of(first, &["reset", "listen", "unlisten", "load"]),
    }
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

/// The first words of a statement, after white space, comments and semicolons. This runs for every
/// statement, so it allocates nothing. It ends at the first thing that is no word.
fn first_words(dialect: Dialect, sql: &str) -> impl Iterator<Item = &str> {
    // SQLite takes a byte order mark for white space.
    let is_nothing = |c: char| c.is_whitespace() || c == ';' || c == '\u{feff}';
    parts(dialect, sql)
        .filter(|(kind, _)| *kind != Kind::Comment)
        .flat_map(move |(_, part)| part.split(is_nothing).filter(|word| !word.is_empty()))
        .map_while(|text| {
            let after = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            text.strip_suffix(after).filter(|word| !word.is_empty())
        })
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
            "\n with a AS (SELECT 1) SELECT 1",
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
        for (dialect, sql, is_refused) in [
            (Dialect::Sqlite, "pragma query_only = 1", true),
            (
                Dialect::Sqlite,
                "SELECT * FROM pragma_table_info('a')",
                false,
            ),
            (Dialect::Postgres, "SET a TO b", true),
            (Dialect::Postgres, "set /* so */ local a TO b", false),
            (Dialect::Postgres, "SET LOCALE TO b", true),
            (Dialect::Postgres, "SET \"local\".a TO b", true),
            (Dialect::Postgres, "RESET a", true),
            (Dialect::Postgres, "UPDATE a SET b = 1", false),
        ] {
            assert_eq!(refused(dialect, sql), is_refused, "{sql}");
        }
    }
}
