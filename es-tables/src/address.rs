//! Where a store on JetStream is: `nats://host,host/STREAM`, and options after a question mark. es-nats reads such a text; without
//! the feature `nats` it is only known to be meant.

/// Whether a text is meant to be an address.
pub(crate) fn is_meant(text: &str) -> bool {
    text.starts_with("nats://") || text.starts_with("tls://")
}

#[cfg(feature = "nats")]
mod read {
    use crate::Error;
    use es_nats::Address;

    /// The address of a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Place`]: it is none.
    pub(crate) fn parse(text: &str) -> Result<Address, Error> {
        let wrong = |what: &str| {
            Error::Place(format!(
                "{what}. A store on JetStream is nats://host:4222,host:4222/STREAM, and its options come after a question mark, \
                 joined by `&`"
            ))
        };
        let address = Address::parse(text).map_err(|error| wrong(&error.message))?;
        if address.stream().is_none() {
            return Err(wrong("the store names no stream of JetStream"));
        }
        Ok(address)
    }

    /// # Errors
    ///
    /// [`Error::Place`]: it is no address.
    pub(crate) fn check(text: &str) -> Result<(), Error> {
        parse(text).map(drop)
    }

    /// The servers and the stream, without passwords.
    pub(crate) fn shown(text: &str) -> String {
        parse(text).map_or_else(|_| "nats".to_owned(), |address| address.to_string())
    }

    /// Whether both are certainly the same store.
    pub(crate) fn is_same(mine: &str, theirs: &str) -> bool {
        let both = parse(mine).ok().zip(parse(theirs).ok());
        both.is_some_and(|(mine, theirs)| mine.is_same(&theirs))
    }
}

#[cfg(not(feature = "nats"))]
mod read {
    use crate::Error;

    /// Whoever opens it says which feature is missing.
    #[allow(clippy::unnecessary_wraps, reason = "with the feature it may be none")]
    pub(crate) const fn check(_: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Without what may be a password.
    pub(crate) fn shown(_: &str) -> String {
        "nats".to_owned()
    }

    pub(crate) fn is_same(mine: &str, theirs: &str) -> bool {
        mine == theirs
    }
}

#[cfg(feature = "nats")]
pub(crate) use read::parse;
pub(crate) use read::{check, is_same, shown};
