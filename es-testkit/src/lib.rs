//! es-testkit
