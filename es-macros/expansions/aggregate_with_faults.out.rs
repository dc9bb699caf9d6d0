#[automatically_derived]
impl<__EsE> ::es_runtime::__private::ListsEvent<__EsE> for Order {}
///Every event of [`Order`]: what can stand in its stream.
enum OrderEvent {
    ///The event [`OrderPlaced`](type@OrderPlaced).
    OrderPlaced(OrderPlaced),
}
#[automatically_derived]
impl ::core::clone::Clone for OrderEvent
where
    for<'__es> OrderPlaced: ::core::clone::Clone,
{
    fn clone(&self) -> Self {
        match self {
            OrderEvent::OrderPlaced(event) => {
                OrderEvent::OrderPlaced(::core::clone::Clone::clone(event))
            }
        }
    }
}
#[automatically_derived]
impl ::core::fmt::Debug for OrderEvent
where
    for<'__es> OrderPlaced: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
            OrderEvent::OrderPlaced(event) => {
                ::core::fmt::Formatter::debug_tuple(f, "OrderPlaced")
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
{
    fn eq(&self, other: &Self) -> ::core::primitive::bool {
        match (self, other) {
            (OrderEvent::OrderPlaced(one), OrderEvent::OrderPlaced(two)) => {
                ::core::cmp::PartialEq::eq(one, two)
            }
        }
    }
}
#[automatically_derived]
impl ::core::cmp::Eq for OrderEvent
where
    for<'__es> OrderPlaced: ::core::cmp::Eq,
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
        }
    }
}
#[automatically_derived]
impl ::es_runtime::EventSet for OrderEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE,
    ];
    const UNIQUE_RULES: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[<OrderPlaced as ::es_runtime::__private::ListedEvent>::UNIQUE_RULES];
    const TAG_KINDS: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[<OrderPlaced as ::es_runtime::__private::ListedEvent>::TAG_KINDS];
    fn event_type(&self) -> ::es_runtime::EventType {
        match self {
            OrderEvent::OrderPlaced(_) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE
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
        ::core::result::Result::Err(
            ::es_runtime::DecodeError::unknown_event(name, stored),
        )
    }
    fn unique(&self) -> ::std::vec::Vec<::es_runtime::UniqueChange> {
        match self {
            OrderEvent::OrderPlaced(event) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::unique(event)
            }
        }
    }
    fn tags(&self) -> ::std::vec::Vec<::es_runtime::EventTag> {
        match self {
            OrderEvent::OrderPlaced(event) => {
                <OrderPlaced as ::es_runtime::__private::ListedEvent>::tags(event)
            }
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for OrderEvent
where
    for<'__es> OrderPlaced: ::es_runtime::schema::EventShapes,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: <OrderPlaced as ::es_runtime::__private::ListedEvent>::TYPE.name,
            shapes: <OrderPlaced as ::es_runtime::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
#[automatically_derived]
impl ::es_runtime::Apply<OrderEvent> for Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced(event) => {
                <Order as ::es_runtime::Apply<OrderPlaced>>::apply(self, event)
            }
        }
    }
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
    type Id = ::es_runtime::__private::String;
    type Event = OrderEvent;
    type Error = OrderError;
    fn initial() -> Self {
        <Self as ::core::default::Default>::default()
    }
    fn apply_event(&mut self, event: &OrderEvent) {
        <Order as ::es_runtime::Apply<OrderEvent>>::apply(self, event)
    }
}
::core::compile_error! {
    "unknown key `eror` in `#[aggregate(..)]`\nhelp: a key with a similar name exists: `error`"
}
::core::compile_error! {
    "aggregate `Order` has no id type\nhelp: add `id = OrderId` to `#[aggregate(..)]`; any type with `Display` and `FromStr` will do, such as `String`"
}
::core::compile_error! {
    "`OrderPlaced` is already in this list\nhelp: remove it here"
}
