//! Maps.

use crate::record::{New, decide_and_prove, fold, now};
use bench_common::{
    Account, Arguments, Bank, BankEvent, Command, REPLAYED, commands, decide, history, rate,
};
use std::{
    collections::HashMap,
    hint::black_box,
    sync::{Arc, Mutex},
    time::SystemTime,
};

/// Events as they are, and no JSON.
#[derive(Clone, Default)]
struct Bare(Arc<Mutex<HashMap<String, Vec<BankEvent>>>>);

impl Bank for Bare {
    async fn execute(&self, id: String, command: Command) -> bool {
        let mut map = self.0.lock().unwrap();
        let events = map.entry(id).or_default();
        let mut account = Account::default();
        for event in &*events {
            account.apply(event);
        }
        let Ok(event) = decide(&account, command) else {
            return false;
        };
        events.push(event);
        true
    }

    async fn append(&self, _: String, _: u64) {
        unreachable!("no row appends to memory");
    }
}

struct Stored {
    version: i64,
    new: New,
    #[allow(dead_code, reason = "a reader of the history would read it")]
    at: SystemTime,
}

/// JSON with all that is stored with it.
#[derive(Clone, Default)]
struct Same(Arc<Mutex<HashMap<String, Vec<Stored>>>>);

impl Bank for Same {
    async fn execute(&self, id: String, command: Command) -> bool {
        let mut map = self.0.lock().unwrap();
        let events = map.entry(id).or_default();
        let mut account = Account::default();
        for event in &*events {
            fold(
                &mut account,
                event.version,
                event.new.name,
                &event.new.payload,
            );
        }
        let version = account.events.cast_signed() + 1;
        let Ok(new) = decide_and_prove(&mut account, command) else {
            return false;
        };
        black_box(account);
        let at = now();
        events.push(Stored { version, new, at });
        true
    }

    async fn append(&self, _: String, _: u64) {
        unreachable!("no row appends to memory");
    }
}

pub(crate) async fn run(arguments: &Arguments) {
    let mut report = arguments.report("bare");
    commands(&mut report, "memory", &Bare::default(), 1).await;
    let json: Vec<Vec<u8>> = history(REPLAYED)
        .map(|event| serde_json::to_vec(&event).unwrap())
        .collect();
    let loads = rate(report.window(), || {
        let mut account = Account::default();
        for json in &json {
            account.apply(&serde_json::from_slice(json).unwrap());
        }
        assert_eq!(black_box(account).events, REPLAYED);
    });
    report.value("memory-replay", loads * REPLAYED as f64);

    let mut report = arguments.report("same");
    commands(&mut report, "memory", &Same::default(), 1).await;
    let events: Vec<New> = history(REPLAYED).map(New::of).collect();
    let loads = rate(report.window(), || {
        let mut account = Account::default();
        for (event, version) in events.iter().zip(1..) {
            fold(&mut account, version, event.name, &event.payload);
        }
        assert_eq!(black_box(account).events, REPLAYED);
    });
    report.value("memory-replay", loads * REPLAYED as f64);
}
