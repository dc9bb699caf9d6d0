//! TLS to PostgreSQL, with the checks that a connection string asks for.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod rustls;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::make;
#[cfg(feature = "tls")]
pub(crate) use rustls::make;

/// What the driver makes TLS with. Without the feature `tls` it makes none.
#[cfg(feature = "tls")]
pub type MakeTls = tokio_postgres_rustls::MakeRustlsConnect;
/// What the driver makes TLS with. Without the feature `tls` it makes none.
#[cfg(not(feature = "tls"))]
pub type MakeTls = tokio_postgres::NoTls;
