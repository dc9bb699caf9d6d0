//! The command `es` with the types of the shop.
//!
//! `cargo run --example shop-es -- --store sqlite:SHOP.db show order/ID` shows an order as it is stored, what upcasters
//! make of it, and its state. `verify` compares the whole store with what follows from its events.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the shop uses all of its domain, and this program its aggregates"
)]

mod domain;
// The tests of the domain compare orders with what is read of them.
#[cfg(test)]
#[allow(unused_imports, reason = "the shop uses all of it")]
mod read;

use domain::{customer::Customer, order::Order};
use es_cli::App;

fn main() -> std::process::ExitCode {
    app().run()
}

fn app() -> App {
    App::new().aggregate::<Order>().aggregate::<Customer>()
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test may panic")]
mod tests {
    use super::app;

    /// A database as the first two releases of the shop wrote it.
    const OLD_RELEASES: &str = include_str!("../data/shop-releases-1-and-2.sql");

    fn es(args: &[&str]) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("shop.db");
        let db = rusqlite::Connection::open(&file).expect("opens");
        db.execute_batch(OLD_RELEASES).expect("is SQL");
        drop(db);
        let store = format!("sqlite:{}", file.display());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = app().run_with(
            ["es", "--store", &store].iter().chain(args),
            &mut out,
            &mut err,
        );
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (code, text(out), text(err))
    }

    #[test]
    fn what_earlier_releases_wrote_is_shown_as_todays_shop_reads_it() {
        let (code, out, err) = es(&["show", "order/00004-19970118-2-2973"]);
        assert_eq!(code, 0, "{err}");
        for part in [
            "v1 -> v3",
            "-total 29.73",
            "+total_cents 2973",
            "+currency \"USD\"",
            "STATE AT VERSION 3",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
    }

    #[test]
    fn a_store_of_earlier_releases_is_whole() {
        let (code, out, err) = es(&["verify"]);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        assert!(!err.contains("types: 0 looked at"), "{err}");
    }
}
