//! An application with types: accounts whose events have changed since, and transfers that are undone.

use crate::{
    place::{Place, block_on},
    stocked::{MARKUP, TURNED},
};
use es_cli::App;
use es_explorer::{Application, Reading, StoredEvent, TypedEvent};
use es_runtime::{
    Aggregate, AnyStore, Append, Apply, Event, EventFilter, EventStore, ExpectedVersion, NewEvent,
    StreamId,
};
use es_sagas::{Cx, Definition, Effect, Fail, Saga, Sagas, Start, StepRetry};
use es_schema_lock::Catalogue;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("account.opened", version = 2)]
struct Opened {
    #[event(was(name = "name", before = 2))]
    owner: String,
    #[event(since = 2, default = "EUR")]
    currency: String,
    note: Option<String>,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
}

/// Belongs to no aggregate.
#[derive(Event, Serialize, Deserialize, Clone)]
#[event("rate.set")]
struct RateSet {
    percent: i64,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("transfer.wanted")]
pub(crate) struct Wanted {
    to: String,
}

mod legacy {
    use es_runtime::Event;
    use serde::{Deserialize, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event("account.deposited_twice")]
    pub(super) struct DepositedTwice {
        pub(super) first: i64,
        pub(super) second: i64,
    }
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("account", id = String, error = Infallible, events(Opened, Deposited))]
#[aggregate(drop("account.viewed"), split(legacy::DepositedTwice, with = twice))]
struct Account {
    owner: String,
    currency: String,
    cents: i64,
}

fn twice(old: legacy::DepositedTwice) -> [AccountEvent; 2] {
    [old.first, old.second].map(|cents| Deposited { cents }.into())
}

impl Apply<Opened> for Account {
    fn apply(&mut self, opened: &Opened) {
        assert_ne!(opened.owner, "cursed", "as asked");
        self.owner.clone_from(&opened.owner);
        self.currency.clone_from(&opened.currency);
    }
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, deposited: &Deposited) {
        self.cents += deposited.cents;
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// Books two halves, and tells somebody at the end: `home` hears it, `later` may, and nobody else. What was booked for `stuck` cannot
/// be given back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Transfer {
    to: String,
}

impl Saga for Transfer {
    const NAME: &'static str = "transfer";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Wanted>(|wanted| {
            let to = wanted.event.to.clone();
            Some(Start::new(wanted.stream.id(), Self { to }))
        });
        saga.retry(StepRetry::times(1));
        saga.undo_retry(StepRetry::times(1));
        let debit = saga
            .step("debit", |_: Cx<Self>| async {
                Ok::<_, Fail>("receipt".to_owned())
            })
            .undo(|_, _: Effect<String>| async { Ok(()) });
        saga.step("credit", |_: Cx<Self>| async { Ok::<_, Fail>(()) })
            .needs(debit)
            .undo(|cx, _: Effect<()>| async move {
                match cx.saga().to.as_str() {
                    "stuck" => Err(Fail::fatal("the money is gone")),
                    _ => Ok(()),
                }
            });
        saga.step("tell", |cx: Cx<Self>| async move {
            match cx.saga().to.as_str() {
                "home" => Ok(()),
                "later" => Err(Fail::transient("it is night").retry_after(HOUR)),
                to => Err(Fail::fatal(format!("{to} does not answer"))),
            }
        })
        .retry(StepRetry::times(3))
        .no_undo();
        saga
    }
}

pub(crate) fn sagas(store: AnyStore) -> Sagas {
    Sagas::new(store)
        .from_the_beginning(true)
        .with::<Transfer>(())
}

/// Its program.
pub(crate) fn app() -> App {
    App::new()
        .aggregate::<Account>()
        .events::<RateSet>("rates")
        .sagas(sagas)
        .catalogue(
            Catalogue::new("bank")
                .aggregate::<Account>()
                .saga::<Transfer>()
                .reader("projection", "balances", &EventFilter::of::<Deposited>())
                .reader("subscription", "notices", &EventFilter::of::<Deposited>()),
        )
}

/// An application that says what it stores, and nothing else: the catalogue of the shop.
pub(crate) struct Shop;

impl Application for Shop {
    fn decode(&self, _: &StoredEvent) -> Option<Result<TypedEvent, String>> {
        None
    }

    fn read(&self, _: &str) -> Option<Box<dyn Reading>> {
        None
    }

    fn catalogue(&self) -> Option<&str> {
        Some(include_str!(
            "../../../examples/schema/catalogue/catalogue.json"
        ))
    }
}

/// The bank with names that an attacker would choose.
pub(crate) fn hostile() -> App {
    let catalogue = Catalogue::new("bank <b>&").aggregate::<Account>();
    app().catalogue(catalogue.reader("webhook", MARKUP, &EventFilter::of::<Deposited>()))
}

async fn append(
    store: &AnyStore,
    aggregate: &str,
    id: &str,
    events: Vec<(&'static str, u16, String)>,
) {
    let stream = StreamId::new(aggregate, id).expect("a stream");
    let events = events
        .into_iter()
        .map(|(name, version, payload)| NewEvent::json(name, version, payload.into_bytes()));
    let append = Append::new(stream, ExpectedVersion::Any).with_events(events);
    store.append(append).await.expect("appended");
}

/// Adds an event as it is stored.
pub(crate) fn add(place: &Place, aggregate: &str, id: &str, event: &'static str, payload: String) {
    block_on(async {
        let (store, _) = place.open().await;
        append(&store, aggregate, id, vec![(event, 1, payload)]).await;
        store.close().await;
    });
}

/// Runs its workers until they have nothing to do.
pub(crate) fn run(place: &Place) {
    block_on(async {
        let (store, _) = place.open().await;
        sagas(store.clone()).run_until_idle().await.expect("idle");
        store.close().await;
    });
}

/// Fills a store as several releases of the application did.
pub(crate) fn fill(place: &Place) {
    block_on(async {
        let (store, _) = place.open().await;
        let deposit = |cents: i64| ("account.deposited", 1, format!(r#"{{"cents":{cents}}}"#));
        let mut events = vec![
            (
                "account.opened",
                1,
                r#"{"name":"Ada","note":null}"#.to_owned(),
            ),
            deposit(100),
            ("account.viewed", 1, "{}".to_owned()),
            (
                "account.deposited_twice",
                1,
                r#"{"first":20,"second":3}"#.to_owned(),
            ),
        ];
        events.extend((1..=60).map(|_| deposit(1)));
        append(&store, "account", "1", events).await;
        let hostile = serde_json::json!({
            "owner": format!("{MARKUP}</script>{TURNED}"),
            "currency": "\u{0}\n", "note": null,
        });
        let hostile = ("account.opened", 2, hostile.to_string());
        append(&store, "account", "hostile", vec![hostile]).await;
        let long =
            serde_json::json!({ "owner": "ä".repeat(20_000), "currency": "EUR", "note": null });
        let long = ("account.opened", 2, long.to_string());
        append(&store, "account", "long", vec![long, deposit(5)]).await;
        let strange = ("account.closed", 1, "{}".to_owned());
        let broken = vec![deposit(7), strange, deposit(8)];
        append(&store, "account", "broken", broken).await;
        let cursed = r#"{"owner":"cursed","currency":"EUR","note":null}"#;
        let cursed = ("account.opened", 2, cursed.to_owned());
        append(&store, "account", "cursed", vec![cursed, deposit(9)]).await;
        let rate = ("rate.set", 1, r#"{"percent":3}"#.to_owned());
        append(&store, "rates", "1", vec![rate]).await;
        for (id, to) in [
            ("home", "home"),
            ("away", "away"),
            ("stuck", "stuck"),
            ("later", "later"),
            ("killed", "later"),
        ] {
            let wanted = ("transfer.wanted", 1, format!(r#"{{"to":"{to}"}}"#));
            append(&store, "transfer-order", id, vec![wanted]).await;
        }
        store.close().await;
    });
    run(place);
}

/// A new store of it in a file.
pub(crate) fn sqlite() -> Place {
    filled(Place::Sqlite(es_tests::tiers::folder()))
}

/// And in a database.
#[cfg(unix)]
pub(crate) fn postgres() -> Place {
    filled(Place::Postgres(es_tests::server::database()))
}

fn filled(place: Place) -> Place {
    fill(&place);
    place
}
