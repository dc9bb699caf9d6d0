//! The PostgreSQL server for tests: it answers, it comes back after a crash with what it had, and it
//! is gone after the process that started it, next to a control that shows what would stay.
#![cfg(unix)]

use es_testkit::postgres::{Server, ServerError};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[path = "../../../es-testkit/src/postgres/find.rs"]
#[allow(dead_code, reason = "one function of it is tested alone")]
mod find;

#[test]
fn users_are_found_by_their_whole_name() {
    let users = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:\npostgres:x:101:104:,,,:/:\n";
    assert_eq!(find::entry(users, "postgres"), Some((101, 104)));
    assert_eq!(find::entry(users, "nobody"), None);
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn databases_are_apart_and_answer() {
    let server = Server::shared().expect("a server");
    let (one, two) = (
        server.database().expect("one"),
        server.database().expect("two"),
    );
    one.query("CREATE TABLE here (id int)").expect("made");
    assert_eq!(
        one.query("SELECT count(*) FROM here").expect("there"),
        "0\n"
    );
    let Err(ServerError::Failed { output, .. }) = two.query("SELECT count(*) FROM here") else {
        panic!("the table is in one database only");
    };
    assert!(output.contains("does not exist"), "{output}");
    assert_eq!(one.query("SHOW fsync").expect("shown"), "off\n");
    assert_eq!(server.tcp_address(), None);
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn what_was_committed_is_there_after_an_immediate_stop() {
    let server = Server::options()
        .setting("synchronous_commit", "on")
        .tcp()
        .start()
        .expect("a server");
    let database = server.database().expect("a database");
    assert_eq!(database.query("SHOW fsync").expect("shown"), "on\n");
    database
        .query("CREATE TABLE kept AS SELECT 1 AS id")
        .expect("made");
    let address = server.tcp_address().expect("it listens");
    assert!(std::net::TcpStream::connect(address).is_ok());
    server.stop_immediate().expect("stopped");
    database.query("SELECT 1").expect_err("it is down");
    assert!(server.stop_immediate().is_err(), "it is down already");
    server.start_again().expect("started");
    assert_eq!(database.query("SELECT id FROM kept").expect("there"), "1\n");
    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists());
}

/// Plays the process that dies: it starts a server, says where it is, and waits to be killed.
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn child() {
    if std::env::var_os("ES_TEST_CHILD").is_none() {
        return;
    }
    let server = Server::start().expect("a server");
    println!("\nfolder {}", server.folder().display());
    loop {
        std::thread::park();
    }
}

fn spawn_child() -> (Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "postgres_server::child", "--nocapture"])
        .env("ES_TEST_CHILD", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for line in lines {
        let line = line.expect("text");
        if let Some(folder) = line.strip_prefix("folder ") {
            return (child, folder.into());
        }
    }
    let status = child.wait();
    panic!("the child said nothing and ended: {status:?}");
}

/// Whether it is so within a minute.
fn soon(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

fn pid_of(data: &Path) -> u32 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
    let line = text.lines().next().expect("a line");
    line.parse().expect("a number")
}

fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
#[cfg(target_os = "linux")]
fn a_killed_process_leaves_no_server() {
    let (mut child, folder) = spawn_child();
    let pid = pid_of(&folder.join("data"));
    assert!(runs(pid));
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(soon(|| !runs(pid)), "the server {pid} is still there");
    assert!(
        soon(|| !folder.exists()),
        "{} is still there",
        folder.display()
    );
}

/// The control: a supervisor that does not look at its pipe leaves the server behind, so what the test
/// above sees is the supervisor's doing.
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
#[cfg(target_os = "linux")]
fn without_its_supervisor_a_server_stays() {
    let (mut child, folder) = spawn_child();
    let pid = pid_of(&folder.join("data"));
    let supervisor = children_of(child.id());
    assert_eq!(supervisor.len(), 1, "one supervisor");
    kill("-KILL", supervisor[0]);
    assert!(soon(|| !runs(supervisor[0])));
    child.kill().expect("killed");
    child.wait().expect("ended");
    let there = runs(pid) && folder.exists();
    kill("-QUIT", pid);
    assert!(soon(|| !runs(pid)));
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(there, "something else ended the server");
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill {signal} {pid}")])
        .status();
    assert!(status.expect("a shell").success());
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("processes");
    let pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("PPid:\t{parent}\n"))
    })
    .collect()
}
