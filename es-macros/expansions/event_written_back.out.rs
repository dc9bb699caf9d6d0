#[automatically_derived]
impl ::es_runtime::Event for OrderPlaced {
    const NAME: &'static ::core::primitive::str = "order.placed";
    const VERSION: ::core::primitive::u16 = 2u16;
    const WRITES: ::core::primitive::u16 = 1u16;
    fn to_payload(
        &self,
        codec: ::es_runtime::Codec,
    ) -> ::core::result::Result<
        ::es_runtime::__private::Bytes,
        ::es_runtime::CodecError,
    > {
        match self {
            OrderPlaced { customer: field_0, cents: field_1, .. } => {
                struct __EsBack<'__es> {
                    field_0: &'__es String,
                    field_1: &'__es i64,
                }
                impl ::es_runtime::__private::Serialize for __EsBack<'_> {
                    fn serialize<__EsS: ::es_runtime::__private::Serializer>(
                        &self,
                        to: __EsS,
                    ) -> ::core::result::Result<__EsS::Ok, __EsS::Error> {
                        let mut fields = to.serialize_struct("OrderPlacedV1", 3usize)?;
                        ::es_runtime::__private::SerializeStruct::serialize_field(
                            &mut fields,
                            "client",
                            self.field_0,
                        )?;
                        ::es_runtime::__private::SerializeStruct::serialize_field(
                            &mut fields,
                            "cents",
                            &{
                                let back: fn(&i64) -> f64 = |value_of_to_dollars| to_dollars(
                                    value_of_to_dollars,
                                );
                                back(self.field_1)
                            },
                        )?;
                        ::es_runtime::__private::SerializeStruct::serialize_field(
                            &mut fields,
                            "channel",
                            &{
                                let text: String = ::core::convert::Into::into("web");
                                text
                            },
                        )?;
                        ::es_runtime::__private::SerializeStruct::end(fields)
                    }
                }
                ::es_runtime::__private::encode(&__EsBack { field_0, field_1 }, codec)
            }
        }
    }
    fn from_payload(
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es_runtime::DecodeError> {
        match stored.schema_version {
            1 => {
                ::es_runtime::__private::older::<OrderPlacedV1>(stored)
                    .map(<OrderPlaced as ::core::convert::From<OrderPlacedV1>>::from)
                    .map(::core::convert::identity)
            }
            _ => {
                <OrderPlaced as ::es_runtime::__private::Payload>::from_payload(
                    "order.placed",
                    2u16,
                    stored,
                )
            }
        }
    }
}
///Version 1 of [`OrderPlaced`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
pub struct OrderPlacedV1 {
    client: String,
    cents: f64,
    ///Removed in version 2.
    channel: String,
}
#[automatically_derived]
impl<'__es> ::es_runtime::__private::Deserialize<'__es> for OrderPlacedV1 {
    fn deserialize<__EsD: ::es_runtime::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es_runtime::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es_runtime::__private::Fields for OrderPlacedV1 {
    const NAME: &'static ::core::primitive::str = "OrderPlacedV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &[
        "client",
        "cents",
        "channel",
    ];
    fn read<'__es, __EsS: ::es_runtime::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<f64> = ::core::option::Option::None;
        let mut field_2: ::core::option::Option<String> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                1 => source.value(&mut field_1),
                _ => source.value(&mut field_2),
            }
        }
        ::core::option::Option::Some(Self {
            client: field_0?,
            cents: field_1?,
            channel: field_2?,
        })
    }
}
impl ::es_runtime::__private::Version for OrderPlacedV1 {
    const EVENT: &'static ::core::primitive::str = "order.placed";
    const NUMBER: ::core::primitive::u16 = 1u16;
}
#[automatically_derived]
impl ::core::convert::From<OrderPlacedV1> for OrderPlaced {
    fn from(old: OrderPlacedV1) -> Self {
        Self {
            customer: old.client,
            cents: {
                let with: fn(f64) -> i64 = to_cents;
                with(old.cents)
            },
            currency: ::core::convert::Into::into("USD"),
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::EventShapes for OrderPlaced
where
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> f64: ::es_runtime::schema::Shape,
    for<'__es> i64: ::es_runtime::schema::Shape,
{
    const SHAPES: &'static [::es_runtime::schema::Node] = &[
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "client",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "cents",
                    node: <f64 as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "channel",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "customer",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "cents",
                    node: <i64 as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "currency",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
    ];
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for OrderPlaced
where
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> f64: ::es_runtime::schema::Shape,
    for<'__es> i64: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "order.placed",
            shapes: <Self as ::es_runtime::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
