//! Connection strings of PostgreSQL, and what they say about TLS.
//!
//! The driver knows `sslmode=disable`, `prefer` and `require` only. The other modes of libpq, and `sslrootcert`, are taken out of the
//! text before the driver reads it. What neither of the two knows is refused: a parameter that is ignored would promise a
//! check that nobody makes.

use crate::{
    Error,
    tls::{self, MakeTls},
};
use percent_encoding::percent_decode_str;
use std::{fmt, path::PathBuf};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// How a server is connected to: the settings of the driver, and its TLS.
///
/// ```
/// use tokio_postgres::config::SslMode;
///
/// let connection = es_tables::Connection::parse("postgres://reader@db/shop?sslmode=require")?;
/// assert_eq!(connection.config.get_ssl_mode(), SslMode::Require);
/// assert!(es_tables::Connection::parse("postgres://reader@db/shop?sslmode=allow").is_err());
/// # Ok::<(), es_tables::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Connection {
    /// What the driver connects to.
    pub config: Config,
    /// What it connects with.
    pub tls: MakeTls,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .field("ssl_mode", &self.config.get_ssl_mode())
            .finish_non_exhaustive()
    }
}

/// What is checked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// Nothing.
    Nothing,
    /// Who has signed it.
    Authority,
    /// That, and that it has the name of the host.
    AuthorityAndName,
}

/// Whose signature is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The certificates of a file, in PEM.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}

impl Connection {
    /// Reads a connection string: a URL such as `postgres://user@host/database?sslmode=verify-full`, or pairs such as
    /// `host=localhost user=shop`. `sslmode` and `sslrootcert` mean what libpq's manual says, apart from `allow`, which is refused. Where
    /// `verify-ca` or `verify-full` find no file of certificates, the system's are taken.
    ///
    /// # Errors
    /// [`Error::Place`] if it is none of these, or has a parameter that is not known. [`Error::CannotOpen`] if certificates cannot be read, or
    /// TLS is wanted and this program was built without it. Nothing is connected yet.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Read {
            config,
            checks,
            file,
        } = read(text)?;
        let mode = config.get_ssl_mode();
        if mode == SslMode::Disable {
            let tls = tls::make(Checks::Nothing, None)?;
            return Ok(Self { config, tls });
        }
        let (checks, roots) = roots(checks, mode, file)?;
        let tls = tls::make(checks, roots.as_ref())?;
        Ok(Self { config, tls })
    }
}

/// What a connection string says. No certificate is read for it.
pub(crate) struct Read {
    pub(crate) config: Config,
    checks: Checks,
    /// The file of certificates, where one is named.
    file: Option<String>,
}

pub(crate) fn read(text: &str) -> Result<Read, Error> {
    let Parts { rest, taken } = split(text)?;
    let mut config = es_postgres::__private::read_for_es(&rest).map_err(Error::Place)?;
    let mut wanted = Wanted::default();
    for (key, value) in taken {
        wanted.take(&key, value)?;
    }
    let Wanted { mode, file } = wanted;
    let (mode, checks) = mode.unwrap_or((SslMode::Prefer, Checks::Nothing));
    let is_socket = |host: &Host| !matches!(host, Host::Tcp(_));
    let hosts = config.get_hosts();
    let are_sockets = !hosts.is_empty() && hosts.iter().all(is_socket);
    // Nobody listens between the two ends of a socket of Unix: libpq ignores the mode, too.
    config.ssl_mode(if are_sockets { SslMode::Disable } else { mode });
    Ok(Read {
        config,
        checks,
        file,
    })
}

/// What is checked in the end, and by which certificates. As in libpq, `require` with certificates checks who has signed.
fn roots(
    checks: Checks,
    mode: SslMode,
    file: Option<String>,
) -> Result<(Checks, Option<Roots>), Error> {
    if file.as_deref() == Some("system") {
        return match checks {
            Checks::AuthorityAndName => Ok((checks, Some(Roots::System))),
            _ => Err(Error::Place(
                "sslrootcert=system needs sslmode=verify-full: anybody can have a certificate that the system trusts"
                    .to_owned(),
            )),
        };
    }
    let file = file.map(PathBuf::from).or_else(usual_file);
    Ok(match (checks, file) {
        (Checks::Nothing, Some(file)) if mode == SslMode::Require => {
            (Checks::Authority, Some(Roots::File(file)))
        }
        (Checks::Nothing, _) => (Checks::Nothing, None),
        (checks, Some(file)) => (checks, Some(Roots::File(file))),
        (checks, None) => (checks, Some(Roots::System)),
    })
}

/// The file that libpq reads where `sslrootcert` is not given.
fn usual_file() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    let file = PathBuf::from(home).join(".postgresql").join("root.crt");
    file.is_file().then_some(file)
}

#[derive(Default)]
struct Wanted {
    mode: Option<(SslMode, Checks)>,
    file: Option<String>,
}

impl Wanted {
    /// Takes a parameter that the driver does not read itself. The last one of a name counts, as in libpq.
    fn take(&mut self, key: &str, value: String) -> Result<(), Error> {
        if key == "sslrootcert" {
            self.file = Some(value).filter(|file| !file.is_empty());
            return Ok(());
        }
        self.mode = Some(match value.as_str() {
            "disable" => (SslMode::Disable, Checks::Nothing),
            "prefer" => (SslMode::Prefer, Checks::Nothing),
            "require" => (SslMode::Require, Checks::Nothing),
            "verify-ca" => (SslMode::Require, Checks::Authority),
            "verify-full" => (SslMode::Require, Checks::AuthorityAndName),
            _ => {
                return Err(Error::Place(
                    "sslmode can be disable, prefer, require, verify-ca and verify-full. `allow` is not supported: it would \
                     send all in the clear where the server takes that"
                        .to_owned(),
                ));
            }
        });
        Ok(())
    }
}

/// A connection string without the parameters that the driver does not read itself.
struct Parts {
    rest: String,
    taken: Vec<(String, String)>,
}

const TAKEN: &[&str] = &["sslmode", "sslrootcert"];

/// Parameters of libpq that change what is checked or sent, and that nothing here heeds. No password is one of these words.
const REFUSED: &[&str] = &[
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcertmode",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "sslcompression",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "requiressl",
    "requirepeer",
    "require_auth",
    "gssencmode",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "service",
    "passfile",
];

fn refuse(key: &str) -> Result<(), Error> {
    if !REFUSED.contains(&key) {
        return Ok(());
    }
    Err(Error::Place(format!(
        "the connection string has the parameter `{key}`, which is not supported. About TLS it can say sslmode and \
         sslrootcert"
    )))
}

fn split(text: &str) -> Result<Parts, Error> {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if is_url { of_url(text) } else { of_pairs(text) }
}

fn of_url(text: &str) -> Result<Parts, Error> {
    let Some((before, query)) = text.split_once('?') else {
        return Ok(Parts {
            rest: text.to_owned(),
            taken: Vec::new(),
        });
    };
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(key);
        refuse(&key)?;
        if TAKEN.contains(&key.as_str()) {
            taken.push((key, decoded(value)));
        } else {
            kept.push(pair);
        }
    }
    let rest = match kept.as_slice() {
        [] => before.to_owned(),
        kept => format!("{before}?{}", kept.join("&")),
    };
    Ok(Parts { rest, taken })
}

/// The text of a part of a URL, in which `%2F` is `/`.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// `key = value` pairs. A value stands in single quotes where it has spaces; a backslash takes the next character as it is.
fn of_pairs(text: &str) -> Result<Parts, Error> {
    let (mut rest, mut taken) = (String::new(), Vec::new());
    let mut left = text.trim_start();
    while !left.is_empty() {
        let Some((key, after)) = left.split_once('=') else {
            // The driver says what is wrong with it.
            rest.push_str(left);
            break;
        };
        let key = key.trim();
        let value = after.trim_start();
        let (value_text, length) = value_of(value);
        let end = after.len() - value.len() + length;
        let whole = left.len() - after.len() + end;
        refuse(key)?;
        if TAKEN.contains(&key) {
            taken.push((key.to_owned(), value_text));
        } else {
            rest.push_str(left.get(..whole).unwrap_or_default());
            rest.push(' ');
        }
        left = left.get(whole..).unwrap_or_default().trim_start();
    }
    Ok(Parts { rest, taken })
}

/// The value at the start of a text, and how many bytes it takes.
fn value_of(text: &str) -> (String, usize) {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if is_quoted => return (value, at + 1),
            c if !is_quoted && c.is_whitespace() => return (value, at),
            c => value.push(c),
        }
    }
    (value, text.len())
}
