//! Who gets an answer.

use crate::{http, place::Place, running::Running};
use es_explorer::{Server, ServerError};

fn status(running: &Running, method: &str, target: &str, headers: &str) -> u16 {
    http::request(running.address, method, target, headers, "").status
}

#[test]
fn a_page_that_points_its_name_here_gets_no_answer() {
    let place = Place::copy();
    let running = Running::on(&place);
    let port = running.address.port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "LocalHost".to_owned(),
        format!("[::1]:{port}"),
    ] {
        let headers = format!("Host: {host}\r\n");
        assert_eq!(
            status(&running, "GET", "/api/overview", &headers),
            200,
            "{host}"
        );
    }
    for headers in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        "Host: localhost.evil.example\r\n".to_owned(),
        "Host: 127.0.0.1.evil.example\r\n".to_owned(),
        "Host: [::1].evil.example\r\n".to_owned(),
        "Host: \r\n".to_owned(),
        String::new(),
        "Host: localhost\r\nHost: evil.example\r\n".to_owned(),
    ] {
        for target in ["/", "/app.js", "/api/overview"] {
            let status = status(&running, "GET", target, &headers);
            assert!(
                status == 421 || status == 400,
                "{headers:?} {target}: {status}"
            );
        }
    }
    let target = "http://evil.example/api/overview";
    assert_eq!(status(&running, "GET", target, "Host: localhost\r\n"), 421);
}

#[test]
fn an_address_that_others_reach_has_to_be_meant() {
    let place = Place::copy();
    let store = es_explorer::Place::new(&place.address()).expect("a store");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let address = address.parse().expect("an address");
        let refused = Server::bind(&store, address, &[]).expect_err("refused");
        assert!(matches!(refused, ServerError::Public(_)), "{refused}");
        assert!(refused.to_string().contains("no login"), "{refused}");
    }
    let hosts = ["events.example".to_owned()];
    let all = "0.0.0.0:0".parse().expect("an address");
    Server::bind(&store, all, &hosts).expect("it was said");
    // The control: this one needs no word.
    let own = "127.0.0.1:0".parse().expect("an address");
    Server::bind(&store, own, &[]).expect("listens");
}

#[test]
fn nothing_but_reading_is_answered() {
    let place = Place::copy();
    let running = Running::on(&place);
    let host = format!("Host: {}\r\n", running.address);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for target in ["/", "/api/streams", "/api/parked"] {
            assert_eq!(
                status(&running, method, target, &host),
                405,
                "{method} {target}"
            );
        }
    }
    assert_eq!(status(&running, "GET", "/api/streams", &host), 200);
    assert_eq!(status(&running, "GET", "/api/nothing", &host), 404);
    assert_eq!(status(&running, "GET", "/../Cargo.toml", &host), 404);
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let place = Place::copy();
    let running = Running::on(&place);
    for target in [
        "/",
        "/app.css",
        "/app.js",
        "/icon.svg",
        "/api/overview",
        "/api/event",
        "/api/nothing",
    ] {
        let head = running.get(target).head.to_lowercase();
        for wanted in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(wanted), "{target} has no `{wanted}`: {head}");
        }
        assert!(!head.contains("unsafe"), "{target}: {head}");
        assert!(!head.contains("access-control"), "{target}: {head}");
    }
}
