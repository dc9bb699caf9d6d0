//! es-sqlite
