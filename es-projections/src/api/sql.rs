//! Which parts of an SQL text are code, and which are quoted or comments.
//!
//! Names in braces are replaced in code only. So this must see every quote as the database does.

use super::dialect::Dialect;

/// What a part of an SQL text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    /// A literal or a quoted identifier, with its quotes.
    Quoted,
    Comment,
}

/// The parts of an SQL text, in order. Together they are the whole text.
pub(crate) struct Parts<'s> {
    rest: &'s str,
    dialect: Dialect,
    /// The kind and length of the part that follows the code returned last.
    found: Option<(Kind, usize)>,
}

/// Splits an SQL text into its parts.
pub(crate) const fn parts(dialect: Dialect, sql: &str) -> Parts<'_> {
    Parts {
        rest: sql,
        dialect,
        found: None,
    }
}

impl<'s> Parts<'s> {
    fn take(&mut self, length: usize) -> &'s str {
        let (part, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        part
    }
}

impl<'s> Iterator for Parts<'s> {
    type Item = (Kind, &'s str);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((kind, length)) = self.found.take() {
            return Some((kind, self.take(length)));
        }
        if self.rest.is_empty() {
            return None;
        }
        let text = self.rest;
        // Where the word begins that reaches to the present character.
        let mut word_at = None;
        for (at, c) in text.char_indices() {
            let (before, from) = text.split_at(at);
            let word = word_at.and_then(|begin| before.get(begin..));
            if let Some((kind, length)) = opens(self.dialect, c, from, word.unwrap_or_default()) {
                if at == 0 {
                    return Some((kind, self.take(length)));
                }
                self.found = Some((kind, length));
                return Some((Kind::Code, self.take(at)));
            }
            // A `$` belongs to a word, but does not begin one.
            if is_word(c) || (c == '$' && word_at.is_some()) {
                word_at.get_or_insert(at);
            } else {
                word_at = None;
            }
        }
        Some((Kind::Code, self.take(text.len())))
    }
}

/// Whether the character is one of an unquoted identifier.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The kind and length of the quoted part or comment with which `from` begins. `word` is what stands
/// directly before it.
fn opens(dialect: Dialect, c: char, from: &str, word: &str) -> Option<(Kind, usize)> {
    let is_sqlite = dialect == Dialect::Sqlite;
    match c {
        '\'' => {
            let escapes = !is_sqlite && word.eq_ignore_ascii_case("e");
            Some((Kind::Quoted, quoted(from, c, escapes)))
        }
        '"' => Some((Kind::Quoted, quoted(from, c, false))),
        '`' if is_sqlite => Some((Kind::Quoted, quoted(from, c, false))),
        '[' if is_sqlite => Some((Kind::Quoted, until(from, "]"))),
        '$' if !is_sqlite && word.is_empty() => Some((Kind::Quoted, dollar_quoted(from)?)),
        '-' if from.starts_with("--") => {
            let ends: &[char] = if is_sqlite { &['\n'] } else { &['\n', '\r'] };
            Some((Kind::Comment, from.find(ends).unwrap_or(from.len())))
        }
        '/' if from.starts_with("/*") => Some((Kind::Comment, block(from, !is_sqlite))),
        _ => None,
    }
}

/// The length up to the end of the first `end` after the first character.
fn until(from: &str, end: &str) -> usize {
    let mut after = from.chars();
    after.next();
    let found = after.as_str().split_once(end);
    found.map_or(from.len(), |(_, rest)| from.len() - rest.len())
}

/// The length of a quoted part. A doubled quote does not end it, nor does one after a backslash
/// where backslashes are escapes.
fn quoted(from: &str, quote: char, escapes: bool) -> usize {
    let mut chars = from.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    from.len()
}

/// The length of PostgreSQL's `$tag$ .. $tag$`. `None` for a parameter such as `$1`.
fn dollar_quoted(from: &str) -> Option<usize> {
    let (tag, after) = from.strip_prefix('$')?.split_once('$')?;
    let begins_with_digit = tag.starts_with(|c: char| c.is_ascii_digit());
    if begins_with_digit || !tag.chars().all(is_word) {
        return None;
    }
    let end = after.split_once(&format!("${tag}$"));
    Some(end.map_or(from.len(), |(_, rest)| from.len() - rest.len()))
}

/// The length of a block comment.
fn block(from: &str, nests: bool) -> usize {
    let mut depth = 0_u32;
    let mut rest = from;
    while let Some(at) = rest.find(['*', '/']) {
        let (_, found) = rest.split_at(at);
        if depth > 0 && found.starts_with("*/") {
            depth -= 1;
            rest = found.get(2..).unwrap_or_default();
            if depth == 0 {
                return from.len() - rest.len();
            }
        } else if found.starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            rest = found.get(2..).unwrap_or_default();
        } else {
            rest = found.get(1..).unwrap_or_default();
        }
    }
    from.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(dialect: Dialect, sql: &str) -> String {
        let all: String = parts(dialect, sql).map(|(_, part)| part).collect();
        assert_eq!(all, sql, "nothing is lost");
        parts(dialect, sql)
            .map(|(kind, part)| if kind == Kind::Code { part } else { "_" })
            .collect()
    }

    #[test]
    fn quotes_and_comments_are_not_code() {
        let both = [
            ("a 'b' c", "a _ c"),
            ("'it''s' x", "_ x"),
            ("'a\\' x", "_ x"),
            ("\"a\"\"b\" x", "_ x"),
            ("a -- 'b\n c", "a _\n c"),
            ("a /* ' */ c", "a _ c"),
            ("a - b / c", "a - b / c"),
            ("'open", "_"),
            ("/* open", "_"),
            ("-- open", "_"),
            ("ü'ü'ü", "ü_ü"),
            ("''", "_"),
            ("$1 + $2", "$1 + $2"),
        ];
        for (sql, expected) in both {
            assert_eq!(code(Dialect::Sqlite, sql), expected, "{sql}");
            assert_eq!(code(Dialect::Postgres, sql), expected, "{sql}");
        }
    }

    #[test]
    fn each_database_has_quotes_of_its_own() {
        let differ = [
            ("E'\\'x' y", "E_x_", "E_ y"),
            ("e'\\\\' y", "e_ y", "e_ y"),
            ("like'\\' y", "like_ y", "like_ y"),
            ("`a'` b", "_ b", "`a_"),
            ("[a'] b", "_ b", "[a_"),
            ("$$ ' $$ b", "$$ _", "_ b"),
            ("$f$ $g$ ' $f$ b", "$f$ $g$ _", "_ b"),
            ("$1$ ' $1$'", "$1$ _", "$1$ _"),
            ("a$b$ ' $b$'", "a$b$ _", "a$b$ _"),
            ("/* /* */ b", "_ b", "_"),
            ("-- a\r b", "_", "_\r b"),
        ];
        for (sql, sqlite, postgres) in differ {
            assert_eq!(code(Dialect::Sqlite, sql), sqlite, "{sql}");
            assert_eq!(code(Dialect::Postgres, sql), postgres, "{sql}");
        }
    }
}
