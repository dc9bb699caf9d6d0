//! Logins that may not ask JetStream, and accounts without it: `es` says so, and not that a server is slow
//! (nats-server#4907, nats.go#978).

use super::{block_on, es, fill};
use es_testkit::nats::{Cluster, SyncInterval};

const PAGE: &str = include_str!("../../../../docs/jetstream-operations.md");

/// Accounts with logins that may do one thing or another. `reader` may publish to what the page lists.
fn accounts() -> String {
    let listed = PAGE
        .split_whitespace()
        .filter(|word| word.starts_with("$JS.API."));
    let listed: Vec<String> = listed.map(|subject| format!("\"{subject}\"")).collect();
    assert_eq!(listed.len(), 5, "{listed:?}");
    format!(
        "accounts {{
            SHOP {{ jetstream: enabled, users: [
                {{ user: all, password: x }},
                {{ user: reader, password: \"p@ss word\", permissions: {{ publish: [{}], subscribe: \"_INBOX.>\" }} }},
                {{ user: nothing, password: x, permissions: {{ publish: \"elsewhere.>\" }} }},
                {{ user: info, password: x, permissions: {{ publish: {{ deny: \"$JS.API.DIRECT.>\" }} }} }},
            ] }}
            BARE {{ users: [ {{ user: bare, password: x }} ] }}
            SYS {{ users: [ {{ user: sys, password: x }} ] }}
        }}",
        listed.join(", ")
    )
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn what_a_login_lacks_is_said() {
    let options = Cluster::options().nodes(1).sync(SyncInterval::Unset);
    let options = options.setting(&accounts()).setting("system_account: SYS");
    let options = options.setting("no_auth_user: all");
    let server = options.folder_in(es_tests::tiers::parent()).start();
    let server = server.expect("a server");
    let of = |login: &str| {
        let url = server.url().replace("nats://", &format!("nats://{login}@"));
        format!("{url}/SHOP?one-replica&unchecked-syncs")
    };
    block_on(fill(&of("all:x"), 3, 10));
    assert_eq!(es(&["--store", &of("all:x"), "stats"]).code, 0);
    // The rights on the page are all that reading needs.
    for verb in ["stats", "verify", "export", "tail"] {
        let ran = es(&["--store", &of("reader:p%40ss%20word"), verb]);
        assert_eq!(ran.code, 0, "{verb}: {}", ran.err);
    }
    for (login, code, says) in [
        (
            "nothing:x",
            4,
            "its login may not publish to `$JS.API.STREAM.INFO.SHOP`",
        ),
        (
            "info:x",
            5,
            "its login may not publish to `$JS.API.DIRECT.GET.SHOP`",
        ),
        ("bare:x", 4, "JetStream not enabled for account"),
        ("sys:x", 4, "JetStream not enabled"),
        ("all:wrong", 4, "authorization violation"),
    ] {
        let ran = es(&["--store", &of(login), "stats"]);
        assert_eq!(ran.code, code, "{login}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{login}: {}", ran.err);
    }
}
