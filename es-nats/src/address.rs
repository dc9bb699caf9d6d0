//! The address of a store: its servers, its stream, and after a `?` what else an operator decides. So one text in the settings of an
//! application names a store, as the URL of a database does.

use crate::NatsOptions;
use es_runtime::{StorageError, StorageErrorKind};
use std::{fmt, ops::RangeInclusive};

/// The address of a store, which may have a password. [`NatsOptions::open`] takes it as a text and explains it; this is for tools that
/// show an address, or compare two.
///
/// ```
/// use es_nats::Address;
///
/// let address = Address::parse("nats://shop:secret@one,two:4222/SHOP?replicas=5")?;
/// assert_eq!(address.stream(), Some("SHOP"));
/// assert_eq!(address.to_string(), "nats://one,two:4222/SHOP");
/// assert!(address.is_same(&Address::parse("nats://two:4222/SHOP")?));
/// # Ok::<(), es_runtime::StorageError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Each with its scheme, if it has one. There may be passwords in it.
    pub(crate) servers: Vec<String>,
    stream: Option<String>,
    monitoring: Vec<String>,
    replicas: Option<Replicas>,
    accepts_unchecked: bool,
    accepts_intervals: bool,
    credentials: Option<String>,
    erased: Vec<RangeInclusive<u64>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Replicas {
    One,
    Three,
    Five,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`CannotOpen`](StorageErrorKind::CannotOpen): it names no server, or an option is not known or has no such value.
    pub fn parse(text: &str) -> Result<Self, StorageError> {
        let (place, given) = text.split_once('?').unwrap_or((text, ""));
        let (servers, stream) = servers_and_stream(place);
        if servers.iter().any(|server| host(server).is_empty()) {
            return Err(unknown("a server has no name"));
        }
        if servers.iter().any(|server| is_cut(server))
            || stream.is_some_and(|stream| stream.contains('@'))
            || given.split('&').any(is_of_a_login)
        {
            return Err(unknown(
                "a port is no number, or a login has one of `@`, `/`, `?` and `,`: they are written as %40, %2F, %3F and %2C",
            ));
        }
        let mut address = Self::of(servers, stream.map(str::to_owned));
        for option in given.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let wrong = |values: &str| unknown(&format!("`{name}` is {values}"));
            match (name, value) {
                ("monitoring", "") => {
                    return Err(wrong("the address of each server, joined by commas"));
                }
                ("monitoring", urls) => {
                    let urls = urls.split(',').map(|url| url.trim().to_owned());
                    address.monitoring = urls.collect();
                }
                ("replicas", "3") => address.replicas = Some(Replicas::Three),
                ("replicas", "5") => address.replicas = Some(Replicas::Five),
                ("replicas", _) => return Err(wrong("3 or 5")),
                ("one-replica", "") => address.replicas = Some(Replicas::One),
                ("unchecked-syncs", "") => address.accepts_unchecked = true,
                ("interval-syncs", "") => address.accepts_intervals = true,
                ("credentials", "") => return Err(wrong("a file")),
                ("credentials", file) => address.credentials = Some(file.to_owned()),
                ("erased", ranges) => {
                    let ranges: Option<Vec<_>> = ranges.split(',').map(range).collect();
                    address.erased = ranges.ok_or_else(|| wrong("sequences such as 3-7,12"))?;
                }
                _ => {
                    return Err(unknown(&format!(
                        "`{name}` is not known, or has no value; these are: monitoring=http://one:8222,http://two:8222 \
                         replicas=5 one-replica unchecked-syncs interval-syncs credentials=FILE erased=3-7,12"
                    )));
                }
            }
        }
        Ok(address)
    }

    fn of(servers: Vec<String>, stream: Option<String>) -> Self {
        Self {
            servers,
            stream,
            monitoring: Vec::new(),
            replicas: None,
            accepts_unchecked: false,
            accepts_intervals: false,
            credentials: None,
            erased: Vec::new(),
        }
    }

    /// The stream of JetStream, where it names one.
    pub fn stream(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// The same for a program that only reads, which loses nothing: without what it says of copies and syncs.
    #[must_use]
    pub fn to_read(&self) -> Self {
        Self {
            credentials: self.credentials.clone(),
            erased: self.erased.clone(),
            ..Self::of(self.servers.clone(), self.stream.clone())
        }
    }

    /// Whether both are certainly the same store: a stream of this name on one of the servers.
    pub fn is_same(&self, other: &Self) -> bool {
        let theirs = other.servers.iter().map(|server| host_and_port(server));
        let theirs: Vec<(&str, &str)> = theirs.collect();
        let mut mine = self.servers.iter().map(|server| host_and_port(server));
        self.stream == other.stream && mine.any(|mine| theirs.contains(&mine))
    }

    /// The options with those of the address.
    ///
    /// # Errors
    /// [`CannotOpen`](StorageErrorKind::CannotOpen): the file of credentials cannot be read.
    pub(crate) async fn onto(&self, mut options: NatsOptions) -> Result<NatsOptions, StorageError> {
        if let Some(stream) = &self.stream {
            options = options.stream(stream);
        }
        if !self.monitoring.is_empty() {
            options = options.monitoring(self.monitoring.iter().cloned());
        }
        options = match self.replicas {
            None => options,
            Some(Replicas::One) => options.one_replica(),
            Some(Replicas::Three) => options.replicas(3),
            Some(Replicas::Five) => options.replicas(5),
        };
        options.accepts_unchecked |= self.accepts_unchecked;
        options.accepts_intervals |= self.accepts_intervals;
        if let Some(file) = &self.credentials {
            let read = options.connect.credentials_file(file).await;
            options.connect = read.map_err(|error| {
                unknown("the file of `credentials` cannot be read").with_source(error)
            })?;
        }
        let erased = self.erased.iter().cloned();
        Ok(erased.fold(options, NatsOptions::erased))
    }
}

/// The servers and the stream, without users and passwords.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<&str> = self.servers.iter().map(|server| host(server)).collect();
        let scheme = self
            .servers
            .first()
            .and_then(|server| server.split_once("://"));
        let scheme = scheme.map_or("nats", |(scheme, _)| scheme);
        write!(f, "{scheme}://{}", hosts.join(","))?;
        self.stream
            .iter()
            .try_for_each(|stream| write!(f, "/{stream}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A server without its scheme and login.
fn host(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

/// The same, with its port, which is 4222 where none is named.
fn host_and_port(server: &str) -> (&str, &str) {
    let host = host(server);
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "4222"),
    }
}

/// Whether this is a part of a login that was cut at a `/`, `?` or `,`. It would be taken for a host, and shown.
fn is_cut(server: &str) -> bool {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let (_, port) = host_and_port(server);
    rest.contains('/') || port.parse::<u16>().is_err()
}

/// Whether this is the rest of such a login, and no option.
fn is_of_a_login(option: &str) -> bool {
    option.contains('@') && !option.starts_with("credentials=")
}

/// `nats://one,two/STREAM` or without the stream.
fn servers_and_stream(place: &str) -> (Vec<String>, Option<&str>) {
    let (scheme, hosts) = match place.split_once("://") {
        Some((scheme, hosts)) => (Some(scheme), hosts),
        None => (None, place),
    };
    let parts = hosts.rsplit_once('/');
    // The last slash may be that of another scheme.
    let (hosts, stream) = match parts.filter(|(hosts, _)| !hosts.ends_with('/')) {
        Some((hosts, stream)) => (hosts, Some(stream).filter(|stream| !stream.is_empty())),
        None => (hosts, None),
    };
    let server = |host: &str| match scheme {
        Some(scheme) if !host.contains("://") => format!("{scheme}://{host}"),
        _ => host.to_owned(),
    };
    let servers = hosts.split(',').map(|host| server(host.trim()));
    (servers.collect(), stream)
}

fn range(text: &str) -> Option<RangeInclusive<u64>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some(from.parse().ok()?..=to.parse().ok()?)
}

fn unknown(what: &str) -> StorageError {
    let what = format!("in the address of the store, {what}");
    StorageError::new(StorageErrorKind::CannotOpen, what)
}

#[cfg(test)]
mod tests {
    use super::Address;
    use crate::NatsOptions;

    async fn onto(address: &str) -> (NatsOptions, Address) {
        let address = Address::parse(address).expect("is one");
        let options = address.onto(NatsOptions::new()).await.expect("is one");
        (options, address)
    }

    #[tokio::test]
    async fn an_address_has_servers_a_stream_and_options() {
        let (options, address) = onto("nats://one, nats://two:4223").await;
        assert_eq!(address.servers, ["nats://one", "nats://two:4223"]);
        assert_eq!(address.stream(), None);
        assert_eq!((&*options.stream, options.replicas), ("ES", 3));
        assert!(options.monitoring.is_empty() && !options.accepts_unchecked);

        let text = "tls://u:p@one:1,two/SHOP?replicas=5&monitoring=http://one:8222,http://two&interval-syncs&erased=3-7,12";
        let (options, address) = onto(text).await;
        assert_eq!(address.servers, ["tls://u:p@one:1", "tls://two"]);
        assert_eq!(address.to_string(), "tls://one:1,two/SHOP");
        assert_eq!((&*options.stream, options.replicas), ("SHOP", 5));
        assert_eq!(options.monitoring, ["http://one:8222", "http://two"]);
        assert!(options.accepts_intervals && !options.accepts_unchecked);
        assert_eq!(options.erased, [3..=7, 12..=12]);

        let (options, address) = onto("nats://h:1,nats://h:2/A?one-replica&unchecked-syncs&").await;
        assert_eq!(address.servers, ["nats://h:1", "nats://h:2"]);
        assert_eq!((&*options.stream, options.replicas), ("A", 1));
        assert!(options.accepts_unchecked);
    }

    /// Who reads needs the login and what is missing, and nothing of the settings.
    #[test]
    fn an_address_to_read_at_has_no_settings() {
        let address = "nats://u:p@one,two/A?replicas=5&monitoring=http://one&unchecked-syncs&interval-syncs&erased=3";
        let address = Address::parse(address).expect("is one");
        let to_read = Address::parse("nats://u:p@one,two/A?erased=3").expect("is one");
        assert_eq!(address.to_read(), to_read);
        assert!(address.is_same(&to_read) && address != to_read);
        for (other, is_same) in [
            ("tls://two/A", true),
            ("nats://two:4222/A", true),
            ("nats://two:4223/A", false),
            ("nats://two/B", false),
            ("nats://three/A", false),
        ] {
            let other = Address::parse(other).expect("is one");
            assert_eq!(address.is_same(&other), is_same, "{other}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_without_the_password() {
        for (option, said) in [
            ("monitor=1", "`monitor` is not known"),
            (
                "one-replica=yes",
                "`one-replica` is not known, or has no value",
            ),
            ("replicas=2", "3 or 5"),
            ("monitoring", "the address of each server"),
            ("erased=x", "sequences such as"),
            ("credentials", "`credentials` is a file"),
            (
                "credentials=/nowhere/at/all",
                "`credentials` cannot be read",
            ),
        ] {
            let address = format!("nats://u:hunter2@h/SHOP?{option}");
            let wrong = match Address::parse(&address) {
                Ok(address) => address.onto(NatsOptions::new()).await.map(drop),
                Err(wrong) => Err(wrong),
            };
            let error = wrong.expect_err(option).to_string();
            assert!(
                error.contains(said) && !error.contains("hunter2"),
                "{error}"
            );
        }
        for login in [
            "u:hunter2?x@h",
            "u:hunter2?x=y@h",
            "hunter2?x@h",
            "u:x?hunter2@h",
            "u:x/hunter2@h",
            "u:x,hunter2@h",
            "x/hunter2@h",
        ] {
            let address = format!("nats://{login}/SHOP");
            let error = Address::parse(&address).expect_err(login).to_string();
            assert!(
                error.contains("%2F") && !error.contains("hunter2"),
                "{login}: {error}"
            );
        }
        for nowhere in [
            "",
            "nats://",
            "nats:///SHOP",
            "nats://one,,two/SHOP",
            "nats://u:p@/SHOP",
        ] {
            let error = Address::parse(nowhere).expect_err(nowhere).to_string();
            assert!(error.contains("a server has no name"), "{nowhere}: {error}");
        }
    }
}
