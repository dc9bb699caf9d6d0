//! What all requests share: the threads that read, what the application knows, and who may write.

use crate::{Application, Error, Options, Place, Writes, readers::Readers, writer::Writer};
use std::{io, sync::Arc};

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) readers: Readers,
    pub(crate) options: Options,
    /// Where writes are allowed.
    pub(crate) writes: Option<Allowed>,
}

/// What is needed to write.
#[derive(Clone)]
pub(crate) struct Allowed {
    pub(crate) writer: Writer,
    /// A page of the explorer knows it. A page of another site cannot read it.
    pub(crate) token: Arc<str>,
}

impl Shared {
    /// Blocks until the store is open.
    pub(crate) fn open(place: &Place, options: Options) -> Result<Self, Error> {
        let readers = Readers::open(place)?;
        let writes = match (options.writes, &options.application) {
            (Writes::Allowed, Some(application)) => Some(Allowed {
                writer: Writer::start(place.clone(), application.clone())?,
                token: token()?,
            }),
            _ => None,
        };
        Ok(Self {
            readers,
            options,
            writes,
        })
    }

    pub(crate) fn application(&self) -> Option<Arc<dyn Application>> {
        self.options.application.clone()
    }
}

fn token() -> Result<Arc<str>, Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(es_tables::hex(&bytes).into())
}
