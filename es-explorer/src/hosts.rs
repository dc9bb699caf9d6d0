//! The names under which a server may be asked.
//!
//! A page of another site can give its own name the address of this machine, and then read the answers as its own
//! (DNS rebinding). Its requests carry that name.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header::HOST},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::IpAddr, sync::Arc};

pub(crate) type Hosts = Arc<[String]>;

/// The names of a server that listens on an address, and those that were given.
pub(crate) fn of(address: IpAddr, given: &[String]) -> Hosts {
    let mut hosts = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    hosts.push(address.to_string());
    hosts.extend(given.iter().map(|host| host.to_ascii_lowercase()));
    hosts.into()
}

/// The name without the port. `None` for what is not a host.
fn name(host: &str) -> Option<String> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    is_host.then(|| name.to_ascii_lowercase())
}

pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let is_known = |host: &str| name(host).is_some_and(|host| hosts.contains(&host));
    let mut named = request.headers().get_all(HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let is_alone = named.next().is_none();
    // A request may name its host in the target, too.
    let in_target = request.uri().host();
    if is_alone && host.is_some_and(is_known) && in_target.is_none_or(is_known) {
        return next.run(request).await;
    }
    let why = "This server does not answer under this name. Name it with --host if it should.\n";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}
