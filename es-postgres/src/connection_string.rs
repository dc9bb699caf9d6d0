//! Why a connection string is none for this driver, in words that never quote what may be a secret.

use es_runtime::{StorageError, StorageErrorKind};
use std::error::Error as _;
use tokio_postgres::{Config, config::Host};

/// Reads a connection string.
///
/// # Errors
/// [`CannotOpen`](StorageErrorKind::CannotOpen). Where the cause is a parameter that this driver or another
/// one knows, its name and what to use instead; never a value.
pub(crate) fn parse(text: &str) -> Result<Config, StorageError> {
    read(text, Program::Application)
        .map_err(|why| StorageError::new(StorageErrorKind::CannotOpen, why))
}

/// The same for `es`.
///
/// # Errors
/// Why it is none, for people; never a value.
pub fn read_for_es(text: &str) -> Result<Config, String> {
    read(text, Program::Es)
}

/// Whose words say what there is instead of a parameter.
#[derive(Clone, Copy)]
enum Program {
    Application,
    Es,
}

fn read(text: &str, program: Program) -> Result<Config, String> {
    text.parse::<Config>().map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        message(&cause, program)
    })
}

/// The hosts of a configuration with their ports, as far as it says them.
pub fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate();
    let hosts = hosts.map(|(number, host)| {
        let host = match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        };
        // One port is that of all hosts.
        match ports.get(number).or(ports.first()) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    });
    let hosts: Vec<String> = hosts.collect();
    match hosts.as_slice() {
        [] => "localhost".to_owned(),
        hosts => hosts.join(","),
    }
}

/// The driver's message quotes a part of the text, and that may be a part of the password. It is compared
/// with what is known and not passed on.
fn message(cause: &str, program: Program) -> String {
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
                     know: {}",
                    instead.text(program)
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
     host=localhost user=shop dbname=shop. In a password of a URL, @ : / and ? are written as %40 %3A %2F and %3F"
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

/// What there is instead of a parameter.
enum Instead {
    /// In every program.
    Both(&'static str),
    /// In one that has options, and in `es`, which has a command line.
    ByProgram {
        options: &'static str,
        es: &'static str,
    },
}

impl Instead {
    const fn text(&self, program: Program) -> &'static str {
        match (self, program) {
            (Self::Both(text), _) => text,
            (Self::ByProgram { options, .. }, Program::Application) => options,
            (Self::ByProgram { es, .. }, Program::Es) => es,
        }
    }
}

/// Parameters of other drivers.
const ELSEWHERE: &[(&[&str], Instead)] = &[
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
        Instead::ByProgram {
            options: "for a pooler that gives each transaction another connection, leave it out and call \
         PostgresOptions::transaction_pool(true)",
            es: "leave it out, `es` works behind a pooler as it is",
        },
    ),
    (
        &["schema", "currentSchema", "search_path", "searchpath"],
        Instead::ByProgram {
            options: "leave it out and call PostgresOptions::schema(\"..\") for the store's tables, and \
         PostgresOptions::read_schema(\"..\") for read models",
            es: "leave it out and say --schema for the store's tables, and --read-schema for read models",
        },
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
        Instead::ByProgram {
            options: "leave it out and give a connector that has the certificates, such as that of \
         tokio-postgres-rustls, to PostgresOptions::tls",
            es: "about TLS it can say sslmode and sslrootcert",
        },
    ),
    (
        &["ssl", "tls", "requiressl"],
        Instead::ByProgram {
            options: "use sslmode=require, and give a connector to PostgresOptions::tls",
            es: "use sslmode=require, or sslmode=verify-full with sslrootcert",
        },
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
        Instead::ByProgram {
            options: "leave it out and call PostgresOptions::reader_connections and \
         PostgresOptions::read_connections",
            es: "leave it out, `es` has one connection",
        },
    ),
    (
        &["pool_timeout", "lock_timeout", "busy_timeout"],
        Instead::ByProgram {
            options: "leave it out and call PostgresOptions::busy_timeout",
            es: "leave it out, or set lock_timeout for the role",
        },
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
        Instead::ByProgram {
            options: "leave it out and call PostgresOptions::statement_timeout",
            es: "leave it out, or set statement_timeout for the role",
        },
    ),
    (
        &[
            "connectTimeout",
            "loginTimeout",
            "timeout",
            "connection_timeout",
        ],
        Instead::Both("use connect_timeout, in seconds"),
    ),
    (
        &[
            "ApplicationName",
            "applicationName",
            "fallback_application_name",
        ],
        Instead::Both("use application_name"),
    ),
    (
        &["tcpKeepAlive", "keepalive", "keepalives_count"],
        Instead::Both(
            "use keepalives, keepalives_idle, keepalives_interval and keepalives_retries",
        ),
    ),
    (
        &["targetServerType", "target_server_type"],
        Instead::Both("use target_session_attrs, which can be any, read-write or read-only"),
    ),
    (
        &["database", "db"],
        Instead::Both("use dbname, or the path of the URL"),
    ),
    (&["username"], Instead::Both("use user")),
    (
        &["passfile", "service", "servicefile"],
        Instead::Both("files are not read: give user, password, host and dbname"),
    ),
    (
        &["client_encoding", "clientEncoding", "charset", "encoding"],
        Instead::Both("leave it out, connections always use UTF-8"),
    ),
    (
        &["timezone", "TimeZone", "datestyle", "DateStyle"],
        Instead::Both("leave it out, sessions always use UTC and ISO dates"),
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
        Instead::Both("leave it out, there is no such thing here"),
    ),
];
