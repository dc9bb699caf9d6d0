//! Which store is meant: `--store`, the environment, or a name in a file.

use super::Place;
use crate::error::Error;
use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// What the command line and the environment say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) store: Option<&'a str>,
    pub(crate) read_store: Option<&'a str>,
    pub(crate) schema: Option<&'a str>,
    pub(crate) read_schema: Option<&'a str>,
    pub(crate) config: Option<&'a Path>,
}

impl Wanted<'_> {
    /// The place of the store that is meant.
    pub(crate) fn find(&self) -> Result<Place, Error> {
        let Some(text) = self.store else {
            return Err(Error::Usage(
                "which store? Say --store sqlite:shop.db or --store postgres://user@host/database, or set \
                 ES_STORE to the same"
                    .to_owned(),
            ));
        };
        let mut named = Named::default();
        if Place::new(text).is_err() {
            named = Named::find(text, self.config)?;
        }
        let mut place = Place::new(named.store.as_deref().unwrap_or(text))?;
        if let Some(read_store) = self.read_store.or(named.read_store.as_deref()) {
            place = place.read_store(read_store)?;
        }
        if let Some(schema) = self.schema.or(named.schema.as_deref()) {
            place = place.schema(schema)?;
        }
        if let Some(schema) = self.read_schema.or(named.read_schema.as_deref()) {
            place = place.read_schema(schema)?;
        }
        Ok(place)
    }
}

/// Why a text names no store.
fn no_store(text: &str) -> String {
    Place::new(text)
        .err()
        .map_or_else(String::new, |error| error.to_string())
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
            return Err(Error::Usage(no_store(name)));
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // Nobody has one unless they made it.
            Err(error) if config.is_none() && error.kind() == ErrorKind::NotFound => {
                return Err(Error::Usage(no_store(name)));
            }
            Err(error) => {
                let what = no_store(name);
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
