//! The macros of es-runtime, es-projections and es-sagas, which re-export them, such as
//! `es_runtime::Event`. Depend on those crates, not on this one.
//!
//! A derive runs in four steps that go one way: `attr` reads the attributes, `check` applies the
//! rules and builds a `model`, `expand` writes code from the model. Every fault on the way is
//! collected in one `Diag`, so an item shows all of its faults at once.

mod attr;
mod check;
mod diag;
mod expand;
mod ident;
mod messages;
mod model;
mod place;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct an event, or an enum a set of events.
///
/// The type must also implement serde's `Serialize` and `Deserialize`; derive them.
///
/// Events change over time, and stored events do not. The type is the newest version of the event;
/// the derive also reads every older version that you describe. It writes an *upcaster* from each
/// version to the next, and you can write one by hand with `upcast(..)`. See [History](#history).
///
/// # A struct
///
/// The struct has named fields, and none is written `struct OrderCancelled {}`. It implements
/// `Event`.
///
/// ```
/// use es_runtime::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed", version = 1)]
/// struct OrderPlaced {
///     customer: String,
/// }
///
/// assert_eq!(OrderPlaced::NAME, "order.placed");
/// ```
///
/// | In `#[event(..)]` | Meaning |
/// |---|---|
/// | `"order.placed"` | The stored name, required. It never changes once an event was written. ASCII letters, digits and `. _ - : /`, 1 to 128 bytes, a letter or digit at either end. |
/// | `version = 1` | The version of the struct's shape, 1 to 65535, 1 when absent. Every older version is described, see [History](#history). |
/// | `write = 2` | Writes the version before the newest while programs run that cannot read that one. Needs a way back, see [History](#history). |
/// | `removed(coupon: Option<String>, in = 3)` | A field that older versions had. |
/// | `upcast(2 => split_name)` | An upcaster: a function `fn(OrderPlacedV2) -> OrderPlacedV3` instead of the generated one from version 2. The newest version is `OrderPlaced` itself. |
/// | `try_upcast(2 => parse_name)` | The same, of a function that returns a `Result`. Its error becomes `DecodeError::Upcast`. |
/// | `upcast_json(1 => fix_export)` | The same on the JSON object: `fn(&mut serde_json::Map<String, serde_json::Value>) -> Result<(), E>`. What it leaves must be the next version, field by field. Payloads of other codecs are refused. |
/// | `previous = v3::OrderPlaced` | The version before is an event of its own, of the same name; it describes the older ones. The newest version has a `From` or `TryFrom` for it. |
/// | `crate = "::es_runtime"` | Where to find es-runtime: an absolute path, for crates that rename or re-export it. |
///
/// # An enum
///
/// Each variant is one event, with named fields or none. The enum implements `EventSet`. Only the
/// fields are stored; which variant they belong to, says the stored name.
///
/// ```
/// use es_runtime::{Codec, Event, EventSet};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// enum AccountEvent {
///     #[event("account.opened", version = 1)]
///     Opened { owner: String },
///     #[event("account.closed")]
///     Closed,
/// }
///
/// let opened = AccountEvent::Opened { owner: "Ada".to_owned() };
/// assert_eq!(opened.event_type().name, "account.opened");
/// assert_eq!(opened.encode(Codec::Json)?, br#"{"owner":"Ada"}"#);
/// assert_eq!(AccountEvent::Closed.encode(Codec::Json)?, b"{}");
/// # Ok::<(), es_runtime::CodecError>(())
/// ```
///
/// A variant takes the keys above except `crate`; upcasters to the newest version return the enum. The
/// enum takes `crate` and:
///
/// | In `#[event(..)]` on the enum | Meaning |
/// |---|---|
/// | `drop("account.blinked")` | Stored events of that name are no longer read. |
/// | `alias("AccountOpened" => Opened)` | Stored events of that name are read as this variant, in every version. |
/// | `split(legacy::OpenedAndPaid, with = split_paid)` | Stored events of that struct, which derives `Event`, each become several: a function of it to any number of events. |
///
/// # History
///
/// The struct is the newest version. Attributes on its fields say what was different before. From
/// them the derive writes the upcasters, so stored events of every older version can be read:
///
/// ```
/// use es_runtime::{Codec, Event, StoredPayload};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("order.placed", version = 3)]
/// #[event(removed(coupon: Option<String>, in = 3))]
/// struct OrderPlaced {
///     customer: u64,
///     #[event(since = 2, default = "USD")]
///     currency: String,
///     #[event(was(name = "total", type = f64, with = cents_from_dollars, before = 3))]
///     total_cents: i64,
/// }
///
/// fn cents_from_dollars(dollars: f64) -> i64 {
///     (dollars * 100.0).round() as i64
/// }
///
/// let first = OrderPlaced::from_payload(StoredPayload::new(
///     1,
///     Codec::Json.content_type(),
///     br#"{"customer":7,"total":12.5}"#,
/// ))?;
/// let today = OrderPlaced {
///     customer: 7,
///     currency: "USD".to_owned(),
///     total_cents: 1250,
/// };
/// assert_eq!(first, today);
/// # Ok::<(), es_runtime::DecodeError>(())
/// ```
///
/// | In `#[event(..)]` on a field | Meaning |
/// |---|---|
/// | `since = 2` | Version 2 added the field. |
/// | `default = "USD"` | What the field has in events older than that. A string goes through `Into`, any other expression is taken as it is. An `Option` needs none: it is `None`. |
/// | `was(.., before = 3)` | What was different in the versions before version 3. Several add up; the nearest `before` counts for a version. |
/// | `was(name = "total", ..)` | The stored name that the field had, exactly as it is stored. |
/// | `was(type = f64, ..)` | The type that the field had, after the `#[serde(..)]` and `#[shape(..)]` that were on it then. It is converted to the next type by `From`, or: |
/// | `was(.., with = cents_from_dollars)` | by this function, of the old value to the next one. |
/// | `was(.., back = dollars_from_cents)` | The way back of a change of type, for `write`: `fn(&New) -> Old`. Fields that were added or renamed need none. |
///
/// | In `removed(..)` on the struct or variant | Meaning |
/// |---|---|
/// | `coupon: Option<String>` | The field, first, as it was declared, with the `#[serde(..)]` and `#[shape(..)]` that stood on it. |
/// | `in = 3` | The first version without it, required. |
/// | `since = 2`, `default = ..` | The version that had added it, 1 when absent, and the value as above. |
/// | `back = ..` | What `write` puts there, like a `default`; an `Option` needs none. |
/// | `after = customer` or `first` | The field that it followed, or that it was the first one. Without either it was the last one. Only codecs without names, such as postcard, need it. |
/// | `name = "coupon-code"` | Its stored name, where it is not that of the field. |
///
/// Each version must differ from the one before. For every older version there is a struct, `OrderPlacedV1` and `OrderPlacedV2` here and `AccountEventOpenedV1` for a variant,
/// with the fields and the names of its time, and a `From` for the next version. A payload is
/// decoded straight into the struct of its version; unknown fields are refused. serde's `rename`,
/// `rename_all` and `with` on a field hold for older versions too, `with` as long as the type is
/// the same.
///
/// An upcaster written by hand sets every field of the next version, so those need no `default` and
/// no `with` there. `since` and `was(..)` still say what the shapes were:
///
/// ```
/// use es_runtime::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("user.named", version = 2)]
/// #[event(removed(name: String, in = 2), upcast(1 => split_name))]
/// struct UserNamed {
///     #[event(since = 2)]
///     first: String,
///     #[event(since = 2)]
///     last: String,
/// }
///
/// fn split_name(old: UserNamedV1) -> UserNamed {
///     let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
///     UserNamed {
///         first: first.to_owned(),
///         last: last.to_owned(),
///     }
/// }
/// ```
///
/// # serde attributes
///
/// The derive never changes what serde writes. It refuses what would change, blur or lose the
/// stored form without a new version: `flatten`, `untagged`, `tag`, `content`, `alias`, `default`,
/// `transparent`, `from`, `try_from`, `into`, `remote`, `skip` and its kind, `other`. Renames,
/// `with`, `deny_unknown_fields` and `bound` are fine.
#[proc_macro_derive(Event, attributes(event, shape))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    expand::derive_event(input.into()).into()
}

/// Makes a struct an aggregate: the state that one stream of events builds.
///
/// The struct implements `Default`, the state before the first event.
///
/// ```
/// use es_runtime::{Aggregate, Apply, Event, Events, Handle};
/// use serde::{Deserialize, Serialize};
/// use std::convert::Infallible;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {}
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("receipt.sent")]
/// struct ReceiptSent {}
///
/// struct PlaceOrder {}
///
/// #[derive(Aggregate, Default)]
/// #[aggregate("order", id = String, error = Infallible)]
/// #[aggregate(events(OrderPlaced, ignore(ReceiptSent)), commands(PlaceOrder))]
/// struct Order {
///     placed: bool,
/// }
///
/// impl Apply<OrderPlaced> for Order {
///     fn apply(&mut self, _: &OrderPlaced) {
///         self.placed = true;
///     }
/// }
///
/// impl Handle<PlaceOrder> for Order {
///     fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Infallible> {
///         Ok(if self.placed { Events::none() } else { OrderPlaced {}.into() })
///     }
/// }
///
/// let mut order = Order::default();
/// for event in order.handle(OrderCommand::from(PlaceOrder {}))? {
///     order.apply_event(&event);
/// }
/// assert!(order.placed);
/// # Ok::<(), Infallible>(())
/// ```
///
/// | In `#[aggregate(..)]` | Meaning |
/// |---|---|
/// | `"order"` | The stored name, required, the first half of every stream id. It never changes. The same characters as for events. |
/// | `id = OrderId` | What identifies one instance, required. Any type with `Display`, `FromStr`, `Eq` and `Clone`. |
/// | `error = OrderError` | The error with which commands are rejected, required. Any `std::error::Error`. |
/// | `events(A, b::B as Bee, ignore(C))` | Every event that can occur in the stream. Each has an `impl Apply`, except those in `ignore(..)`. `as` names the variant. Required, unless it is: |
/// | `events = AccountEvent` | An enum with `#[derive(Event)]`, or a single event. It has an `impl Apply`. |
/// | `drop("order.blinked")` | Stored events of that name are skipped; their payload is not read. |
/// | `alias("OrderShipped" => OrderShipped)` | Stored events of that name are read as this event of the list, in every version. |
/// | `split(legacy::PlacedAndPaid, with = split_paid)` | Stored events of that struct, which derives `Event`, each become several: `fn(PlacedAndPaid) -> [OrderEvent; 2]`, or any other number. They keep the one number in the stream that the stored event has. |
/// | `commands(PlaceOrder, ShipOrder)` | Commands from which an enum is generated. Each has an `impl Handle`. Commands need not be listed to be handled. |
/// | `snapshot(every = 100)` | Keep a snapshot every so many events. The state then derives serde's traits and `PartialEq`. A state that is not equal to what its stored form decodes to is never stored. |
/// | `snapshot(every = 100, apply_revision = 1)` | Raise `apply_revision`, 0 by default, when `apply` changes its meaning and the state keeps its shape. Older snapshots are then dropped. |
/// | `codec = "json"` | How new events are stored: `"json"`, the default, or `"postcard"`. Stored events are read by the codec that wrote them. |
/// | `event_enum = OrderFact` | The name of the enum of events, `OrderEvent` for a struct `Order`. |
/// | `command_enum = OrderRequest` | The name of the enum of commands, `OrderCommand` for a struct `Order`. |
/// | `crate = "::es_runtime"` | Where to find es-runtime: an absolute path, for crates that rename or re-export it. |
///
/// Several `#[aggregate(..)]` add up.
///
/// # What is generated
///
/// - `impl Aggregate for Order`.
/// - From `events(..)`: an enum `OrderEvent` of the struct's visibility with one variant for each
///   event, `From` each event, `TryFrom` back to it, `EventSet`, and `Apply<OrderEvent>` that calls
///   the `Apply` of each.
/// - From `commands(..)`: an enum `OrderCommand` with the same conversions, and
///   `Handle<OrderCommand>` that calls the `Handle` of each.
///
/// The enums implement `Clone`, `Debug`, `PartialEq` and `Eq` each when every type in them does. Lints
/// that are allowed on the struct are allowed on what is generated from it; write
/// `#[allow(deprecated)]` there to list a deprecated event.
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    expand::derive_aggregate(input.into()).into()
}

/// Describes the stored form of a type inside events, as a constant.
///
/// An event whose fields all have a [`Shape`] can be locked: a test then fails when the stored form
/// of a released version changes, also where the change is in a type inside it.
///
/// ```
/// use es_runtime::{Shape, schema::Layout};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Shape, Serialize, Deserialize)]
/// struct Line {
///     sku: String,
///     #[shape(unit = "cents")]
///     price: u64,
///     part_of: Option<Box<Line>>,
/// }
///
/// assert_eq!(
///     Line::SHAPE.render(Layout::ByName),
///     "{part_of:^Line?,price:u64@cents,sku:str}"
/// );
/// ```
///
/// It follows serde's attributes: names by `rename`, `rename_all` and `rename_all_fields`, `skip`,
/// `transparent`, `from`, `try_from` and `into`, and the tag of an enum. A struct of one unnamed
/// field has the shape of that field. A field with serde's `with` shows as `with(path)`.
///
/// | In `#[shape(..)]` on a field | Meaning |
/// |---|---|
/// | `as = "u64"` | The shape by name, for a type that has none. |
/// | `unit = "cents"` | What the value counts, shown as `u64@cents`. A change of it is then a change of the shape. |
/// | `recursive` | The type contains the one it stands in, by way of another type. Where a type contains itself, that is seen without it. |
///
/// A type takes `as`, `unit` and `crate`. The fields of events take `as` and `unit`.
///
/// # Versions of its own
///
/// When a type inside events changes, the events that are stored keep the older one. A struct with
/// named fields can say what it was like, with the keys of [events](derive@Event#history) inside
/// `#[shape(..)]`; an event then says which version it had:
///
/// ```
/// use es_runtime::{Event, Shape, schema::each};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Shape, Serialize, Deserialize)]
/// #[shape(version = 2)]
/// struct Item {
///     sku: String,
///     #[shape(since = 2, default = 1)]
///     quantity: u32,
/// }
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("basket.filled", version = 2)]
/// struct BasketFilled {
///     #[event(was(type = Vec<ItemV1>, with = each, before = 2))]
///     items: Vec<Item>,
/// }
///
/// assert_eq!(Item::from(ItemV1 { sku: "a".to_owned() }).quantity, 1);
/// ```
///
/// [`Shape`]: https://docs.rs/es-runtime/latest/es_runtime/schema/trait.Shape.html
#[proc_macro_derive(Shape, attributes(shape))]
pub fn derive_shape(input: TokenStream) -> TokenStream {
    expand::derive_shape(input.into()).into()
}

/// Makes a struct a read model: its events, its tables, and the dispatch onto its handlers.
///
/// Write a `Project` for each listed event.
///
/// ```
/// use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
/// use es_runtime::{Envelope, Event};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     cents: i64,
/// }
///
/// #[derive(Projection)]
/// #[projection("turnover", version = 1, events(OrderPlaced))]
/// #[projection(schema = "CREATE TABLE {turnover} (cents BIGINT NOT NULL)")]
/// struct Turnover;
///
/// impl Project<OrderPlaced> for Turnover {
///     async fn project(
///         &self,
///         placed: &Envelope<OrderPlaced>,
///         tx: &mut AnyTransaction,
///     ) -> Result<(), HandlerError> {
///         tx.run("INSERT INTO {turnover} VALUES ($1)", values![placed.event.cents]).await?;
///         Ok(())
///     }
/// }
///
/// assert_eq!(Turnover::NAME, "turnover");
/// assert!(Turnover::filter().accepts("order.placed"));
/// ```
///
/// | In `#[projection(..)]` | Meaning |
/// |---|---|
/// | `"turnover"` | The name under which its checkpoint is kept. Required. |
/// | `version = 2` | The version of events, tables and handlers, 1 by default. A new version is built next to the live one. |
/// | `events(A, x::B)` | The events that it handles, each once: single events or whole sets, such as the enum of an aggregate. Required. |
/// | `events(Order::{A, B})` | Events of the aggregate `Order` as it reads them: also out of names that it retired by `alias` and `split`. An event with such names cannot be listed alone. |
/// | `schema = ..` | The statements that create the tables: a `&'static str` or a `String`. `{name}` declares or means one of its tables, views, indexes or triggers. Required. |
/// | `schema(sqlite = .., postgres = ..)` | The same, where the two databases need different statements. |
/// | `schema(SqliteReadDatabase = ..)` | The same for handlers of one read database, `Project<Event, SqliteReadDatabase>`. |
/// | `on_unknown_version = skip` | Goes on without events that a newer program wrote; by default (`stop`) it waits for one. |
/// | `partitions = 4` | Divides the keys among so many workers, 1 to 1024; 1 by default. |
/// | `key = path` | A `fn(&RecordedEvent) -> Key<'_>`: events of one key are handled in order. By default the stream. |
/// | `crate = "::path"` | Where to find es-projections, when it has another name. |
///
/// An event that is listed without its `Project` does not compile, nor does a `Project` for an event
/// that is not listed.
#[proc_macro_derive(Projection, attributes(projection))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    expand::derive_projection(input.into()).into()
}

/// Makes a struct a consumer with effects outside of any database, at least once and in order.
///
/// Write a `React` for each listed event.
///
/// ```
/// use es_runtime::{Envelope, Event};
/// use es_projections::{HandlerError, React, Subscription, Delivery};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.shipped")]
/// struct OrderShipped {
///     email: String,
/// }
///
/// #[derive(Subscription)]
/// #[subscription("mailer", events(OrderShipped), from = now)]
/// struct Mailer;
///
/// impl React<OrderShipped> for Mailer {
///     async fn react(
///         &self,
///         shipped: &Envelope<OrderShipped>,
///         delivery: &Delivery,
///     ) -> Result<(), HandlerError> {
///         println!("{}: mail to {}", delivery.id(), shipped.event.email);
///         Ok(())
///     }
/// }
///
/// assert_eq!(Mailer::NAME, "mailer");
/// ```
///
/// The keys are those of [`Projection`](derive@Projection) without `schema`, and:
///
/// | In `#[subscription(..)]` | Meaning |
/// |---|---|
/// | `version = 2` | The version of its list of events, 1 by default. Raise it when the list changes: the subscription goes on from its position with the new list, and programs with the older version stop. |
/// | `from = now` | Begins with the first event after its first start; by default (`start`) with the first of the store. |
#[proc_macro_derive(Subscription, attributes(subscription))]
pub fn derive_subscription(input: TokenStream) -> TokenStream {
    expand::derive_subscription(input.into()).into()
}

/// Makes an aggregate a process manager: what it reacts to, and the dispatch onto its `ReactTo`.
///
/// Derive `Aggregate` too: name, id, own events and their versions are those of the aggregate. Its
/// `error` is never used; write `std::convert::Infallible`.
///
/// ```
/// use es_runtime::{Aggregate, Apply, Envelope, Event};
/// use es_sagas::{ProcessManager, ReactTo, Reactions};
/// use serde::{Deserialize, Serialize};
/// use std::convert::Infallible;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     customer: u64,
/// }
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("loyalty.counted")]
/// struct Counted {}
///
/// #[derive(Aggregate, ProcessManager, Default)]
/// #[aggregate("loyalty", id = u64, error = Infallible, events(Counted))]
/// #[process_manager(reacts(OrderPlaced))]
/// struct Loyalty {
///     orders: u32,
/// }
///
/// impl Apply<Counted> for Loyalty {
///     fn apply(&mut self, _: &Counted) {
///         self.orders += 1;
///     }
/// }
///
/// impl ReactTo<OrderPlaced> for Loyalty {
///     fn correlate(placed: &Envelope<OrderPlaced>) -> Option<u64> {
///         Some(placed.event.customer)
///     }
///
///     fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
///         Reactions::none().event(Counted {})
///     }
/// }
///
/// assert_eq!(Loyalty::NAME, "loyalty");
/// ```
///
/// | In `#[process_manager(..)]` | Meaning |
/// |---|---|
/// | `reacts(A, x::B)` | The events that it reacts to, each once: single events or whole sets. Required. |
/// | `reacts(Order::{A, B})` | Events of the aggregate `Order` as it reads them: also out of names that it retired by `alias` and `split`. An event with such names cannot be listed alone. |
/// | `timers` | It sets timers; write `OnTimer`. |
/// | `rejections` | It handles the rejection of a command by an aggregate; write `OnRejected`. Without it the instance is parked. |
/// | `crate = "::path"` | Where to find es-sagas, when it has another name. |
///
/// An event that is listed without its `ReactTo` does not compile, nor does a `ReactTo` for an event
/// that is not listed. The same holds for `timers` and `rejections`.
#[proc_macro_derive(ProcessManager, attributes(process_manager))]
pub fn derive_process_manager(input: TokenStream) -> TokenStream {
    expand::derive_process_manager(input.into()).into()
}

/// Makes an `impl` block a saga: its methods are the steps, in their order, and their ways back.
///
/// The type of the block is what one saga is about; it derives serde's traits. Outputs of steps are
/// asked for by name: a parameter `reserve: &Reservation` is what the step `reserve` gave, checked by
/// the compiler. Like any argument it coerces: `charge: &str` takes a `String`, and `&[T]` a `Vec<T>`.
///
/// Other parameters are recognised by their type and may be patterns: the dependencies, also by another path
/// or as what an `Arc` of `deps` points to, and `&StepCx`. A method with `#[cfg(..)]` is part of the saga under
/// that condition; write the attributes of this table themselves, not in a `cfg_attr`.
///
/// Lints of clippy about a signature that is prescribed here, such as `&String`, `&u32` or an `async fn` that
/// awaits nothing, are allowed on the methods that have one of these attributes.
///
/// ```
/// use es_runtime::{Envelope, Event};
/// use es_sagas::{Effect, Fail, Saga, Start, StepCx, saga};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     cents: u64,
/// }
///
/// struct Services; // clients of the payment provider and of the warehouse
///
/// #[derive(Serialize, Deserialize)]
/// struct FulfilOrder {
///     cents: u64,
/// }
///
/// #[saga("fulfil-order", version = 1, deps = Services, deadline = "2h")]
/// impl FulfilOrder {
///     #[start]
///     fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
///         let cents = placed.event.cents;
///         Some(Start::new(placed.stream.id(), Self { cents }))
///     }
///
///     #[step(undo = refund, timeout = "20s", retry(attempts = 8, first = "200ms"))]
///     async fn charge(&self, _services: &Services, cx: &StepCx) -> Result<String, Fail> {
///         Ok(format!("{} cents under {}", self.cents, cx.key()))
///     }
///
///     #[undo]
///     async fn refund(&self, _services: &Services, did: Effect<&String>) -> Result<(), Fail> {
///         println!("refund {}: {:?}", did.key(), did.known());
///         Ok(())
///     }
///
///     #[step(pivot)]
///     async fn ship(&self, charge: &str) -> Result<u32, Fail> {
///         println!("paid by {charge}");
///         Ok(7)
///     }
/// }
///
/// assert!(FulfilOrder::definition().check().is_ok());
/// ```
///
/// | In `#[saga(..)]` | Meaning |
/// |---|---|
/// | `"fulfil-order"` | The stored name. Required. It never changes. |
/// | `version = 2` | The version of the definition, 1 by default. |
/// | `deps = Services` | What steps receive in addition; `()` by default. |
/// | `deadline = "2h"` | How long the whole may take. None by default. |
/// | `timeout = "20s"` | How long a call may take, 30 s by default. |
/// | `retry(attempts = 8, first = "200ms", factor = 2, max = "30s", interruptions = 10)` | How steps are retried. 5 attempts by default; `interruptions` is how often a process may die in the call, 10 by default. |
/// | `undo_retry(..)` | How undos are retried. 50 attempts by default. |
/// | `on_undo_exhausted = continue` | Undoes the others before it parks; by default (`park`) it parks at once. |
/// | `frozen` | Starts nothing any more, only finishes what it began. |
/// | `crate = "::path"` | Where to find es-sagas, when it has another name. |
///
/// | On a method | Meaning |
/// |---|---|
/// | `#[start]` | `fn(&Envelope<E>) -> Option<Start<Self>>`: the event `E` begins a saga. Any number. |
/// | `#[cancel]` | `fn(&Envelope<E>) -> Option<String>`: the event `E` cancels the saga of this id. Any number. |
/// | `#[start(aggregate = Order)]`, also of `#[cancel]` | The event as the aggregate `Order` reads it: also out of names that it retired by `alias` and `split`. Required where it has such names. |
/// | `#[step(undo = f)]` | `async fn(&self, ..) -> Result<T, Fail>`: a step that calls another system. `no_undo` or `pivot` instead of `undo`; after the pivot none of them. Also `timeout`, `retry(..)`, and `reconcile = g` for an `async fn g(&self, &Deps, &StepCx) -> Result<Option<T>, Fail>`. |
/// | `#[command(undo = f)]` | `fn(&self, ..) -> AggregateCommand`, or a `Result<AggregateCommand, Fail>`: a command to an aggregate of the same store. |
/// | `#[undo]` | `async fn(&self, .., did: Effect<&T>) -> Result<(), Fail>`, or without `async` one that returns an `AggregateCommand`. Also `timeout`, `retry(..)`. |
/// | `#[completed]`, `#[compensated]` | `fn(&self, ..) -> AggregateCommand`, or a `Result<AggregateCommand, Fail>`: the command at the end. The second may ask for `why: &Failure`. |
#[proc_macro_attribute]
pub fn saga(args: TokenStream, input: TokenStream) -> TokenStream {
    expand::attribute_saga(&args.into(), input.into()).into()
}
