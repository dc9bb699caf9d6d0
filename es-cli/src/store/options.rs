//! How the store's own crate opens a place.

use super::Place;
use es_postgres::PostgresOptions;
use es_tables::Connection;

/// A database of a place, with the schemas and the TLS that the place says. The error is a text for people.
pub(crate) fn postgres_options(place: &Place, url: &str) -> Result<PostgresOptions, String> {
    let Connection { config, tls, .. } =
        Connection::parse(url).map_err(|error| error.to_string())?;
    let options = PostgresOptions::with_config(config).tls(tls);
    let options = options.schema(place.schema_name());
    let options = options.map_err(|error| error.to_string())?;
    match place.read_schema_name() {
        Some(schema) => {
            let options = options.read_schema(schema);
            options.map_err(|error| error.to_string())
        }
        None => Ok(options),
    }
}
