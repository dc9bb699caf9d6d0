//! Decoding events of old versions, next to the direct decode of today's version and next to what other
//! designs do with the same payloads, all in one run: many short rounds in turn, so that what else the
//! machine does meets all of them alike.
//!
//! `cargo bench -p es-benches --bench versioning [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a benchmark may stop"
)]

use cqrs_es::{
    DomainEvent,
    persist::{EventUpcaster, SemanticVersionEventUpcaster, SerializedEvent},
};
use es_runtime::{Codec, Event, StoredPayload};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Line {
    sku: String,
    qty: u32,
}

/// Version 2 renamed `order`, version 3 holds cents and has a currency.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed", version = 3)]
struct OrderPlaced {
    #[event(was(name = "order", before = 2))]
    order_id: String,
    customer: String,
    lines: Vec<Line>,
    #[event(was(name = "total", type = f64, with = cents, before = 3))]
    total_cents: i64,
    #[event(since = 3, default = "USD")]
    currency: String,
    note: Option<String>,
}

/// The shape of version 1, for what an upcast costs on top of reading it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is only read")]
struct First {
    order: String,
    customer: String,
    lines: Vec<Line>,
    total: f64,
    note: Option<String>,
}

fn cents(dollars: f64) -> i64 {
    (dollars * 100.0).round() as i64
}

/// The same event as a variant of an internally tagged enum, today's shape only.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "type")]
enum Tagged {
    #[serde(rename = "order.placed")]
    OrderPlaced(OrderPlaced),
}

impl DomainEvent for Tagged {
    fn event_type(&self) -> String {
        "order.placed".to_owned()
    }

    fn event_version(&self) -> String {
        "3.0".to_owned()
    }
}

fn today() -> OrderPlaced {
    OrderPlaced {
        order_id: "7f9c2ba4-e88f-4a27-9c41-d0b1a7f5c1b2".into(),
        customer: "customer-00004".into(),
        lines: (0..4)
            .map(|n| Line {
                sku: format!("CD-000{n}-SPRING"),
                qty: n,
            })
            .collect(),
        total_cents: 2_933,
        currency: "USD".into(),
        note: Some("leave it at the door".into()),
    }
}

/// The payload that the first release wrote for the same order.
fn first() -> Value {
    let mut value = serde_json::to_value(today()).unwrap();
    let fields = value.as_object_mut().unwrap();
    let order = fields.remove("order_id").unwrap();
    fields.insert("order".into(), order);
    fields.remove("currency");
    fields.remove("total_cents");
    fields.insert("total".into(), json!(29.33));
    value
}

fn stored(version: u16, codec: Codec, bytes: &[u8]) -> StoredPayload<'_> {
    StoredPayload::new(version, codec.content_type(), bytes)
}

/// What an upcaster on JSON values does to a payload of the first release.
fn upcast(mut value: Value) -> Value {
    let fields = value.as_object_mut().unwrap();
    let order = fields.remove("order").unwrap();
    fields.insert("order_id".into(), order);
    let total = fields.remove("total").unwrap().as_f64().unwrap();
    fields.insert("total_cents".into(), cents(total).into());
    fields.insert("currency".into(), "USD".into());
    value
}

fn cqrs_upcasters() -> Vec<Box<dyn EventUpcaster>> {
    let rename = |mut value: Value| {
        let fields = value.as_object_mut().unwrap();
        let order = fields.remove("order").unwrap();
        fields.insert("order_id".into(), order);
        value
    };
    let convert = |mut value: Value| {
        let fields = value.as_object_mut().unwrap();
        let total = fields.remove("total").unwrap().as_f64().unwrap();
        fields.insert("total_cents".into(), cents(total).into());
        fields.insert("currency".into(), "USD".into());
        value
    };
    vec![
        Box::new(SemanticVersionEventUpcaster::new(
            "order.placed",
            "2.0",
            Box::new(rename),
        )),
        Box::new(SemanticVersionEventUpcaster::new(
            "order.placed",
            "3.0",
            Box::new(convert),
        )),
    ]
}

/// Bytes as the text that they are: the fastest way into `serde_json`, for everybody.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(black_box(bytes)).unwrap()
}

/// Nanoseconds and allocations of one call.
fn cost(mut work: impl FnMut()) -> (f64, u64) {
    work();
    let allocations = allocation_counter::measure(&mut work).count_total;
    let start = Instant::now();
    let mut calls = 0_u64;
    while start.elapsed() < WINDOW {
        for _ in 0..100 {
            work();
        }
        calls += 100;
    }
    (
        start.elapsed().as_nanos() as f64 / calls as f64,
        allocations,
    )
}

fn main() {
    let rounds = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(75);
    let v3 = serde_json::to_vec(&today()).unwrap();
    let v1 = serde_json::to_vec(&first()).unwrap();
    let tagged = serde_json::to_vec(&Tagged::OrderPlaced(today())).unwrap();
    let compact = Codec::Postcard.encode(&today()).unwrap();
    assert_eq!(
        OrderPlaced::from_payload(stored(1, Codec::Json, &v1)).unwrap(),
        today()
    );
    assert_eq!(
        serde_json::from_value::<OrderPlaced>(upcast(first())).unwrap(),
        today()
    );

    let upcasters = cqrs_upcasters();
    let cqrs = |version: &str, bytes: &[u8]| {
        // Its stores hand over a parsed JSON value, so parsing is part of the work.
        let mut payload: Value = serde_json::from_str(text(bytes)).unwrap();
        payload["type"] = "order.placed".into();
        let event = SerializedEvent::new(
            "1".into(),
            1,
            "order".into(),
            "order.placed".into(),
            version.into(),
            payload,
            json!({}),
        );
        let event = upcasters.iter().fold(event, |event, upcaster| {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                upcaster.upcast(event)
            } else {
                event
            }
        });
        serde_json::from_value::<Tagged>(event.payload).unwrap()
    };

    let mut rows: Vec<(&str, Vec<f64>, u64)> = Vec::new();
    let mut add = |what: &'static str, (cost, allocations): (f64, u64)| match rows
        .iter_mut()
        .find(|row| row.0 == what)
    {
        Some(row) => row.1.push(cost),
        None => rows.push((what, vec![cost], allocations)),
    };
    for _ in 0..rounds {
        add(
            "serde_json of version 3 (baseline)",
            cost(|| {
                black_box(serde_json::from_str::<OrderPlaced>(text(&v3)).unwrap());
            }),
        );
        add(
            "version 3, stored as version 3",
            cost(|| {
                black_box(
                    OrderPlaced::from_payload(stored(3, Codec::Json, black_box(&v3))).unwrap(),
                );
            }),
        );
        add(
            "version 1, up the chain to 3",
            cost(|| {
                black_box(
                    OrderPlaced::from_payload(stored(1, Codec::Json, black_box(&v1))).unwrap(),
                );
            }),
        );
        add(
            "version 1 alone, by serde's derive",
            cost(|| {
                black_box(serde_json::from_str::<First>(text(&v1)).unwrap());
            }),
        );
        add(
            "version 3, postcard",
            cost(|| {
                let payload = stored(3, Codec::Postcard, black_box(&compact));
                black_box(OrderPlaced::from_payload(payload).unwrap());
            }),
        );
        add(
            "version 1 through a JSON value",
            cost(|| {
                let value = upcast(serde_json::from_str(text(&v1)).unwrap());
                black_box(serde_json::from_value::<OrderPlaced>(value).unwrap());
            }),
        );
        add(
            "version 3 as an internally tagged enum",
            cost(|| {
                black_box(serde_json::from_str::<Tagged>(text(&tagged)).unwrap());
            }),
        );
        add(
            "cqrs-es: version 1 through its upcasters",
            cost(|| {
                black_box(cqrs("1.0", &v1));
            }),
        );
        add(
            "cqrs-es: version 3, upcasters not needed",
            cost(|| {
                black_box(cqrs("3.0", &v3));
            }),
        );
    }
    let baseline = rows[0].1.clone();
    println!(
        "{:<46} {:>8} {:>12}   ratio to the baseline (middle half)",
        "decode", "ns", "allocations"
    );
    for (what, costs, allocations) in &rows {
        let mut ratios: Vec<f64> = costs
            .iter()
            .zip(&baseline)
            .map(|(cost, baseline)| cost / baseline)
            .collect();
        ratios.sort_by(f64::total_cmp);
        let mut costs = costs.clone();
        costs.sort_by(f64::total_cmp);
        println!(
            "{what:<46} {:>8.0} {allocations:>12}   {:.2} ({:.2} .. {:.2})",
            costs[0],
            ratios[ratios.len() / 2],
            ratios[ratios.len() / 4],
            ratios[ratios.len() * 3 / 4],
        );
    }
    let of = |what: &str| &rows.iter().find(|row| row.0 == what).unwrap().1;
    let chain = of("version 1, up the chain to 3").iter();
    let alone = of("version 1 alone, by serde's derive").iter();
    let mut upcasts: Vec<f64> = chain
        .zip(alone)
        .map(|(chain, alone)| (chain - alone) / 2.0)
        .collect();
    upcasts.sort_by(f64::total_cmp);
    println!("one upcast costs {:.0} ns", upcasts[upcasts.len() / 2]);
    let compare = |what: &str, other: &str| {
        let mut ratios: Vec<f64> = of(what).iter().zip(of(other)).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let chain = "version 1, up the chain to 3";
    println!(
        "version 1 up the chain: {:.2} of version 3, {:.2} of a JSON value, {:.2} of cqrs-es",
        compare(chain, "version 3, stored as version 3"),
        compare(chain, "version 1 through a JSON value"),
        compare(chain, "cqrs-es: version 1 through its upcasters"),
    );
}
