//! The metrics of the shop, as an application has them and as Prometheus reads them.
//!
//! In a binary of its own, because the recorder is that of the process. The tests share it: each looks at series with
//! names of its own.

mod costs;
#[allow(
    unreachable_pub,
    reason = "the page on observability shows it to applications"
)]
mod install;
mod page;
#[cfg(prometheus)]
mod prometheus;
mod situations;
mod text;
mod web;

#[path = "../traces/app.rs"]
#[allow(dead_code, reason = "some of it")]
mod app;
#[allow(dead_code, reason = "the tests of the command `es` use all of it")]
#[path = "../cli/shop.rs"]
mod shop;

use app::{ConfirmOrder, Order, Place};
use es_decisions::Decisions;
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, Repository};
use es_sqlite::SqliteStore;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{collections::BTreeMap, net::SocketAddr, sync::OnceLock};
use text::Family;
use tokio::runtime::Runtime;

/// Installs the recorder, once.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| install::install().expect("the first one"))
}

/// The shop did all that it does, and answers to Prometheus here.
fn shop() -> SocketAddr {
    static SHOP: OnceLock<SocketAddr> = OnceLock::new();
    *SHOP.get_or_init(|| {
        recorder();
        let folder = es_tests::tiers::folder();
        Runtime::new().expect("a runtime").block_on(async {
            let store = SqliteStore::open(folder.path().join("shop.db")).await;
            let store = store.expect("opens");
            let read = AnyReadDatabase::new(store.read_database());
            let store = AnyStore::new(store);
            shop::fill(&store, read.clone()).await;
            let projections = shop::projections(&store, read);
            projections.record_metrics().await.expect("read");
            shop::sagas(&store).record_metrics().await.expect("read");
            // Its orders have no tags.
            let store = SqliteStore::open(folder.path().join("orders.db")).await;
            let store = AnyStore::new(store.expect("opens"));
            let orders = Repository::<Order>::new(store.clone()).cached(10);
            for cents in 1..3 {
                orders.execute("5000", Place(cents)).await.expect("placed");
            }
            let order = "5000".to_owned();
            let decisions = Decisions::new(store);
            let confirm = decisions.execute(ConfirmOrder { order });
            confirm.await.expect("confirmed");
        });
        situations::decisions_meet();
        web::serve(|| recorder().render())
    })
}

/// What is measured now.
fn measured() -> BTreeMap<String, Family> {
    text::parse(&recorder().render()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The value of a series that has these labels, and maybe others.
fn value(name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let measured = measured();
    let mut families = measured.values().flat_map(|family| &family.samples);
    let has = |sample: &&text::Sample| {
        let mut labels = labels.iter();
        sample.name == name
            && labels.all(|(key, value)| sample.labels.get(*key).is_some_and(|of| of == value))
    };
    families.find(has).map(|sample| sample.value)
}
