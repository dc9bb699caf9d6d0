//! For build scripts: whether there is a NATS server, as the test kit finds it.

#[path = "../../es-testkit/src/nats/find.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the kit uses all of it, and build scripts some"
)]
mod find;

/// Sets `nats` where there is a server. `.ci/nats-server` touches their files when it has got one. Gives
/// what to tell the user.
pub(crate) fn detect() -> Option<String> {
    println!("cargo::rerun-if-env-changed={}", find::VARIABLE);
    println!("cargo::rerun-if-env-changed=XDG_CACHE_HOME");
    if let Some(server) = find::server() {
        println!("cargo::rustc-cfg=nats");
        println!("cargo::rerun-if-changed={}", server.display());
        return None;
    }
    Some(format!(
        "The tests that need NATS are ignored. `.ci/nats-server` gets the server, or name one by {}.",
        find::VARIABLE
    ))
}
