//! Statements that a handler may not run, because the runner ends the transaction.

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
/// use es_projections::backend::refuse_end;
///
/// assert!(refuse_end("INSERT INTO {orders} VALUES ('COMMIT')").is_ok());
/// assert!(refuse_end("/* now */ commit").is_err());
/// ```
pub fn refuse_end(sql: &str) -> Result<(), EndsTransaction> {
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
    // This runs for every statement, so it allocates nothing.
    let rest = after_comments(sql);
    let after = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let first = rest.strip_suffix(after).unwrap_or(rest);
    if ENDS.iter().any(|end| end.eq_ignore_ascii_case(first)) {
        return Err(EndsTransaction {
            statement: first.to_ascii_uppercase(),
        });
    }
    Ok(())
}

/// The statement without the white space, comments and semicolons before it.
fn after_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = after_block(comment);
        } else {
            return rest;
        }
    }
}

/// The text after a block comment. Block comments nest.
fn after_block(comment: &str) -> &str {
    let mut depth = 1_u32;
    let mut rest = comment;
    while depth > 0 {
        let Some(at) = rest.find(['*', '/']) else {
            return "";
        };
        let (_, from) = rest.split_at(at);
        if let Some(after) = from.strip_prefix("*/") {
            depth -= 1;
            rest = after;
        } else if let Some(after) = from.strip_prefix("/*") {
            depth += 1;
            rest = after;
        } else {
            rest = from.get(1..).unwrap_or_default();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_transaction_is_refused() {
        for bad in [
            "COMMIT",
            " ;; rollback to x",
            "-- a\n/* b /* c */ */ Commit and chain",
            "/* x */begin",
            "PREPARE TRANSACTION 'x'",
            "savepoint a",
            "END;",
        ] {
            assert!(refuse_end(bad).is_err(), "{bad}");
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
            assert!(refuse_end(good).is_ok(), "{good}");
        }
    }
}
