//! The folder of a catalogue: compared with the code, or written.

use super::Catalogue;
use crate::{LockError, LockMode, guard};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// The files of a catalogue are not what the code says, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The environment does not say what to do.
    #[error(transparent)]
    Mode(#[from] LockError),
    /// Names are given twice, and the files have room for one of each. Nothing was compared or written.
    #[error(
        "names in the catalogue are given twice, so nothing was compared or written\n  {}",
        names.join("\n  ")
    )]
    NamedTwice {
        /// Each name with the places that give it, and what to do.
        names: Vec<String>,
    },
    /// A file could not be read or written. The others may be written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Files differ from the code, and this run writes nothing.
    #[error(
        "the catalogue in {folder} is out of date, and this run writes nothing: {files}\n  \
         help: run the test with `ES_LOCK=update` and commit the folder",
        folder = folder.display(),
        files = files.join(", ")
    )]
    Stale {
        /// The folder.
        folder: PathBuf,
        /// The files that differ, are missing, or are left over.
        files: Vec<String>,
    },
}

impl Catalogue {
    /// Compares the folder with the code, or writes it, as [`LockMode::from_env`] says. Returns the files that were written.
    ///
    /// # Errors
    /// [`CatalogueError`]. Its text says which files differ and what to do.
    pub fn check(&self, folder: impl AsRef<Path>) -> Result<Vec<String>, CatalogueError> {
        self.check_in(folder, LockMode::from_env()?)
    }

    /// [`check`](Self::check) in a given mode. `Seal` writes as `Update` does.
    ///
    /// # Errors
    /// [`CatalogueError`]. Its text says which files differ and what to do.
    pub fn check_in(
        &self,
        folder: impl AsRef<Path>,
        mode: LockMode,
    ) -> Result<Vec<String>, CatalogueError> {
        let names = self.twice.names(self);
        if !names.is_empty() {
            return Err(CatalogueError::NamedTwice { names });
        }
        let folder = folder.as_ref();
        let files = self.files();
        let mut differing = Vec::new();
        for (name, text) in &files {
            let path = folder.join(name);
            match fs::read_to_string(&path) {
                // A checkout may have other ends of lines.
                Ok(found) if found.replace("\r\n", "\n") == *text => {}
                Ok(_) => differing.push(name.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    differing.push(name.clone());
                }
                Err(source) => return Err(CatalogueError::Io { path, source }),
            }
        }
        let left_over = left_over(folder, &files)?;
        if mode == LockMode::Check {
            differing.extend(left_over);
            if differing.is_empty() {
                return Ok(differing);
            }
            return Err(CatalogueError::Stale {
                folder: folder.to_owned(),
                files: differing,
            });
        }
        for name in &differing {
            let path = folder.join(name);
            let text = files.get(name).map_or("", String::as_str);
            guard::write(&path, text).map_err(|source| CatalogueError::Io { path, source })?;
        }
        for name in left_over {
            let path = folder.join(&name);
            fs::remove_file(&path).map_err(|source| CatalogueError::Io { path, source })?;
            differing.push(name);
        }
        Ok(differing)
    }
}

/// The schemas in the folder that no version has any more.
fn left_over(
    folder: &Path,
    files: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, CatalogueError> {
    let path = folder.join("schemas");
    let refused = |source| CatalogueError::Io {
        path: path.clone(),
        source,
    };
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(source) => return Err(refused(source)),
    };
    let mut left_over = BTreeSet::new();
    for entry in entries {
        let name = PathBuf::from(entry.map_err(refused)?.file_name());
        let is_schema = name.extension().is_some_and(|end| end == "json");
        let name = format!("schemas/{}", name.display());
        if is_schema && !files.contains_key(&name) {
            left_over.insert(name);
        }
    }
    Ok(left_over)
}
