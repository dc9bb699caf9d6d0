//! The schema of a read model: the names that its statements declare, and what it may not create.
//!
//! Every build has its own objects, and dropping a build drops them. So an object needs a name in
//! braces, and must go with the tables.

use super::{
    dialect::Dialect,
    ends::ends_transaction,
    names::{Declared, braced},
    sql::{Kind, is_word, parts},
};
use std::sync::Arc;

/// What a statement of a schema creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    Table,
    View,
    /// An index, a trigger or the like, which goes with its table.
    OfTable,
    /// Something that this crate has no rule for.
    Other,
}

/// A name in braces that a `CREATE` statement declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declaration<'s> {
    pub(crate) name: &'s str,
    pub(crate) created: Created,
}

/// The names that the schema declares.
pub(crate) fn declared(dialect: Dialect, schema: &str) -> Declared {
    let declarations = declarations(dialect, schema);
    Arc::new(declarations.map(|found| found.name.to_owned()).collect())
}

/// The `CREATE` statements whose names are in braces.
pub(crate) fn declarations(
    dialect: Dialect,
    schema: &str,
) -> impl Iterator<Item = Declaration<'_>> {
    let statements = statements(dialect, schema).into_iter();
    statements.filter_map(|tokens| {
        let create = Create::of(&tokens)?;
        let Some(Token::Name(name)) = create.name else {
            return None;
        };
        Some(Declaration {
            name,
            created: create.created(),
        })
    })
}

/// Checks what a database would accept and what would fail later: when the next build is made, when
/// this one is dropped, or when it is queried.
///
/// # Errors
/// What is wrong, and what to do instead.
pub(crate) fn check(dialect: Dialect, schema: &str) -> Result<(), String> {
    let mut in_trigger = false;
    for tokens in statements(dialect, schema) {
        let Some(Token::Word(first)) = tokens.first() else {
            continue;
        };
        if in_trigger && first.eq_ignore_ascii_case("end") {
            in_trigger = false;
        } else if ends_transaction(first) {
            let first = first.to_ascii_uppercase();
            return Err(format!(
                "it may not run `{first}`: a build is made in one transaction"
            ));
        }
        let Some(create) = Create::of(&tokens) else {
            continue;
        };
        in_trigger |= dialect == Dialect::Sqlite && create.noun == "TRIGGER";
        create.check(dialect)?;
    }
    Ok(())
}

/// Whether a constraint may be checked only at the commit.
pub(crate) fn defers_constraints(dialect: Dialect, schema: &str) -> bool {
    let deferrable = |token: &Token<'_>| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("deferrable"));
    let statements = statements(dialect, schema);
    statements.iter().flatten().any(deferrable)
}

/// A schema without differences in comments and in white space between tokens.
pub(crate) fn definition(dialect: Dialect, schema: &str) -> String {
    let mut definition = String::with_capacity(schema.len());
    let mut gap = false;
    for (kind, part) in parts(dialect, schema) {
        match kind {
            Kind::Comment => gap = true,
            Kind::Quoted => {
                push_after_gap(&mut definition, part, &mut gap);
            }
            Kind::Code => {
                gap |= part.starts_with(char::is_whitespace);
                for word in part.split_whitespace() {
                    push_after_gap(&mut definition, word, &mut gap);
                    gap = true;
                }
                gap = part.ends_with(char::is_whitespace);
            }
        }
    }
    definition
}

fn push_after_gap(text: &mut String, part: &str, gap: &mut bool) {
    if std::mem::take(gap) && !text.is_empty() {
        text.push(' ');
    }
    text.push_str(part);
}

/// One token of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'s> {
    Word(&'s str),
    /// A name, which stands in braces.
    Name(&'s str),
    Quoted(&'s str),
    Sign(char),
}

/// The tokens of each statement. The body of a trigger counts as several: none begins with `CREATE`.
fn statements(dialect: Dialect, schema: &str) -> Vec<Vec<Token<'_>>> {
    let mut all = vec![Vec::new()];
    for (kind, part) in parts(dialect, schema) {
        let mut push = |token| {
            if token == Token::Sign(';') {
                all.push(Vec::new());
            } else if let Some(statement) = all.last_mut() {
                statement.push(token);
            }
        };
        match kind {
            Kind::Comment => {}
            Kind::Quoted => push(Token::Quoted(part)),
            Kind::Code => tokens(part, push),
        }
    }
    all
}

fn tokens<'s>(code: &'s str, mut push: impl FnMut(Token<'s>)) {
    let mut rest = code.trim_start();
    while let Some(c) = rest.chars().next() {
        let after_word = rest.trim_start_matches(is_word);
        let after = if after_word.len() < rest.len() {
            push(Token::Word(rest.strip_suffix(after_word).unwrap_or(rest)));
            after_word
        } else if let Ok((name, after)) = braced(rest) {
            push(Token::Name(name));
            after
        } else {
            push(Token::Sign(c));
            rest.strip_prefix(c).unwrap_or_default()
        };
        rest = after.trim_start();
    }
}

/// The beginning of a `CREATE` statement, up to the name of what it creates.
struct Create<'s> {
    /// The words before the name, in capitals: `CREATE UNIQUE INDEX`.
    words: String,
    /// What is created, in capitals.
    noun: String,
    /// The first token after it that can be a name.
    name: Option<Token<'s>>,
    /// Whether a dot follows.
    is_qualified: bool,
}

impl<'s> Create<'s> {
    fn of(tokens: &[Token<'s>]) -> Option<Self> {
        const BEFORE_NOUN: [&str; 14] = [
            "OR",
            "REPLACE",
            "UNIQUE",
            "GLOBAL",
            "LOCAL",
            "TEMP",
            "TEMPORARY",
            "UNLOGGED",
            "RECURSIVE",
            "CONSTRAINT",
            "VIRTUAL",
            "FOREIGN",
            "MATERIALIZED",
            "EVENT",
        ];
        const AFTER_NOUN: [&str; 5] = ["IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY"];
        let mut tokens = tokens.iter().copied().peekable();
        let is_create =
            |token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("create"));
        tokens.next_if(|token| is_create(*token))?;
        let mut words = "CREATE".to_owned();
        let mut noun = String::new();
        while let Some(Token::Word(word)) = tokens.peek() {
            let word = word.to_ascii_uppercase();
            let is_noun = noun.is_empty() && !BEFORE_NOUN.contains(&word.as_str());
            if !noun.is_empty() && !AFTER_NOUN.contains(&word.as_str()) {
                break;
            }
            if noun.is_empty() {
                words.extend([" ", &word]);
            }
            if is_noun {
                noun = word;
            }
            tokens.next();
        }
        let name = tokens.next();
        Some(Self {
            words,
            noun,
            name,
            is_qualified: tokens.next() == Some(Token::Sign('.')),
        })
    }

    fn has(&self, word: &str) -> bool {
        self.words.split(' ').any(|own| own == word)
    }

    fn created(&self) -> Created {
        match self.noun.as_str() {
            "TABLE" => Created::Table,
            "VIEW" => Created::View,
            "INDEX" | "TRIGGER" | "STATISTICS" => Created::OfTable,
            _ => Created::Other,
        }
    }

    fn check(&self, dialect: Dialect) -> Result<(), String> {
        let words = &self.words;
        let instead = if self.has("TEMP") || self.has("TEMPORARY") {
            "only one connection would see it; create a table"
        } else if self.has("UNLOGGED") {
            "a crash of the server would empty it and leave the checkpoint; leave out UNLOGGED"
        } else if self.has("MATERIALIZED") {
            "nothing would refresh it; create a view or a table"
        } else if self.has("FOREIGN") {
            "its rows would not belong to the transaction; create a table"
        } else {
            match self.noun.as_str() {
                "SEQUENCE" => {
                    "it cannot be named in a build; write GENERATED ALWAYS AS IDENTITY at the column"
                }
                "FUNCTION" | "PROCEDURE" | "AGGREGATE" | "TYPE" | "DOMAIN" | "COLLATION"
                | "OPERATOR" | "CAST" => {
                    "it does not belong to one build; create it in a migration of your own, before the \
                     projection runs"
                }
                _ => return self.check_name(dialect),
            }
        };
        Err(format!("a read model cannot have `{words}`: {instead}"))
    }

    fn check_name(&self, dialect: Dialect) -> Result<(), String> {
        let needs_braces = match (self.created(), self.noun.as_str()) {
            (Created::Table | Created::View, _) => true,
            // Elsewhere triggers and rules have names for each table.
            (Created::OfTable, "TRIGGER") => dialect == Dialect::Sqlite,
            // PostgreSQL makes a name for an index without one.
            (Created::OfTable, _) => {
                !matches!(self.name, Some(Token::Word(on)) if on.eq_ignore_ascii_case("on"))
            }
            (Created::Other, _) => false,
        };
        let words = &self.words;
        match self.name {
            Some(Token::Word(name)) if needs_braces && self.is_qualified => Err(format!(
                "`{words} {name}.` names a schema; write the name alone and in braces, as in `CREATE \
                 TABLE {{orders}} (..)`"
            )),
            Some(Token::Word(name) | Token::Quoted(name)) if needs_braces => Err(format!(
                "the name in `{words} {name}` is not in braces, as in `CREATE TABLE {{orders}} (..)`, so \
                 a new version could not be built next to this one"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schema_declares() {
        let schema = "
            CREATE TABLE {orders} (id TEXT, -- of {nothing}
                                   note TEXT DEFAULT 'CREATE TABLE {a}');
            create unique index if not exists {by_note} ON {orders} (note);
            CREATE OR REPLACE VIEW {open} AS SELECT * FROM {orders};
            CREATE TRIGGER {audit} AFTER INSERT ON {orders} BEGIN
                UPDATE {orders} SET id = 1; DELETE FROM {open}; END;
            CREATE VIRTUAL TABLE {search} USING fts5(note);
            ALTER TABLE {orders} ADD COLUMN more TEXT; INSERT INTO {orders} VALUES (1)";
        let found: Vec<_> = declarations(Dialect::Sqlite, schema)
            .map(|found| (found.name, found.created))
            .collect();
        let expected = [
            ("orders", Created::Table),
            ("by_note", Created::OfTable),
            ("open", Created::View),
            ("audit", Created::OfTable),
            ("search", Created::Table),
        ];
        assert_eq!(found, expected);
        assert_eq!(check(Dialect::Sqlite, schema), Ok(()));
    }

    #[test]
    fn what_would_fail_later_is_said_at_once() {
        use Dialect::{Postgres, Sqlite};
        let refused = [
            (
                Sqlite,
                "CREATE TABLE plain (a)",
                "`CREATE TABLE plain` is not in braces",
            ),
            (
                Sqlite,
                "CREATE TABLE IF NOT EXISTS \"p\" (a)",
                "not in braces",
            ),
            (Sqlite, "CREATE TABLE main.{orders} (a)", "names a schema"),
            (Sqlite, "CREATE INDEX by_a ON {orders} (a)", "not in braces"),
            (
                Sqlite,
                "CREATE TRIGGER t AFTER INSERT ON {a} BEGIN SELECT 1; END",
                "not in braces",
            ),
            (
                Sqlite,
                "CREATE TEMP TABLE {orders} (a)",
                "only one connection",
            ),
            (
                Sqlite,
                "CREATE TABLE {a} (a); COMMIT",
                "may not run `COMMIT`",
            ),
            (
                Postgres,
                "CREATE UNLOGGED TABLE {orders} (a INT)",
                "UNLOGGED",
            ),
            (
                Postgres,
                "CREATE MATERIALIZED VIEW {a} AS SELECT 1",
                "refresh",
            ),
            (Postgres, "CREATE SEQUENCE {numbers}", "IDENTITY"),
            (
                Postgres,
                "CREATE FUNCTION {f}() RETURNS trigger AS $$ {a} $$",
                "migration",
            ),
        ];
        for (dialect, schema, why) in refused {
            let error = check(dialect, schema).expect_err(schema);
            assert!(error.contains(why), "{schema}: {error}");
        }
        let accepted = [
            (Postgres, "CREATE INDEX ON {orders} (a)"),
            (
                Postgres,
                "CREATE TRIGGER t BEFORE INSERT ON {a} FOR EACH ROW EXECUTE FUNCTION f()",
            ),
            (
                Postgres,
                "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE {a} (a CITEXT)",
            ),
            (
                Postgres,
                "CREATE TABLE {a_2026} PARTITION OF {a} FOR VALUES IN (1)",
            ),
            (Sqlite, "CREATE TABLES {a} (a)"),
            (Sqlite, ""),
        ];
        for (dialect, schema) in accepted {
            assert_eq!(check(dialect, schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn comments_and_space_make_no_difference() {
        let same = |a, b| {
            let of = |text| definition(Dialect::Sqlite, text);
            of(a) == of(b)
        };
        assert!(same("CREATE TABLE {a} (b)", " CREATE  TABLE\n{a} (b) "));
        assert!(same("CREATE TABLE {a} (b)", "CREATE TABLE {a} -- all\n(b)"));
        assert!(same("a 'x  y' b", "a  'x  y'\tb"));
        assert!(!same("a 'x  y'", "a 'x y'"));
        assert!(!same("a(b)", "a('b')"));
        assert!(!same("E'b'", "E 'b'"));
    }
}
