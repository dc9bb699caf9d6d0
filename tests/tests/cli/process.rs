//! The streams of a process manager: its own events are read with the types of the application, the records of the runtime
//! too, and whoever looks for them under the name of the process manager learns where they are.

use crate::{
    place::{Place, block_on, on_both},
    shop::Welcome,
};
use es_cli::App;
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};

// Each time with a store of its own.
on_both!(
    &crate::place::Place::copy, &crate::place::Place::new_postgres;
    its_streams_are_read_with_its_types,
    its_name_leads_to_its_streams,
);

fn append(place: &Place, event: &'static str, payload: &str) {
    block_on(async {
        let (store, _) = place.open().await;
        let stream = StreamId::new("saga:welcome", "ada").expect("a stream");
        let event = NewEvent::json(event, 1, payload);
        let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
        store.append(append).await.expect("appended");
        store.close().await;
    });
}

fn its_streams_are_read_with_its_types(new: &dyn Fn() -> Place) {
    let place = new();
    append(&place, "welcome.greeted", "{}");
    let app = App::new().process_manager::<Welcome>();
    let shown = place.app(&app, &["show", "saga:welcome/ada"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for part in [
        "process.stepped",
        "welcome.greeted",
        "STATE AT VERSION 2",
        "greeted: true",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    // The record leaves the state as it is, and nothing was changed by upcasting.
    let first = place.app(&app, &["show", "saga:welcome/ada", "--at", "1"]);
    assert!(first.out.contains("greeted: false"), "{}", first.out);
    assert!(!first.out.contains("cannot be read"), "{}", first.out);

    let whole = place.app(&app, &["verify", "types"]);
    assert_eq!((whole.code, whole.out.as_str()), (0, ""), "{}", whole.err);
    let line = "types: 2 looked at, no problem";
    assert!(whole.err.contains(line), "{}", whole.err);
    assert!(!whole.err.contains("saga:welcome"), "{}", whole.err);

    // An event that it does not know, and a record that is none.
    append(&place, "welcome.unheard", "{}");
    append(&place, "process.stepped", "{}");
    let damaged = place.app(&app, &["verify", "types"]);
    assert_eq!(damaged.code, 1, "{}", damaged.err);
    for part in ["welcome.unheard", "it is no record of a process manager"] {
        assert!(damaged.out.contains(part), "{part}: {}", damaged.out);
    }
}

fn its_name_leads_to_its_streams(new: &dyn Fn() -> Place) {
    let place = new();
    let shown = place.es(&["show", "welcome/ada"]);
    assert_eq!(shown.code, 3, "{}", shown.err);
    let hint = "the process manager or saga `welcome` writes saga:welcome/ada";
    assert!(shown.err.contains(hint), "{}", shown.err);
    let listed = place.es(&["streams", "--aggregate", "fulfil-order"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    let hint =
        "those of the process manager or saga `fulfil-order` have `--aggregate saga:fulfil-order`";
    assert!(listed.err.contains(hint), "{}", listed.err);

    // As an aggregate it is not found, and `verify` says how it is registered.
    let app = App::new().aggregate::<Welcome>();
    let verified = place.app(&app, &["verify", "types"]);
    let hint = "no stream is of the aggregate welcome; register a process manager with `App::process_manager`";
    assert!(verified.err.contains(hint), "{}", verified.err);

    // The controls: names that none has.
    let other = place.es(&["show", "order/9"]);
    assert!(!other.err.contains("saga"), "{}", other.err);
    let other = place.es(&["streams", "--aggregate", "nothing"]);
    assert!(!other.err.contains("saga"), "{}", other.err);
}
