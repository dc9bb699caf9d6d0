//! Why a connection string is none for this driver, in words that never quote what may be a secret.

use es_runtime::{StorageError, StorageErrorKind};
use std::error::Error as _;
use tokio_postgres::Config;

/// Reads a connection string.
///
/// # Errors
/// [`CannotOpen`](StorageErrorKind::CannotOpen). Where the cause is a parameter that this driver or another
/// one knows, its name and what to use instead; never a value.
pub(crate) fn parse(text: &str) -> Result<Config, StorageError> {
    text.parse::<Config>().map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        StorageError::new(StorageErrorKind::CannotOpen, message(&cause))
    })
}

/// The driver's message quotes a part of the text, and that may be a part of the password. It is compared
/// with what is known and not passed on.
fn message(cause: &str) -> String {
    let is_about = |name: &str| cause.ends_with(&format!("`{name}`"));
    let is_value = cause.starts_with("invalid value");
    if is_value {
        for (name, values) in VALUES {
            if is_about(name) {
                return format!(
                    "in the connection string, a URL such as postgres://user@host/database or pairs such as \
                     host=localhost user=shop, the value of `{name}` can be {values}"
                );
            }
        }
    } else {
        for (names, instead) in ELSEWHERE {
            if let Some(name) = names.iter().find(|name| is_about(name)) {
                return format!(
                    "the connection string has the parameter `{name}`, which this driver does not \
                     know: {instead}"
                );
            }
        }
        if cause.starts_with("unknown option") {
            return format!(
                "the connection string has a parameter that is not known. These are: {}. It is a URL such \
                 as postgres://user@host/database, in which @ : / and ? in a password are written as %40 %3A \
                 %2F and %3F, or pairs such as host=localhost user=shop",
                KNOWN.join(", ")
            );
        }
    }
    "the connection string is neither a URL such as postgres://user@host/database nor pairs such as \
     host=localhost user=shop"
        .to_owned()
}

const KNOWN: &[&str] = &[
    "user",
    "password",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "options",
    "application_name",
    "sslmode",
    "sslnegotiation",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// Parameters with what their values can be.
const VALUES: &[(&str, &str)] = &[
    (
        "sslmode",
        "disable, prefer or require. Certificates and host names are checked by the connector that \
         PostgresOptions::tls gets: use sslmode=require with one that checks them",
    ),
    ("sslnegotiation", "postgres or direct"),
    (
        "hostaddr",
        "addresses such as 10.0.0.1, with commas between several",
    ),
    ("port", "a number, with commas between several"),
    ("connect_timeout", "a number of seconds"),
    ("tcp_user_timeout", "a number of seconds"),
    ("keepalives", "0 or 1"),
    ("keepalives_idle", "a number of seconds"),
    ("keepalives_interval", "a number of seconds"),
    ("keepalives_retries", "a number"),
    ("target_session_attrs", "any, read-write or read-only"),
    ("channel_binding", "disable, prefer or require"),
    ("load_balance_hosts", "disable or random"),
];

/// Parameters of other drivers, and what there is instead.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &[
            "pgbouncer",
            "statement_cache_capacity",
            "statement_cache_size",
            "prepared_statement_cache_size",
            "prepareThreshold",
            "prepare_threshold",
            "preparedStatementCacheQueries",
            "simple_protocol",
            "default_query_exec_mode",
            "disable_prepared_statements",
        ],
        "for a pooler that gives each transaction another connection, leave it out and call \
         PostgresOptions::transaction_pool(true)",
    ),
    (
        &["schema", "currentSchema", "search_path", "searchpath"],
        "leave it out and call PostgresOptions::schema(\"..\") for the store's tables, and \
         PostgresOptions::read_schema(\"..\") for read models",
    ),
    (
        &[
            "sslrootcert",
            "sslcert",
            "sslkey",
            "sslpassword",
            "sslcrl",
            "sslcrldir",
            "sslsni",
            "sslaccept",
            "sslidentity",
            "sslfactory",
            "sslcertmode",
            "ssl_min_protocol_version",
            "ssl_max_protocol_version",
            "sslcompression",
        ],
        "leave it out and give a connector that has the certificates, such as that of \
         tokio-postgres-rustls, to PostgresOptions::tls",
    ),
    (
        &["ssl", "tls", "requiressl"],
        "use sslmode=require, and give a connector to PostgresOptions::tls",
    ),
    (
        &[
            "connection_limit",
            "pool_size",
            "max_connections",
            "pool_max_conns",
            "maxpoolsize",
            "pool_min_conns",
            "minpoolsize",
            "pooling",
            "max",
        ],
        "leave it out and call PostgresOptions::reader_connections and \
         PostgresOptions::read_connections",
    ),
    (
        &["pool_timeout", "lock_timeout", "busy_timeout"],
        "leave it out and call PostgresOptions::busy_timeout",
    ),
    (
        &[
            "statement_timeout",
            "command_timeout",
            "socket_timeout",
            "socketTimeout",
            "query_timeout",
            "idle_in_transaction_session_timeout",
            "read_timeout",
        ],
        "leave it out and call PostgresOptions::statement_timeout",
    ),
    (
        &[
            "connectTimeout",
            "loginTimeout",
            "timeout",
            "connection_timeout",
        ],
        "use connect_timeout, in seconds",
    ),
    (
        &[
            "ApplicationName",
            "applicationName",
            "fallback_application_name",
        ],
        "use application_name",
    ),
    (
        &["tcpKeepAlive", "keepalive", "keepalives_count"],
        "use keepalives, keepalives_idle, keepalives_interval and keepalives_retries",
    ),
    (
        &["targetServerType", "target_server_type"],
        "use target_session_attrs, which can be any, read-write or read-only",
    ),
    (&["database", "db"], "use dbname, or the path of the URL"),
    (&["username"], "use user"),
    (
        &["passfile", "service", "servicefile"],
        "files are not read: give user, password, host and dbname",
    ),
    (
        &["client_encoding", "clientEncoding", "charset", "encoding"],
        "leave it out, connections always use UTF-8",
    ),
    (
        &["timezone", "TimeZone", "datestyle", "DateStyle"],
        "leave it out, sessions always use UTC and ISO dates",
    ),
    (
        &[
            "gssencmode",
            "gsslib",
            "gssdelegation",
            "krbsrvname",
            "require_auth",
            "requirepeer",
            "replication",
        ],
        "leave it out, there is no such thing here",
    ),
];
