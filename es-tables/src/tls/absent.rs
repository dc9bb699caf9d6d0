//! For a program that was built without TLS.

use super::MakeTls;
use crate::{
    Error,
    connection::{Checks, Roots},
};
use tokio_postgres::NoTls;

/// No TLS, where none is required.
pub(crate) fn make(checks: Checks, _: Option<&Roots>) -> Result<MakeTls, Error> {
    if checks == Checks::Nothing {
        return Ok(NoTls);
    }
    Err(Error::Place(
        "this program was built without the feature `tls`, so it checks no certificate. For a server without TLS say sslmode=disable"
            .to_owned(),
    ))
}
