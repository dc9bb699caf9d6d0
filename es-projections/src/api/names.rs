//! Table names in the statements of handlers: `{name}` means the table of one build.

use std::{borrow::Cow, collections::BTreeSet, collections::HashMap, fmt};

/// The tables that `{name}` means in a statement: those of one build of a read model.
///
/// ```
/// use es_projections::backend::Names;
///
/// let names = Names::of_build(3);
/// let sql = names.expand("SELECT * FROM {order_summaries}");
/// assert_eq!(sql.unwrap(), "SELECT * FROM order_summaries__b3");
/// assert_eq!(Names::plain().expand("DELETE FROM {a}").unwrap(), "DELETE FROM a");
/// assert!(Names::plain().expand("SELECT '{\"json\":1}'").is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Names {
    suffix: String,
}

impl Names {
    /// `{orders}` is `orders`.
    pub const fn plain() -> Self {
        Self {
            suffix: String::new(),
        }
    }

    /// `{orders}` is `orders__b3` in build 3.
    pub fn of_build(build: u32) -> Self {
        Self {
            suffix: format!("__b{build}"),
        }
    }

    /// The suffix of each table's name.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The statement with real names. Braces around anything but a name stay as they are.
    ///
    /// # Errors
    /// [`NameTooLong`] if a name is too long for one of the databases.
    pub fn expand(&self, sql: &str) -> Result<String, NameTooLong> {
        let mut expanded = String::with_capacity(sql.len() + 16);
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once('{') {
            expanded.push_str(before);
            match after.split_once('}') {
                Some((name, after_name)) if is_name(name) => {
                    if name.len() > LONGEST_NAME {
                        return Err(NameTooLong {
                            name: name.to_owned(),
                        });
                    }
                    expanded.push_str(name);
                    expanded.push_str(&self.suffix);
                    rest = after_name;
                }
                _ => {
                    expanded.push('{');
                    rest = after;
                }
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The names that a schema declares, each once.
    pub(crate) fn declared(sql: &str) -> Vec<String> {
        let mut names = BTreeSet::new();
        let mut rest = sql;
        while let Some((_, after)) = rest.split_once('{') {
            match after.split_once('}') {
                Some((name, after_name)) if is_name(name) => {
                    names.insert(name.to_owned());
                    rest = after_name;
                }
                _ => rest = after,
            }
        }
        names.into_iter().collect()
    }
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

/// A table's name in braces is longer than 48 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTooLong {
    /// The name.
    pub name: String,
}

impl std::error::Error for NameTooLong {}

impl fmt::Display for NameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;
        write!(
            f,
            "the table name `{name}` is longer than {LONGEST_NAME} bytes"
        )
    }
}

/// A cache for read databases: replaces the table names of a transaction's statements, once for
/// each statement.
#[derive(Debug, Default)]
pub struct Expansions {
    names: Names,
    expanded: HashMap<String, String>,
}

impl Expansions {
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
    /// [`NameTooLong`] as for [`Names::expand`].
    pub fn expand<'s>(&'s mut self, sql: &'s str) -> Result<Cow<'s, str>, NameTooLong> {
        if !sql.contains('{') {
            return Ok(Cow::Borrowed(sql));
        }
        if !self.expanded.contains_key(sql) {
            let whole = self.names.expand(sql)?;
            self.expanded.insert(sql.to_owned(), whole);
        }
        let whole = self.expanded.get(sql);
        Ok(Cow::Borrowed(whole.map_or(sql, String::as_str)))
    }
}
