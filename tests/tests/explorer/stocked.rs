//! The shop of the tests of `es`, with text that an attacker would choose and a stream of several pages.

use crate::place::{Place, block_on};
use es_runtime::{AnyStore, Append, EventStore, ExpectedVersion, Metadata, NewEvent, StreamId};

/// It would run if it became markup.
pub(crate) const MARKUP: &str = "<img src=x onerror=document.title='broken'>";
/// It would turn the text around it.
pub(crate) const TURNED: &str = "\u{202e}gnp.exe\u{2066}";
/// Slashes, and what an address has a meaning for.
pub(crate) const ADDRESS: &str = "a/b%2Fc %25?d#e&f=g+h";
/// Such as a request has it that names no event.
pub(crate) const CORRELATION: &str = "req/1?x=%25#<b>";

async fn append(store: &AnyStore, stream: (&str, &str), metadata: Metadata, events: Vec<NewEvent>) {
    let stream = StreamId::new(stream.0, stream.1).expect("a stream");
    let append = Append::new(stream, ExpectedVersion::Any).with_events(events);
    let append = append.with_metadata(metadata);
    store.append(append).await.expect("appended");
}

/// A new store in a file.
pub(crate) fn sqlite() -> Place {
    stock(Place::Sqlite(es_tests::tiers::folder()))
}

/// A new store in a database.
#[cfg(unix)]
pub(crate) fn postgres() -> Place {
    stock(Place::Postgres(es_tests::server::database()))
}

/// Fills a new store.
pub(crate) fn stock(place: Place) -> Place {
    place.fill();
    block_on(async {
        let (store, _) = place.open().await;
        let none = Metadata::new;
        let hostile = format!(
            r#"{{"note": "{MARKUP}</script>", "turned": "{TURNED}", "line": "one\ntwo", "exact": 12345678901234567890123, "empty": {{}}}}"#
        );
        let named = || NewEvent::json(MARKUP, 1, hostile.clone().into_bytes());
        let by = Metadata::new()
            .with_user(MARKUP)
            .with_correlation(CORRELATION);
        append(&store, ("order", MARKUP), by.clone(), vec![named()]).await;
        append(&store, ("or/der", ADDRESS), by, vec![named()]).await;
        append(&store, ("order", TURNED), none(), vec![named()]).await;
        let cart = (1..=130).map(|number| {
            NewEvent::json(
                "cart.filled",
                1,
                format!(r#"{{"number":{number}}}"#).into_bytes(),
            )
        });
        append(&store, ("cart", "1"), none(), cart.collect()).await;
        let long = format!(r#"{{"text":"{}"}}"#, "ä".repeat(20_000));
        let long = NewEvent::json("note.long", 1, long.into_bytes());
        append(&store, ("note", "long"), none(), vec![long]).await;
        store.close().await;
    });
    place
}
