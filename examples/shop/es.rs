//! The command `es` with the types of the shop.
//!
//! `cargo run --example shop-es -- --store sqlite:SHOP.db show order/ID` shows an order as it is stored, what upcasters
//! make of it, and its state. `verify` compares the whole store with what follows from its events. `rebuild`, `parked retry`
//! and the repairs of sagas use the read models and sagas of the shop.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the shop uses all of its domain, and this program its aggregates"
)]

mod domain;
#[allow(unused_imports, reason = "the shop uses all of it")]
mod read;
mod saga {
    pub mod fulfil;
    pub mod services;
    pub mod settle;
}

use domain::{customer::Customer, order::Order};
use es_cli::App;
use es_sagas::Sagas;
use saga::{fulfil::FulfilOrder, services::Services, settle::Settlement};

fn main() -> std::process::ExitCode {
    app().run()
}

fn app() -> App {
    App::new()
        .aggregate::<Order>()
        .aggregate::<Customer>()
        .process_manager::<Settlement>()
        .projections(read::read_models)
        .sagas(|store| {
            Sagas::new(store)
                .with::<FulfilOrder>(Services::nowhere())
                .with_process_manager::<Settlement>()
        })
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
    fn read_models_are_built_and_sagas_are_known() {
        for name in ["order_summaries", "sales_by_month", "customers"] {
            let (code, out, err) = es(&["rebuild", name, "--now", "-y", "-o", "json"]);
            assert_eq!(code, 0, "{name}: {out} {err}");
        }
        for saga in ["fulfil-order", "settlement"] {
            let (_, _, err) = es(&["sagas", "retry", saga, "1", "--why", "a test", "-y"]);
            assert!(err.contains("there is no such"), "{saga}: {err}");
        }
    }

    #[test]
    fn a_store_of_earlier_releases_is_whole() {
        let (code, out, err) = es(&["verify"]);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        assert!(!err.contains("types: 0 looked at"), "{err}");
    }
}
