//! `es` and the explorer's tables over TLS, to a PostgreSQL whose certificate an authority of the test has signed.

use crate::{
    place::{Place, Ran, block_on, es},
    shop,
};
use es_postgres::PostgresStore;
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, EventStore};
use es_tables::Connection;
use es_testkit::postgres::{Database, Server};
use std::{fs, path::PathBuf, process::Stdio, sync::OnceLock};

/// A server with TLS. Its certificate has the name `localhost` and no address.
struct Secured {
    server: Server,
    name: String,
    /// An empty database that takes no connection without TLS from another host.
    only_tls: String,
}

impl Secured {
    fn shared() -> &'static Self {
        static SECURED: OnceLock<Secured> = OnceLock::new();
        SECURED.get_or_init(|| {
            let server = es_tests::server::options().tcp().start().expect("a server");
            let folder = server.folder().to_owned();
            fs::write(
                folder.join("names"),
                "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n",
            )
            .expect("written");
            let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256";
            let authority = "-x509 -days 2 -addext basicConstraints=critical,CA:TRUE";
            for line in [
                format!("req {key} {authority} -subj /CN=authority -keyout ca.key -out ca.crt"),
                format!("req {key} {authority} -subj /CN=other -keyout other.key -out other.crt"),
                format!("req -new {key} -subj /CN=127.0.0.1 -keyout server.key -out server.csr"),
                "x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt"
                    .to_owned(),
            ] {
                let ran = server
                    .command("openssl".as_ref())
                    .args(line.split(' '))
                    .stdin(Stdio::null())
                    .output()
                    .expect("openssl");
                let said = String::from_utf8_lossy(&ran.stderr);
                assert!(ran.status.success(), "openssl {line}: {said}");
            }
            let database = server.database().expect("a database");
            let name = database.name().to_owned();
            block_on(async {
                let store = PostgresStore::open(&database.url()).await.expect("opens");
                let read = AnyReadDatabase::new(store.read_database());
                let store = AnyStore::new(store);
                shop::fill(&store, read).await;
                store.close().await;
            });
            for (setting, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
                let path = folder.join(file);
                set(&database, setting, &path.display().to_string());
            }
            set(&database, "ssl", "on");
            let only_tls = server.database().expect("a database").name().to_owned();
            let rules = folder.join("data/pg_hba.conf");
            let others = fs::read_to_string(&rules).expect("the rules");
            let all = format!("hostnossl {only_tls} all all reject\n{others}");
            fs::write(rules, all).expect("written");
            server.stop().expect("stopped");
            server.start_again().expect("with TLS");
            Self {
                server,
                name,
                only_tls,
            }
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    /// What `es` says of the store through this host, with these parameters.
    fn es(&self, host: &str, parameters: &str, args: &[&str]) -> Ran {
        let port = self.server.port();
        let address = format!("postgres://es@{host}:{port}/{}?{parameters}", self.name);
        es(&[&["--store", &address], args].concat())
    }
}

fn set(database: &Database<'_>, setting: &str, value: &str) {
    let sql = format!("ALTER SYSTEM SET {setting} = '{value}'");
    database.query(&sql).expect("set");
}

/// What libpq's manual promises of each mode.
#[test]
#[cfg_attr(
    not(all(postgres, openssl)),
    ignore = "needs PostgreSQL and openssl: install them or set ES_POSTGRES_BIN"
)]
fn each_mode_checks_what_it_says() {
    let secured = Secured::shared();
    let (own, other) = (secured.file("ca.crt"), secured.file("other.crt"));
    let own = format!("sslrootcert={}", own.display());
    let other = format!("sslrootcert={}", other.display());
    let full = "sslmode=verify-full";
    for (host, parameters, refused) in [
        ("localhost", "sslmode=disable".to_owned(), None),
        ("localhost", "sslmode=prefer".to_owned(), None),
        ("127.0.0.1", "sslmode=require".to_owned(), None),
        ("localhost", format!("sslmode=verify-ca&{own}"), None),
        ("localhost", format!("{full}&{own}"), None),
        // Nobody looks at the name.
        ("127.0.0.1", format!("sslmode=verify-ca&{own}"), None),
        ("127.0.0.1", format!("sslmode=require&{own}"), None),
        // The common name does not count.
        (
            "127.0.0.1",
            format!("{full}&{own}"),
            Some("alternative names"),
        ),
        ("localhost", format!("{full}&{other}"), Some("sslrootcert")),
        (
            "localhost",
            format!("sslmode=verify-ca&{other}"),
            Some("sslrootcert"),
        ),
        (
            "localhost",
            format!("sslmode=require&{other}"),
            Some("sslrootcert"),
        ),
        (
            "localhost",
            format!("{full}&sslrootcert=/nowhere/root.crt"),
            Some("/nowhere/root.crt"),
        ),
        (
            "localhost",
            format!(
                "{full}&sslrootcert={}",
                secured.file("server.key").display()
            ),
            Some("no certificate"),
        ),
    ] {
        let ran = secured.es(host, &parameters, &["stats"]);
        match refused {
            None => assert_eq!(ran.code, 0, "{host} {parameters}: {}", ran.err),
            Some(why) => {
                assert_eq!(ran.code, 4, "{host} {parameters}: {}{}", ran.out, ran.err);
                assert!(ran.err.contains(why), "{host} {parameters}: {}", ran.err);
            }
        }
    }
    for parameters in [
        "sslmode=allow",
        "sslmode=require&sslcert=/a",
        "sslmode=require&sslcrl=/a",
        "sslmode=verify",
    ] {
        let ran = secured.es("localhost", parameters, &["stats"]);
        assert_eq!(ran.code, 2, "{parameters}: {}", ran.err);
    }
}

/// The server says whether the session has TLS. A control: without it, it says that too.
#[test]
#[cfg_attr(
    not(all(postgres, openssl)),
    ignore = "needs PostgreSQL and openssl: install them or set ES_POSTGRES_BIN"
)]
fn sessions_have_the_tls_that_was_asked_for() {
    let secured = Secured::shared();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let has_tls = |host: &str, parameters: &str| {
        let text = format!(
            "postgres://es@{host}:{}/{}?{parameters}",
            secured.server.port(),
            secured.name
        );
        let connection = Connection::parse(&text).expect("a connection string");
        runtime.block_on(async {
            let (client, driver) = connection
                .config
                .connect(connection.tls)
                .await
                .expect("connects");
            let driver = tokio::spawn(driver);
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            let row = client.query_one(sql, &[]).await.expect("a row");
            drop(client);
            let _ = driver.await;
            row.get::<_, bool>(0)
        })
    };
    assert!(!has_tls("localhost", "sslmode=disable"));
    for mode in ["sslmode=prefer", "sslmode=require", "connect_timeout=9"] {
        assert!(has_tls("localhost", mode), "{mode}");
    }
}

/// The store's own crate, which makes the tables of a copy, connects as `es` does.
#[test]
#[cfg_attr(
    not(all(postgres, openssl)),
    ignore = "needs PostgreSQL and openssl: install them or set ES_POSTGRES_BIN"
)]
fn a_copy_is_filled_over_tls() {
    let secured = Secured::shared();
    let to = |parameters: &str| {
        let port = secured.server.port();
        format!(
            "postgres://es@localhost:{port}/{}?{parameters}",
            secured.only_tls
        )
    };
    let from = format!("sqlite:{}", Place::sqlite().file().display());
    let refused = es(&["copy", &from, &to("sslmode=disable"), "-y"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    let file = secured.file("ca.crt");
    let to = to(&format!(
        "sslmode=verify-full&sslrootcert={}",
        file.display()
    ));
    let ran = es(&["copy", &from, &to, "-y"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = es(&["--store", &to, "verify"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // An operation of the library.
    let take_over = [
        "--store",
        &to,
        "sagas",
        "take-over",
        "fulfil-order",
        "4712",
        "--why",
        "x",
        "-y",
    ];
    let ran = es(&take_over);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// A server without TLS is not talked to where TLS is required, and is where it is only preferred.
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_server_without_tls_is_refused() {
    let server = es_tests::server::shared();
    let database = server.database().expect("a database");
    block_on(async {
        let store = PostgresStore::open(&database.url()).await.expect("opens");
        store.close().await;
    });
    let run = |mode: &str| {
        let address = format!(
            "host=127.0.0.1 port={} user=es dbname={} sslmode={mode}",
            server.port(),
            database.name()
        );
        es(&["--store", &address, "stats"])
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        let ran = run(mode);
        assert_eq!(ran.code, 4, "{mode}: {}", ran.err);
        assert!(ran.err.contains("sslmode=disable"), "{mode}: {}", ran.err);
    }
    for mode in ["prefer", "disable"] {
        let ran = run(mode);
        assert_eq!(ran.code, 0, "{mode}: {}", ran.err);
    }
    // A socket of Unix needs no TLS.
    let ran = es(&[
        "--store",
        &format!("{} sslmode=verify-full", database.url()),
        "stats",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// What a connection string says besides is what it says without TLS.
#[test]
fn the_rest_of_a_connection_string_stays() {
    let (url, pairs) = (
        "postgres://u:p%3F%26@h/d?sslmode=disable&connect_timeout=3&application_name=a%20b",
        r"host=h  password='p?&' sslmode = disable user=u dbname=d port=5432 connect_timeout=3 application_name='a b'",
    );
    let quoted = r"host = h password='a \' sslmode=disable' sslmode='require' user=u";
    let parsed = |text: &str| Connection::parse(text).expect("a connection string").config;
    let (url, pairs) = (parsed(url), parsed(pairs));
    assert_eq!(url, pairs);
    assert_eq!(url.get_password(), Some(&b"p?&"[..]));
    assert_eq!(url.get_application_name(), Some("a b"));
    let quoted = parsed(quoted);
    assert_eq!(quoted.get_password(), Some(&b"a ' sslmode=disable"[..]));
    assert_eq!(quoted.get_user(), Some("u"));

    // The last one of a name counts, as in libpq, and a mode without a file needs no file.
    let mode = |text: &str| format!("{:?}", parsed(text).get_ssl_mode());
    assert_eq!(mode("host=h"), "Prefer");
    assert_eq!(mode("host=h sslmode=disable sslmode=require"), "Require");
    assert_eq!(
        mode("postgres://h?sslmode=require&sslmode=disable"),
        "Disable"
    );
    assert_eq!(mode("host=/run/postgresql sslmode=verify-full"), "Disable");

    // A name with a space, as each form has it.
    let folder = es_tests::tiers::folder();
    let file = folder.path().join("my root.crt");
    fs::write(&file, "nothing").expect("written");
    let file = file.display().to_string();
    let escaped = file.replace(' ', "%20").replace('/', "%2F");
    for text in [
        format!("postgres://u:secret@h/d?sslmode=verify-full&sslrootcert={escaped}"),
        format!("host=h password=secret sslmode=verify-full sslrootcert='{file}'"),
        format!(
            r"host=h sslrootcert={} sslmode=verify-ca",
            file.replace(' ', r"\ ")
        ),
    ] {
        let said = Connection::parse(&text)
            .expect_err("no certificate")
            .to_string();
        assert!(
            said.contains(&file) && !said.contains("secret"),
            "{text}: {said}"
        );
    }
    for text in [
        "postgres://u:secret@h:1:2/d?sslmode=require",
        "host=h password=secret sslmode=require something=else",
        "host=h password=secret sslmode=",
        "host=h password=secret sslkey='/a b'",
        "postgres://u:secret@h/d?sslmode=require&sslrootcert=system",
        "postgres://u:secret@h/d?sslmode=verify_full",
        "host=h password=secret sslmode",
    ] {
        let said = Connection::parse(text).expect_err(text).to_string();
        assert!(!said.contains("secret"), "{text}: {said}");
    }
}
