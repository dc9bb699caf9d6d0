//! Table names in the statements of handlers: `{name}` means the table of one build.

use super::{
    dialect::Dialect,
    sql::{Kind, is_word, parts},
};
use std::{borrow::Cow, collections::BTreeSet, collections::HashMap, sync::Arc};

/// The names that a schema declares.
pub(crate) type Declared = Arc<BTreeSet<String>>;

/// What `{name}` means in a statement: the tables of one build of a read model.
///
/// Only names that the schema of the read model declares are replaced, and only in code: braces in
/// literals, quoted identifiers, dollar quotes and comments are text. `{{` and `}}` in code are
/// braces.
///
/// ```
/// use es_projections::{Dialect, backend::Names};
///
/// let names = Names::of_build(3, ["orders"]);
/// let sql = "INSERT INTO {orders} (data) VALUES ('{\"orders\":1} {orders}')";
/// let expanded = names.expand(Dialect::Sqlite, sql).unwrap();
/// assert_eq!(expanded, "INSERT INTO orders__b3 (data) VALUES ('{\"orders\":1} {orders}')");
/// let unknown = names.expand(Dialect::Sqlite, "DELETE FROM {ordrs}").unwrap_err();
/// assert!(unknown.to_string().starts_with("`{ordrs}` is not declared"));
/// assert_eq!(names.expand(Dialect::Sqlite, "SELECT {{a}}").unwrap(), "SELECT {a}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Names {
    suffix: String,
    declared: Declared,
}

impl Names {
    /// The names that the schema declares, in this build: `{orders}` is `orders__b3` in build 3.
    pub fn of_build<N: Into<String>>(build: u32, declared: impl IntoIterator<Item = N>) -> Self {
        Self::declared_in(
            build,
            Arc::new(declared.into_iter().map(Into::into).collect()),
        )
    }

    pub(crate) fn declared_in(build: u32, declared: Declared) -> Self {
        Self {
            suffix: suffix_of(build),
            declared,
        }
    }

    /// The suffix of each table's name.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The statement with real names.
    ///
    /// # Errors
    /// [`NameError`] for a name in braces that the schema does not declare, that is too long, or that
    /// is not a name, and for a declared name without braces that is written to.
    pub fn expand(&self, dialect: Dialect, sql: &str) -> Result<String, NameError> {
        if let Some(name) = self.written_plainly(dialect, sql) {
            let name = name.to_owned();
            return Err(NameError::Plain { name });
        }
        let mut expanded = String::with_capacity(sql.len().saturating_add(16));
        for (kind, part) in parts(dialect, sql) {
            if kind == Kind::Code {
                self.expand_code(part, &mut expanded)?;
            } else {
                expanded.push_str(part);
            }
        }
        Ok(expanded)
    }

    /// The declared name without braces that the statement writes to. SQLite refuses to write to a view; PostgreSQL would
    /// write to the live tables, also while others are built.
    fn written_plainly(&self, dialect: Dialect, sql: &str) -> Option<&str> {
        const BEFORE_TARGETS: [&str; 8] = [
            "or", "rollback", "abort", "replace", "fail", "ignore", "only", "table",
        ];
        let mut before = "";
        let mut is_target = false;
        for word in words(dialect, sql) {
            let is_one_of = |known: &[&str]| known.iter().any(|one| one.eq_ignore_ascii_case(word));
            // Such as `UPDATE OR IGNORE orders`, `TRUNCATE TABLE orders`.
            if is_target && is_one_of(&BEFORE_TARGETS) {
                continue;
            }
            if is_target {
                let plain = word.trim_matches(['"', '`', '[', ']']);
                let mut declared = self.declared.iter();
                if let Some(name) = declared.find(|name| name.eq_ignore_ascii_case(plain)) {
                    return Some(name);
                }
            }
            is_target = is_one_of(&["into", "update", "truncate"])
                || (is_one_of(&["from"]) && before.eq_ignore_ascii_case("delete"));
            before = word;
        }
        None
    }

    fn expand_code(&self, code: &str, expanded: &mut String) -> Result<(), NameError> {
        let mut rest = code;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            expanded.push_str(before);
            rest = if let Some(after) = from.strip_prefix("{{") {
                expanded.push('{');
                after
            } else if let Some(after) = from.strip_prefix("}}") {
                expanded.push('}');
                after
            } else if let Some(after) = from.strip_prefix('}') {
                expanded.push('}');
                after
            } else {
                let (name, after) = braced(from)?;
                expanded.push_str(self.declared_name(name)?);
                expanded.push_str(&self.suffix);
                after
            };
        }
        expanded.push_str(rest);
        Ok(())
    }

    fn declared_name<'n>(&self, name: &'n str) -> Result<&'n str, NameError> {
        if name.len() > LONGEST_NAME {
            let name = name.to_owned();
            return Err(NameError::TooLong { name });
        }
        if self.declared.contains(name) {
            return Ok(name);
        }
        let declared: Vec<&str> = self.declared.iter().map(String::as_str).collect();
        let declared = if declared.is_empty() {
            "nothing".to_owned()
        } else {
            format!("`{}`", declared.join("`, `"))
        };
        Err(NameError::Undeclared {
            name: name.to_owned(),
            declared,
        })
    }
}

/// The name in the braces with which `from` begins, and what follows.
pub(crate) fn braced(from: &str) -> Result<(&str, &str), NameError> {
    let inner = from.strip_prefix('{').and_then(|open| open.split_once('}'));
    match inner {
        Some((name, after)) if is_name(name) => Ok((name, after)),
        _ => {
            let text: String = from
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(20)
                .collect();
            Err(NameError::NoName { text })
        }
    }
}

/// The words of a statement, with the braces or quotes around them. Literals are such words, too.
fn words(dialect: Dialect, sql: &str) -> impl Iterator<Item = &str> {
    let is_between = |kind, c| kind == Kind::Code && !is_word(c) && !matches!(c, '{' | '}');
    parts(dialect, sql)
        .filter(|(kind, _)| *kind != Kind::Comment)
        .flat_map(move |(kind, part)| part.split(move |c| is_between(kind, c)))
        .filter(|word| !word.is_empty())
}

/// The suffix of each name of a build.
pub(crate) fn suffix_of(build: u32) -> String {
    format!("__b{build}")
}

/// PostgreSQL cuts identifiers at 63 bytes; the rest is for the build.
const LONGEST_NAME: usize = 48;

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Why the names in braces of a statement cannot be replaced. The statement was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The schema declares no such name.
    #[error(
        "`{{{name}}}` is not declared in the schema of the projection, which declares {declared}; write \
         `{{{{` for a brace"
    )]
    Undeclared {
        /// The name.
        name: String,
        /// The names that the schema declares, for a message.
        declared: String,
    },
    /// The statement writes to a declared name without braces.
    #[error(
        "the statement writes to `{name}`, the view that queries use; write `{{{name}}}`, the table of the build that \
         is being written"
    )]
    Plain {
        /// The name.
        name: String,
    },
    /// The name is longer than 48 bytes.
    #[error("the table name `{name}` is longer than {LONGEST_NAME} bytes")]
    TooLong {
        /// The name.
        name: String,
    },
    /// What follows the brace is not a name.
    #[error(
        "no table name follows the brace in `{text}`: a name in braces has lower-case letters, digits \
         and `_`; write `{{{{` for a brace"
    )]
    NoName {
        /// How the statement goes on from the brace.
        text: String,
    },
}

/// A cache for read databases: replaces the table names of a transaction's statements, once for
/// each statement.
#[derive(Debug)]
pub struct Expansions {
    dialect: Dialect,
    names: Names,
    expanded: HashMap<String, String>,
}

impl Expansions {
    /// For the statements of this database. No name is declared yet.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            names: Names::default(),
            expanded: HashMap::new(),
        }
    }

    /// Sets the build whose tables the statements mean from now on.
    pub fn set_names(&mut self, names: Names) {
        if self.names != names {
            self.names = names;
            self.expanded.clear();
        }
    }

    /// The statement with real names.
    ///
    /// # Errors
    /// [`NameError`] as for [`Names::expand`].
    pub fn expand<'s>(&'s mut self, sql: &'s str) -> Result<Cow<'s, str>, NameError> {
        if self.names.declared.is_empty() && !sql.contains(['{', '}']) {
            return Ok(Cow::Borrowed(sql));
        }
        if !self.expanded.contains_key(sql) {
            let whole = self.names.expand(self.dialect, sql)?;
            self.expanded.insert(sql.to_owned(), whole);
        }
        let whole = self.expanded.get(sql);
        Ok(Cow::Borrowed(whole.map_or(sql, String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(dialect: Dialect, sql: &str) -> Result<String, NameError> {
        let mut expansions = Expansions::new(dialect);
        expansions.set_names(Names::of_build(2, ["orders", "lines"]));
        expansions.expand(sql).map(Cow::into_owned)
    }

    #[test]
    fn a_plain_name_is_not_written_to() {
        for bad in [
            "INSERT INTO orders VALUES (1)",
            "insert or replace into ORDERS(id) values (1)",
            "REPLACE INTO lines VALUES (1)",
            "UPDATE orders SET a = 1 WHERE b IN (SELECT b FROM {lines})",
            "UPDATE OR IGNORE orders SET a = 1",
            "UPDATE ONLY orders SET a = 1",
            "DELETE FROM /* all */ orders",
            "WITH a AS (SELECT 1) DELETE FROM \"orders\"",
            "INSERT INTO {lines} SELECT 1; DELETE FROM orders",
            "TRUNCATE TABLE orders",
            "MERGE INTO orders USING {lines} ON true WHEN MATCHED THEN DELETE",
        ] {
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                let refused = expanded(dialect, bad).expect_err(bad).to_string();
                assert!(refused.contains("queries use; write `{"), "{refused}");
            }
        }
        for good in [
            "INSERT INTO {orders} (orders) VALUES (1) ON CONFLICT (id) DO UPDATE SET orders = 2",
            "INSERT INTO {orders} SELECT * FROM orders",
            "UPDATE {orders} SET lines = 'UPDATE orders'",
            "DELETE FROM other WHERE id IN (SELECT id FROM orders)",
            "SELECT id FROM {orders} AS lines FOR UPDATE OF lines",
            "INSERT INTO elsewhere.orders VALUES (1)",
            "INSERT INTO orders_of_others VALUES ('orders') -- DELETE FROM orders",
        ] {
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                expanded(dialect, good).expect(good);
            }
        }
    }
}
