//! What the derives generate, used as a program would use it.

use es_runtime::{
    Aggregate, Apply, Codec, DecodeError, Decoded, Event, EventSet, EventType, Events, Handle,
    StoredPayload, events,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, marker::PhantomData};

mod shipping {
    use super::{Deserialize, Event, Serialize};

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event("order.shipped", version = 2)]
    pub(crate) struct Shipped {
        #[event(was(name = "code", before = 2))]
        pub(crate) tracking: String,
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed")]
struct OrderPlaced {
    customer: String,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("receipt.sent")]
struct ReceiptSent {}

#[derive(Debug, thiserror::Error, PartialEq)]
enum OrderError {
    #[error("already placed")]
    AlreadyPlaced,
}

#[derive(Clone, Debug, PartialEq)]
struct PlaceOrder {
    customer: String,
}

#[derive(Clone, Debug, PartialEq)]
struct ShipOrder;

#[derive(Aggregate, Default, Debug, PartialEq, Serialize, Deserialize)]
#[aggregate("order", id = String, error = OrderError, codec = "postcard")]
#[aggregate(events(OrderPlaced, shipping::Shipped as ShippedOut, ignore(ReceiptSent)))]
#[aggregate(commands(PlaceOrder, ShipOrder))]
#[aggregate(snapshot(every = 100))]
struct Order {
    placed: bool,
    shipped: bool,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {
        self.placed = true;
    }
}

impl Apply<shipping::Shipped> for Order {
    fn apply(&mut self, _: &shipping::Shipped) {
        self.shipped = true;
    }
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, command: PlaceOrder) -> Result<Events<Self>, OrderError> {
        if self.placed {
            return Err(OrderError::AlreadyPlaced);
        }
        let customer = command.customer;
        Ok(events![OrderPlaced { customer }, ReceiptSent {}])
    }
}

impl Handle<ShipOrder> for Order {
    fn handle(&self, _: ShipOrder) -> Result<Events<Self>, OrderError> {
        let tracking = "t".to_owned();
        Ok(shipping::Shipped { tracking }.into())
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
enum AccountEvent {
    #[event("account.opened", version = 1)]
    Opened {
        #[serde(rename = "holder")]
        owner: String,
        limit: Option<u64>,
    },
    #[event("account.closed")]
    Closed,
    #[event("account.frozen", version = 3)]
    #[event(removed(by: String, in = 3), removed(at: u64, in = 2))]
    Frozen {},
}

#[derive(Aggregate, Default)]
#[aggregate("account", id = u64, error = Infallible, events = AccountEvent)]
struct Account {
    open: bool,
}

impl Apply<AccountEvent> for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Closed => self.open = false,
            AccountEvent::Frozen {} => {}
        }
    }
}

/// A single event is a set of one.
#[derive(Aggregate, Default)]
#[aggregate("receipt", id = u64, error = Infallible, events = ReceiptSent)]
struct Receipt {
    sent: u32,
}

impl Apply<ReceiptSent> for Receipt {
    fn apply(&mut self, _: &ReceiptSent) {
        self.sent += 1;
    }
}

/// Has nothing but what an event must have.
#[derive(Event, Serialize, Deserialize)]
#[event("bare.opened")]
struct BareOpened {}

#[derive(Event, Serialize, Deserialize, Debug)]
#[event("bare.closed")]
struct BareClosed {}

#[derive(Aggregate, Default)]
#[aggregate("bare", id = u64, error = Infallible)]
#[aggregate(events(ignore(BareOpened, BareClosed)), commands(Shown))]
struct Bare;

#[derive(Debug)]
struct Shown;

impl Handle<Shown> for Bare {
    fn handle(&self, _: Shown) -> Result<Events<Self>, Infallible> {
        Ok(BareOpened {}.into())
    }
}

/// Which traits a type has: an inherent constant, where its bound holds, comes before that of a
/// trait.
struct Probe<T>(PhantomData<T>);

trait Without {
    const CLONE: bool = false;
    const DEBUG: bool = false;
    const PARTIAL_EQ: bool = false;
}

impl<T> Without for Probe<T> {}

impl<T: Clone> Probe<T> {
    const CLONE: bool = true;
}

impl<T: std::fmt::Debug> Probe<T> {
    const DEBUG: bool = true;
}

impl<T: PartialEq> Probe<T> {
    const PARTIAL_EQ: bool = true;
}

macro_rules! traits {
    ($type:ty) => {
        (
            Probe::<$type>::CLONE,
            Probe::<$type>::DEBUG,
            Probe::<$type>::PARTIAL_EQ,
        )
    };
}

fn stored(version: u16, codec: Codec, bytes: &[u8]) -> StoredPayload<'_> {
    StoredPayload::new(version, codec.content_type(), bytes)
}

#[test]
fn an_aggregate_decides_and_folds_what_it_decided() {
    let mut order = Order::default();
    let placed = order
        .handle(OrderCommand::from(PlaceOrder {
            customer: "c".to_owned(),
        }))
        .expect("accepted");
    assert_eq!(
        placed.iter().collect::<Vec<_>>(),
        [
            &OrderEvent::OrderPlaced(OrderPlaced {
                customer: "c".to_owned()
            }),
            &OrderEvent::ReceiptSent(ReceiptSent {})
        ]
    );
    for event in &placed {
        order.apply_event(event);
    }
    assert!(order.placed && !order.shipped);
    for event in Handle::handle(&order, ShipOrder).expect("accepted") {
        order.apply_event(&event);
    }
    assert!(order.shipped);
    assert_eq!(Order::NAME, "order");
    assert_eq!(Order::CODEC, Codec::Postcard);
    assert_eq!(Order::SNAPSHOTS.map(|policy| policy.every.get()), Some(100));
    assert!(Account::SNAPSHOTS.is_none());
}

#[test]
fn events_convert_into_the_enum_and_back() {
    let event = OrderEvent::from(ReceiptSent {});
    assert_eq!(ReceiptSent::try_from(event.clone()), Ok(ReceiptSent {}));
    assert_eq!(OrderPlaced::try_from(event.clone()), Err(event));
    assert_eq!(
        ShipOrder::try_from(OrderCommand::from(ShipOrder)),
        Ok(ShipOrder)
    );
}

#[test]
fn the_enum_of_listed_events_goes_to_bytes_and_back() {
    let event = OrderEvent::ShippedOut(shipping::Shipped {
        tracking: "1Z".to_owned(),
    });
    assert_eq!(
        event.event_type(),
        EventType {
            name: "order.shipped",
            version: 2
        }
    );
    for codec in [Codec::Json, Codec::Postcard] {
        let bytes = event.encode(codec).expect("encodes");
        assert_eq!(
            OrderEvent::decode("order.shipped", stored(2, codec, &bytes)),
            Ok(Decoded::One(event.clone()))
        );
    }
    let names: Vec<_> = OrderEvent::TYPES.iter().map(|t| t.name).collect();
    assert_eq!(names, ["order.placed", "order.shipped", "receipt.sent"]);
}

#[test]
fn a_variant_is_stored_as_its_fields() {
    let opened = AccountEvent::Opened {
        owner: "Ada".to_owned(),
        limit: None,
    };
    for (event, version, json) in [
        (opened, 1, r#"{"holder":"Ada","limit":null}"#),
        (AccountEvent::Closed, 1, "{}"),
        (AccountEvent::Frozen {}, 3, "{}"),
    ] {
        let EventType { name, .. } = event.event_type();
        let bytes = event.encode(Codec::Json).expect("encodes");
        assert_eq!(String::from_utf8_lossy(&bytes), json);
        for codec in [Codec::Json, Codec::Postcard] {
            let bytes = event.encode(codec).expect("encodes");
            assert_eq!(
                AccountEvent::decode(name, stored(version, codec, &bytes)),
                Ok(Decoded::One(event.clone()))
            );
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_typed_error() {
    let json = |version, bytes| stored(version, Codec::Json, bytes);
    assert_eq!(
        AccountEvent::decode("order.placed", json(1, b"{}")),
        Err(DecodeError::UnknownEvent {
            name: "order.placed".to_owned(),
            version: 1
        })
    );
    assert_eq!(
        shipping::Shipped::from_payload(json(3, b"{}")),
        Err(DecodeError::NewerVersion {
            name: "order.shipped",
            stored: 3,
            known: 2
        })
    );
    assert_eq!(
        AccountEvent::decode("account.closed", json(0, b"{}")),
        Err(DecodeError::InvalidVersion {
            name: "account.closed"
        })
    );
    let error = AccountEvent::decode("account.closed", json(1, br#"{"secret":"hunter2"}"#))
        .expect_err("a field that the variant does not have");
    assert_eq!(
        error.to_string(),
        "the payload of event `account.closed` does not fit version 1: \
         invalid length 1, expected a payload without fields at line 1 column 9"
    );
    let error = AccountEvent::decode("account.opened", json(1, br#"{"limit":1}"#))
        .expect_err("a field is missing");
    assert_eq!(
        error.to_string(),
        "the payload of event `account.opened` does not fit version 1: \
         missing field `holder` at line 1 column 11"
    );
}

#[test]
fn generated_enums_have_the_traits_that_all_of_their_types_have() {
    assert_eq!(traits!(OrderEvent), (true, true, true));
    assert_eq!(traits!(OrderCommand), (true, true, true));
    assert_eq!(traits!(BareOpened), (false, false, false));
    assert_eq!(traits!(BareClosed), (false, true, false));
    assert_eq!(traits!(BareEvent), (false, false, false));
    assert_eq!(traits!(BareCommand), (false, true, false));
}

#[test]
fn a_single_event_can_be_the_whole_set() {
    let mut receipt = Receipt::default();
    receipt.apply_event(&ReceiptSent {});
    assert_eq!(receipt.sent, 1);
    assert_eq!(<Receipt as Aggregate>::Event::TYPES.len(), 1);
    let command = BareCommand::from(Shown);
    assert_eq!(Bare.handle(command).map(|events| events.len()), Ok(1));
}
