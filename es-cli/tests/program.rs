//! The program itself: its exit code, and an output that nobody reads. What it prints is tested with real stores,
//! in `tests`.

use std::process::{Command, Stdio};

fn es() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_es"));
    command.env_remove("ES_STORE").env_remove("ES_CONFIG");
    command
}

#[test]
fn errors_have_an_exit_code() {
    let missing = es().args(["--store", "sqlite:none.db", "stats"]).output();
    let missing = missing.expect("runs");
    assert_eq!(missing.status.code(), Some(4));
    assert!(missing.stdout.is_empty());
    let from_environment = es().env("ES_STORE", "sqlite:none.db").arg("stats").output();
    assert_eq!(from_environment.expect("runs").status.code(), Some(4));
    let none = es().arg("stats").output().expect("runs");
    assert_eq!(none.status.code(), Some(2));
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.contains("ES_STORE"), "{said}");
}

/// As in `es .. | head`.
#[test]
fn an_output_that_is_closed_is_no_failure() {
    let mut child = es()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("ends");
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.is_empty());
}

/// Somebody who wants no colours is asked all the same.
#[cfg(unix)]
#[test]
fn a_person_without_colours_is_asked() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::{
        ffi::OsStr,
        fs::File,
        io::{Read, Write},
        os::unix::ffi::OsStrExt,
    };

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("granted");
    unlockpt(&terminal).expect("unlocked");
    let name = ptsname(&terminal, Vec::new()).expect("a name");
    let path = OsStr::from_bytes(name.as_bytes());
    // Open until the end: what is in a terminal may go with the last one who has it open.
    let inside = File::options().read(true).write(true).open(path);
    let inside = inside.expect("opens");
    let inside = || inside.try_clone().expect("cloned");
    let mut child = es()
        .env("NO_COLOR", "1")
        .args(["--store", "sqlite:none.db", "import", "none.dump"])
        .stdin(inside())
        .stdout(inside())
        .stderr(inside())
        .spawn()
        .expect("runs");
    let mut outside = File::from(terminal);
    outside.write_all(b"n\n").expect("answered");
    assert_eq!(child.wait().expect("ends").code(), Some(2));
    let mut said = String::new();
    while !said.contains("nothing was done") && !said.contains("Add -y") {
        let mut part = [0; 1024];
        let length = outside.read(&mut part).expect("a text");
        said += &String::from_utf8_lossy(part.get(..length).expect("read"));
    }
    assert!(said.contains("Go on? [y/N]"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[cfg(feature = "explore")]
mod explore {
    use super::es;
    use es_sqlite::SqliteStore;
    use futures_executor::block_on;
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpStream,
        process::Stdio,
    };

    /// Runs `es explore` with these arguments, asks for the page, and ends it.
    #[expect(clippy::expect_used, reason = "a part of tests")]
    fn explored(args: &[&str], host: &str) -> String {
        let mut child = es()
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut out = BufReader::new(child.stdout.take().expect("an output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let address = address.expect("an address").replace("0.0.0.0", "127.0.0.1");
        let mut stream = TcpStream::connect(address).expect("connects");
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        child.kill().expect("ended");
        child.wait().expect("ended");
        answer
    }

    /// The commands of the page on the explorer, with a store and a port of the test.
    #[test]
    fn every_command_of_the_page_runs() {
        const PAGE: &str = include_str!("../../docs/explorer.md");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.db");
        drop(block_on(SqliteStore::open(&path)).expect("opens"));
        let store = format!("sqlite:{}", path.display());
        let blocks = PAGE.split("```sh\n").skip(1);
        let code = blocks.filter_map(|block| block.split("```").next());
        let commands: Vec<&str> = code.flat_map(str::lines).collect();
        assert_eq!(commands.len(), 5, "{commands:?}");
        // Those of the program of the application are run with it, in `tests`.
        for command in commands
            .into_iter()
            .filter(|command| command.starts_with("es "))
        {
            let command = command
                .replace("sqlite:shop.db", &store)
                .replace(":9000", ":0");
            let mut args: Vec<&str> = command.split(' ').skip(1).collect();
            if !args.contains(&"--listen") {
                args.extend(["--listen", "127.0.0.1:0"]);
            }
            let host = args.iter().position(|arg| *arg == "--host");
            let host = host.map_or("localhost", |at| args[at + 1]);
            let answer = explored(&args, host);
            assert!(answer.starts_with("HTTP/1.1 200"), "{command}: {answer}");
            assert!(
                explored(&args, "evil.example").starts_with("HTTP/1.1 421"),
                "{command}"
            );
        }
    }

    /// It listens on this machine alone, says where, and answers in a browser's way.
    #[test]
    fn the_explorer_listens_until_it_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.db");
        drop(block_on(SqliteStore::open(&path)).expect("opens"));
        let store = format!("sqlite:{}", path.display());
        let explore = ["--store", &store, "explore", "--listen"];
        let public = es().args(explore).arg("0.0.0.0:0").output().expect("runs");
        assert_eq!(public.status.code(), Some(2));
        let said = String::from_utf8_lossy(&public.stderr);
        assert!(said.contains("--host"), "{said}");

        // Whoever writes is on this machine alone, whatever is said.
        let public = ["0.0.0.0:0", "--host", "events.example", "--write"];
        let public = es().args(explore).args(public).output().expect("runs");
        assert_eq!(public.status.code(), Some(2));
        let said = String::from_utf8_lossy(&public.stderr);
        assert!(said.contains("this machine alone"), "{said}");

        let args = [&explore[..], &["127.0.0.1:0"]].concat();
        let answer = explored(&args, "localhost");
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("<!doctype html>"),
            "{answer}"
        );
    }
}
