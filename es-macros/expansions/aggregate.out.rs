#[automatically_derived]
impl ::es_runtime::__private::ListsEvent<OrderPlaced> for Order {}
#[automatically_derived]
impl ::es_runtime::__private::ListsEvent<shipping::Shipped> for Order {}
#[automatically_derived]
impl ::es_runtime::__private::ListsEvent<ReceiptSent> for Order {}
#[automatically_derived]
impl ::es_runtime::__private::ListsEvent<OrderEvent> for Order {}
///Every event of [`Order`]: what can stand in its stream.
pub enum OrderEvent {
    ///The event [`OrderPlaced`](type@OrderPlaced).
    OrderPlaced(OrderPlaced),
    ///The event [`Shipped`](type@shipping::Shipped).
    ShippedOut(shipping::Shipped),
    ///The event [`ReceiptSent`](type@ReceiptSent).
    ReceiptSent(ReceiptSent),
}
#[automatically_derived]
impl ::core::clone::Clone for OrderEvent
where
    for<'__es> OrderPlaced: ::core::clone::Clone,
    for<'__es> shipping::Shipped: ::core::clone::Clone,
    for<'__es> ReceiptSent: ::core::clone::Clone,
{
    fn clone(&self) -> Self {
        match self {
            OrderEvent::OrderPlaced(event) => {
                OrderEvent::OrderPlaced(::core::clone::Clone::clone(event))
            }
            OrderEvent::ShippedOut(event) => {
                OrderEvent::ShippedOut(::core::clone::Clone::clone(event))
            }
            OrderEvent::ReceiptSent(event) => {
                OrderEvent::ReceiptSent(::core::clone::Clone::clone(event))
            }
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for OrderEvent
where
    for<'__es> OrderPlaced: ::core::fmt::Debug,
    for<'__es> shipping::Shipped: ::core::fmt::Debug,
    for<'__es> ReceiptSent: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
            OrderEvent::OrderPlaced(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "OrderPlaced")
                    .field(event)
                    .finish()
            }
            OrderEvent::ShippedOut(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "ShippedOut")
                    .field(event)
                    .finish()
            }
            OrderEvent::ReceiptSent(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "ReceiptSent")
                    .field(event)
                    .finish()
            }
        }
    }
}
#[automatically_derived]
impl ::core::cmp::PartialEq for OrderEvent
where
    for<'__es> OrderPlaced: ::core::cmp::PartialEq,
    for<'__es> shipping::Shipped: ::core::cmp::PartialEq,
    for<'__es> ReceiptSent: ::core::cmp::PartialEq,
{
    fn eq(&self, other: &Self) -> ::core::primitive::bool {
        match (self, other) {
            (OrderEvent::OrderPlaced(one), OrderEvent::OrderPlaced(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
            (OrderEvent::ShippedOut(one), OrderEvent::ShippedOut(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
            (OrderEvent::ReceiptSent(one), OrderEvent::ReceiptSent(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
            _ => false,
        }
    }
}
#[automatically_derived]
impl ::core::cmp::Eq for OrderEvent
where
    for<'__es> OrderPlaced: ::core::cmp::Eq,
    for<'__es> shipping::Shipped: ::core::cmp::Eq,
    for<'__es> ReceiptSent: ::core::cmp::Eq,
{}
#[automatically_derived]
impl ::core::convert::From<OrderPlaced> for OrderEvent {
    fn from(value: OrderPlaced) -> Self {
        OrderEvent::OrderPlaced(value)
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<OrderEvent> for OrderPlaced {
    type Error = OrderEvent;
    fn try_from(value: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        match value {
            OrderEvent::OrderPlaced(value) => ::core::result::Result::Ok(value),
            other => ::core::result::Result::Err(other),
        }
    }
}
#[automatically_derived]
impl ::core::convert::From<shipping::Shipped> for OrderEvent {
    fn from(value: shipping::Shipped) -> Self {
        OrderEvent::ShippedOut(value)
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<OrderEvent> for shipping::Shipped {
    type Error = OrderEvent;
    fn try_from(value: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        match value {
            OrderEvent::ShippedOut(value) => ::core::result::Result::Ok(value),
            other => ::core::result::Result::Err(other),
        }
    }
}
#[automatically_derived]
impl ::core::convert::From<ReceiptSent> for OrderEvent {
    fn from(value: ReceiptSent) -> Self {
        OrderEvent::ReceiptSent(value)
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<OrderEvent> for ReceiptSent {
    type Error = OrderEvent;
    fn try_from(value: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        match value {
            OrderEvent::ReceiptSent(value) => ::core::result::Result::Ok(value),
            other => ::core::result::Result::Err(other),
        }
    }
}
#[automatically_derived]
impl ::es_runtime::EventSet for OrderEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE,
        <shipping::Shipped as ::es_runtime::__private::ListedEvent>::TYPE,
        <ReceiptSent as ::es_runtime::__private::ListedEvent>::TYPE,
    ];
    const UNIQUE_RULES: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[
        <OrderPlaced as ::es_runtime::__private::ListedEvent>::UNIQUE_RULES,
        <shipping::Shipped as ::es_runtime::__private::ListedEvent>::UNIQUE_RULES,
        <ReceiptSent as ::es_runtime::__private::ListedEvent>::UNIQUE_RULES,
    ];
    const TAG_KINDS: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[
        <OrderPlaced as ::es_runtime::__private::ListedEvent>::TAG_KINDS,
        <shipping::Shipped as ::es_runtime::__private::ListedEvent>::TAG_KINDS,
        <ReceiptSent as ::es_runtime::__private::ListedEvent>::TAG_KINDS,
    ];
    fn event_type(&self) -> ::es_runtime::EventType {
        match self {
            OrderEvent::OrderPlaced(_) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE
            }
            OrderEvent::ShippedOut(_) => {
                <shipping::Shipped as ::es_runtime::__private::ListedEvent>::TYPE
            }
            OrderEvent::ReceiptSent(_) => {
                <ReceiptSent as ::es_runtime::__private::ListedEvent>::TYPE
            }
        }
    }
    fn encode(
        &self,
        codec: ::es_runtime::Codec,
    ) -> ::core::result::Result<
        ::es_runtime::__private::Bytes,
        ::es_runtime::CodecError,
    > {
        match self {
            OrderEvent::OrderPlaced(event) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::encode(
                    event,
                    codec,
                )
            }
            OrderEvent::ShippedOut(event) => {
                <shipping::Shipped as ::es_runtime::__private::ListedEvent>::encode(
                    event,
                    codec,
                )
            }
            OrderEvent::ReceiptSent(event) => {
                <ReceiptSent as ::es_runtime::__private::ListedEvent>::encode(
                    event,
                    codec,
                )
            }
        }
    }
    fn decode(
        name: &::core::primitive::str,
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<::es_runtime::Decoded<Self>, ::es_runtime::DecodeError> {
        if name == <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE.name {
            return <OrderPlaced as ::es_runtime::__private::ListedEvent>::decode(
                stored,
                OrderEvent::OrderPlaced,
            );
        }
        if name == <shipping::Shipped as ::es_runtime::__private::ListedEvent>::TYPE.name
        {
            return <shipping::Shipped as ::es_runtime::__private::ListedEvent>::decode(
                stored,
                OrderEvent::ShippedOut,
            );
        }
        if name == <ReceiptSent as ::es_runtime::__private::ListedEvent>::TYPE.name {
            return <ReceiptSent as ::es_runtime::__private::ListedEvent>::decode(
                stored,
                OrderEvent::ReceiptSent,
            );
        }
        ::core::result::Result::Err(
            ::es_runtime::DecodeError::unknown_event(name, stored),
        )
    }
    fn unique(&self) -> ::std::vec::Vec<::es_runtime::UniqueChange> {
        match self {
            OrderEvent::OrderPlaced(event) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::unique(event)
            }
            OrderEvent::ShippedOut(event) => {
                <shipping::Shipped as ::es_runtime::__private::ListedEvent>::unique(
                    event,
                )
            }
            OrderEvent::ReceiptSent(event) => {
                <ReceiptSent as ::es_runtime::__private::ListedEvent>::unique(event)
            }
        }
    }
    fn tags(&self) -> ::std::vec::Vec<::es_runtime::EventTag> {
        match self {
            OrderEvent::OrderPlaced(event) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::tags(event)
            }
            OrderEvent::ShippedOut(event) => {
                <shipping::Shipped as ::es_runtime::__private::ListedEvent>::tags(event)
            }
            OrderEvent::ReceiptSent(event) => {
                <ReceiptSent as ::es_runtime::__private::ListedEvent>::tags(event)
            }
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for OrderEvent
where
    for<'__es> OrderPlaced: ::es_runtime::schema::EventShapes,
    for<'__es> shipping::Shipped: ::es_runtime::schema::EventShapes,
    for<'__es> ReceiptSent: ::es_runtime::schema::EventShapes,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE.name,
            shapes: <OrderPlaced as ::es_runtime::schema::EventShapes>::SHAPES,
        },
        ::es_runtime::schema::EventShape {
            name: <shipping::Shipped as ::es_runtime::__private::ListedEvent>::TYPE.name,
            shapes: <shipping::Shipped as ::es_runtime::schema::EventShapes>::SHAPES,
        },
        ::es_runtime::schema::EventShape {
            name: <ReceiptSent as ::es_runtime::__private::ListedEvent>::TYPE.name,
            shapes: <ReceiptSent as ::es_runtime::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
const _: () = {
    use ::es_runtime::__private::assert_first_of_name;
    const TYPES: &[::es_runtime::EventType] = <OrderEvent as ::es_runtime::EventSet>::TYPES;
    const PATHS: &[&::core::primitive::str] = &[
        "OrderPlaced",
        "shipping::Shipped",
        "ReceiptSent",
    ];
    const TEXTS: [&::core::primitive::str; 4] = [
        "two events of `Order` are stored as `",
        "`: `",
        "` and `",
        "`\nhelp: give the newer one another name in its `#[event(..)]`; if they are one event, list it once",
    ];
    const HASHES: [::core::primitive::u64; 3usize] = ::es_runtime::__private::hashes(
        TYPES,
    );
    const _: () = assert_first_of_name(TYPES, &HASHES, PATHS, TEXTS, 1usize);
    const _: () = assert_first_of_name(TYPES, &HASHES, PATHS, TEXTS, 2usize);
};
#[automatically_derived]
impl ::es_runtime::Apply<OrderEvent> for Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced(event) => {
                <Order as ::es_runtime::Apply<OrderPlaced>>::apply(self, event)
            }
            OrderEvent::ShippedOut(event) => {
                <Order as ::es_runtime::Apply<shipping::Shipped>>::apply(self, event)
            }
            OrderEvent::ReceiptSent(_) => {}
        }
    }
}
#[automatically_derived]
impl ::es_runtime::Apply<ReceiptSent> for Order {
    fn apply(&mut self, _: &ReceiptSent) {}
}
#[automatically_derived]
impl ::es_runtime::EventOf<Order> for OrderPlaced {
    type Event = OrderEvent;
    fn into_event(self) -> OrderEvent {
        OrderEvent::OrderPlaced(self)
    }
    fn from_event(event: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        ::core::convert::TryFrom::try_from(event)
    }
}
#[automatically_derived]
impl ::es_runtime::EventOf<Order> for shipping::Shipped {
    type Event = OrderEvent;
    fn into_event(self) -> OrderEvent {
        OrderEvent::ShippedOut(self)
    }
    fn from_event(event: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        ::core::convert::TryFrom::try_from(event)
    }
}
#[automatically_derived]
impl ::es_runtime::EventOf<Order> for ReceiptSent {
    type Event = OrderEvent;
    fn into_event(self) -> OrderEvent {
        OrderEvent::ReceiptSent(self)
    }
    fn from_event(event: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        ::core::convert::TryFrom::try_from(event)
    }
}
///Every command of [`Order`], for code that handles them alike.
pub enum OrderCommand {
    ///The command [`PlaceOrder`](type@PlaceOrder).
    PlaceOrder(PlaceOrder),
    ///The command [`ShipOrder`](type@ShipOrder).
    ShipOrder(ShipOrder),
}
#[automatically_derived]
impl ::core::clone::Clone for OrderCommand
where
    for<'__es> PlaceOrder: ::core::clone::Clone,
    for<'__es> ShipOrder: ::core::clone::Clone,
{
    fn clone(&self) -> Self {
        match self {
            OrderCommand::PlaceOrder(event) => {
                OrderCommand::PlaceOrder(::core::clone::Clone::clone(event))
            }
            OrderCommand::ShipOrder(event) => {
                OrderCommand::ShipOrder(::core::clone::Clone::clone(event))
            }
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for OrderCommand
where
    for<'__es> PlaceOrder: ::core::fmt::Debug,
    for<'__es> ShipOrder: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
            OrderCommand::PlaceOrder(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "PlaceOrder")
                    .field(event)
                    .finish()
            }
            OrderCommand::ShipOrder(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "ShipOrder").field(event).finish()
            }
        }
    }
}
#[automatically_derived]
impl ::core::cmp::PartialEq for OrderCommand
where
    for<'__es> PlaceOrder: ::core::cmp::PartialEq,
    for<'__es> ShipOrder: ::core::cmp::PartialEq,
{
    fn eq(&self, other: &Self) -> ::core::primitive::bool {
        match (self, other) {
            (OrderCommand::PlaceOrder(one), OrderCommand::PlaceOrder(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
            (OrderCommand::ShipOrder(one), OrderCommand::ShipOrder(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
            _ => false,
        }
    }
}
#[automatically_derived]
impl ::core::cmp::Eq for OrderCommand
where
    for<'__es> PlaceOrder: ::core::cmp::Eq,
    for<'__es> ShipOrder: ::core::cmp::Eq,
{}
#[automatically_derived]
impl ::core::convert::From<PlaceOrder> for OrderCommand {
    fn from(value: PlaceOrder) -> Self {
        OrderCommand::PlaceOrder(value)
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<OrderCommand> for PlaceOrder {
    type Error = OrderCommand;
    fn try_from(value: OrderCommand) -> ::core::result::Result<Self, OrderCommand> {
        match value {
            OrderCommand::PlaceOrder(value) => ::core::result::Result::Ok(value),
            other => ::core::result::Result::Err(other),
        }
    }
}
#[automatically_derived]
impl ::core::convert::From<ShipOrder> for OrderCommand {
    fn from(value: ShipOrder) -> Self {
        OrderCommand::ShipOrder(value)
    }
}
#[automatically_derived]
impl ::core::convert::TryFrom<OrderCommand> for ShipOrder {
    type Error = OrderCommand;
    fn try_from(value: OrderCommand) -> ::core::result::Result<Self, OrderCommand> {
        match value {
            OrderCommand::ShipOrder(value) => ::core::result::Result::Ok(value),
            other => ::core::result::Result::Err(other),
        }
    }
}
#[automatically_derived]
impl ::es_runtime::Handle<OrderCommand> for Order {
    fn handle(
        &self,
        command: OrderCommand,
    ) -> ::core::result::Result<
        ::es_runtime::Events<Self>,
        <Self as ::es_runtime::Aggregate>::Error,
    > {
        match command {
            OrderCommand::PlaceOrder(command) => {
                <PlaceOrder as ::es_runtime::__private::HandledBy<
                    Order,
                >>::handled_by(command, self)
            }
            OrderCommand::ShipOrder(command) => {
                <ShipOrder as ::es_runtime::__private::HandledBy<
                    Order,
                >>::handled_by(command, self)
            }
        }
    }
}
#[automatically_derived]
impl ::es_runtime::EventOf<Order> for OrderEvent {
    type Event = OrderEvent;
    fn into_event(self) -> OrderEvent {
        self
    }
    fn from_event(event: OrderEvent) -> ::core::result::Result<Self, OrderEvent> {
        ::core::result::Result::Ok(event)
    }
}
#[automatically_derived]
impl ::es_runtime::Aggregate for Order {
    const NAME: &'static ::core::primitive::str = "order";
    const CODEC: ::es_runtime::Codec = ::es_runtime::Codec::Json;
    const SNAPSHOTS: ::core::option::Option<::es_runtime::SnapshotPolicy<Self>> = ::core::option::Option::Some(
        <Order as ::es_runtime::__private::SnapshotEvery<100>>::POLICY,
    );
    type Id = OrderId;
    type Event = OrderEvent;
    type Error = OrderError;
    fn initial() -> Self {
        <Self as ::core::default::Default>::default()
    }
    fn apply_event(&mut self, event: &OrderEvent) {
        <Order as ::es_runtime::Apply<OrderEvent>>::apply(self, event)
    }
    fn commands() -> ::std::vec::Vec<&'static ::core::primitive::str> {
        ::std::vec![
            ::es_runtime::__private::name_of:: < PlaceOrder > (),
            ::es_runtime::__private::name_of:: < ShipOrder > (),
        ]
    }
}
