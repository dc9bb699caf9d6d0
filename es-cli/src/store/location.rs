//! Where a store is: `--store`, the environment, or a name in a file.

use crate::error::Error;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Which database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Location {
    /// A path.
    Sqlite(String),
    /// A connection string, with a password perhaps.
    Postgres(String),
}

impl Location {
    /// Reads `sqlite:FILE`, a URL, or pairs such as `host=localhost user=shop`. `None` for a name.
    fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Some(Self::Sqlite(path.to_owned()));
        }
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        (is_url || text.contains('=')).then(|| Self::Postgres(text.to_owned()))
    }
}

/// A store and its read models.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: Location,
    pub(crate) read_store: Option<Location>,
    /// The schema of the store's tables on PostgreSQL.
    pub(crate) schema: String,
    read_schema: Option<String>,
}

/// What the command line and the environment say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) store: Option<&'a str>,
    pub(crate) read_store: Option<&'a str>,
    pub(crate) schema: Option<&'a str>,
    pub(crate) read_schema: Option<&'a str>,
    pub(crate) config: Option<&'a Path>,
}

/// The schema of a store that has chosen none.
const SCHEMA: &str = "es";

impl Place {
    pub(crate) fn find(wanted: &Wanted<'_>) -> Result<Self, Error> {
        let Some(text) = wanted.store else {
            return Err(Error::Usage(
                "which store? Say --store sqlite:shop.db or --store postgres://user@host/database, or set \
                 ES_STORE to the same"
                    .to_owned(),
            ));
        };
        let mut named = Named::default();
        if Location::parse(text).is_none() {
            named = Named::find(text, wanted.config)?;
        }
        let store = named.store.as_deref().unwrap_or(text);
        let store = Location::parse(store).ok_or_else(|| no_location(store))?;
        let read_store = wanted.read_store.or(named.read_store.as_deref());
        let read_store =
            read_store.map(|text| Location::parse(text).ok_or_else(|| no_location(text)));
        let schema = wanted.schema.or(named.schema.as_deref()).unwrap_or(SCHEMA);
        let read_schema = wanted.read_schema.or(named.read_schema.as_deref());
        for name in [Some(schema), read_schema].into_iter().flatten() {
            check_schema(name)?;
        }
        Ok(Self {
            store,
            read_store: read_store.transpose()?,
            schema: schema.to_owned(),
            read_schema: read_schema.map(str::to_owned),
        })
    }

    /// What stands before the name of a table of read models. Those of the usual schema are where the
    /// role's `search_path` says.
    pub(crate) fn read_prefix(&self) -> String {
        match &self.read_schema {
            Some(schema) => format!("\"{schema}\"."),
            None if self.schema == SCHEMA => String::new(),
            None => format!("\"{}_read\".", self.schema),
        }
    }
}

fn no_location(text: &str) -> Error {
    Error::Usage(format!(
        "`{text}` is no store. A store is sqlite:FILE, postgres://user@host/database, or pairs such as \
         \"host=localhost user=shop dbname=shop\""
    ))
}

/// Names of schemas become part of statements.
fn check_schema(name: &str) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "`{name}` is no name of a schema: those of stores have the characters a to z, 0 to 9 and _"
    )))
}

/// A store of the file of named stores.
#[derive(Clone, Debug, Default)]
struct Named {
    store: Option<String>,
    read_store: Option<String>,
    schema: Option<String>,
    read_schema: Option<String>,
}

impl Named {
    /// Reads the section with this name:
    ///
    /// ```text
    /// [shop]
    /// store = postgres://reader@db/shop
    /// schema = shop
    /// ```
    fn find(name: &str, config: Option<&Path>) -> Result<Self, Error> {
        if Path::new(name).is_file() {
            return Err(Error::Usage(format!(
                "`{name}` is a file: to open it, say --store sqlite:{name}"
            )));
        }
        let path = config.map(Path::to_owned).or_else(usual_file);
        let Some(path) = path else {
            return Err(no_location(name));
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                let Error::Usage(what) = no_location(name) else {
                    return Err(error.into());
                };
                return Err(Error::Usage(format!(
                    "{what}. There may be stores with names in {}, which cannot be read: {error}",
                    path.display()
                )));
            }
        };
        Self::parse(name, &text, &path)
    }

    fn parse(name: &str, text: &str, path: &Path) -> Result<Self, Error> {
        let mut found: Option<Self> = None;
        let mut names = Vec::new();
        let mut is_inside = false;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            let wrong =
                |what: &str| Error::Usage(format!("{}, line {number}: {what}", path.display()));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                let section = section.trim();
                names.push(section.to_owned());
                is_inside = section == name;
                if is_inside && found.replace(Self::default()).is_some() {
                    return Err(wrong("this name is there twice"));
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(wrong("a line is `[NAME]` or `key = value`"));
            };
            let value = unquoted(value.trim()).to_owned();
            let mut ignored = Self::default();
            let into = match &mut found {
                Some(found) if is_inside => found,
                _ => &mut ignored,
            };
            match key.trim() {
                "store" => into.store = Some(value),
                "read-store" => into.read_store = Some(value),
                "schema" => into.schema = Some(value),
                "read-schema" => into.read_schema = Some(value),
                _ => {
                    return Err(wrong(
                        "the keys are `store`, `schema`, `read-store` and `read-schema`",
                    ));
                }
            }
        }
        match found {
            Some(found) if found.store.is_some() => Ok(found),
            Some(_) => Err(Error::Usage(format!(
                "{}: [{name}] has no line `store = ..`",
                path.display()
            ))),
            None => Err(Error::Usage(format!(
                "{} has no [{name}], but: {}",
                path.display(),
                names.join(", ")
            ))),
        }
    }
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// The file of named stores where nothing else is said.
fn usual_file() -> Option<PathBuf> {
    let folder = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let config = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .or_else(|| folder("APPDATA"))?;
    Some(config.join("es").join("stores.conf"))
}
