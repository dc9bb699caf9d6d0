//! `copy --follow` from JetStream, whose servers do not say who has the store open.

use super::{
    AppendId, EventStore, block_on, copy, done, es, location, node, note, open, reported, shop,
    stream,
};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_copy_goes_on_until_nothing_comes() {
    let place = shop();
    let name = stream();
    copy(&place.address(), &location(&name));
    let other = stream();
    let messages = || {
        let state = node().stream_state(0, &other).expect("the server answers");
        state.map_or(0, |state| state.messages)
    };
    let to = location(&other);
    let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
        .args(["es", "copy", &location(&name), &to, "-y"])
        .args(["--follow", "--quiet", "1h"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let lines = BufReader::new(child.stderr.take().expect("an output")).lines();
    let said: Vec<String> = lines
        .map(|line| line.expect("text"))
        .take_while(|line| !line.contains("until nothing has come for 1h"))
        .collect();
    assert!(
        child.try_wait().expect("known").is_none(),
        "it goes on: {said:?}"
    );
    let before = messages();
    block_on(async {
        let store = open(&name).await;
        for number in 0..5 {
            let id = format!("late-{number}");
            let new = note(&id).with_append_id(AppendId::new(id).expect("an id"));
            store.append(new).await.expect("appended");
        }
        store.close().await;
    });
    // The events, and the append ids too, which are messages of their own there.
    let end = Instant::now() + Duration::from_secs(600);
    while messages() < before + 10 {
        assert!(child.try_wait().expect("known").is_none());
        assert!(Instant::now() < end, "{} of {}", messages(), before + 10);
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("killed");
    child.wait().expect("ends");
    // Nothing of that is left for the end.
    let ran = done(es(&["copy", &location(&name), &to, "-y", "-o", "json"]));
    let written = reported(&ran, "written");
    for table in ["events", "appends"] {
        assert!(
            written.contains(&(table.to_owned(), 0.into())),
            "{written:?}"
        );
    }
}

/// Both were written to after the copy, as when an old program was forgotten: neither takes the place of the other.
#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn two_stores_that_were_both_used_are_not_merged() {
    let place = shop();
    let name = stream();
    let there = location(&name);
    copy(&place.address(), &there);
    block_on(async {
        let store = open(&name).await;
        store.append(note("there")).await.expect("appended");
        store.close().await;
        let (store, _) = place.open().await;
        store.append(note("here")).await.expect("appended");
        store.close().await;
    });
    let here = place.address();
    for (from, to) in [(&here, &there), (&there, &here)] {
        let refused = es(&["copy", from, to, "-y", "--follow", "--quiet", "0s"]);
        assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
        let why = "a row that the source has not";
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    // Applications open both, and each has what it had.
    done(es(&["--store", &here, "show", "note/here"]));
    done(es(&["--store", &there, "show", "note/there"]));
    block_on(async {
        open(&name).await.close().await;
        place.open().await.0.close().await;
    });
}
