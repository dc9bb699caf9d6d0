#[automatically_derived]
impl ::es::Event for OrderPlaced {
    const NAME: &'static ::core::primitive::str = "order.placed";
    const VERSION: ::core::primitive::u16 = 3u16;
    fn to_payload(
        &self,
        codec: ::es::Codec,
    ) -> ::core::result::Result<::es::__private::Bytes, ::es::CodecError> {
        <OrderPlaced as ::es::__private::Payload>::to_payload(self, codec)
    }
    fn from_payload(
        stored: ::es::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es::DecodeError> {
        match stored.schema_version {
            1..=2u16 => {
                ::es::__private::older::<OrderPlacedV2>(stored)
                    .map(<OrderPlaced as ::core::convert::From<OrderPlacedV2>>::from)
                    .map(::core::convert::identity)
            }
            _ => {
                <OrderPlaced as ::es::__private::Payload>::from_payload(
                    "order.placed",
                    3u16,
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
    /// Who.
    pub customer: String,
    ///Removed in version 3.
    coupon: Option<String>,
    pub total: f64,
    pub no: u32,
}
#[automatically_derived]
impl<'__es> ::es::__private::Deserialize<'__es> for OrderPlacedV1 {
    fn deserialize<__EsD: ::es::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es::__private::Fields for OrderPlacedV1 {
    const NAME: &'static ::core::primitive::str = "OrderPlacedV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &[
        "customer",
        "coupon",
        "total",
        "no",
    ];
    fn read<'__es, __EsS: ::es::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<Option<String>> = ::core::option::Option::None;
        let mut field_2: ::core::option::Option<f64> = ::core::option::Option::None;
        let mut field_3: ::core::option::Option<u32> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                1 => source.value(&mut field_1),
                2 => source.value(&mut field_2),
                _ => source.value(&mut field_3),
            }
        }
        ::core::option::Option::Some(Self {
            customer: field_0?,
            coupon: field_1?,
            total: field_2?,
            no: field_3?,
        })
    }
}
impl ::es::__private::Version for OrderPlacedV1 {
    const EVENT: &'static ::core::primitive::str = "order.placed";
    const NUMBER: ::core::primitive::u16 = 1u16;
}
#[automatically_derived]
impl ::core::convert::From<OrderPlacedV1> for OrderPlacedV2 {
    fn from(old: OrderPlacedV1) -> Self {
        Self {
            customer: old.customer,
            coupon: old.coupon,
            currency: ::core::convert::Into::into("USD"),
            total: old.total,
            no: <u32 as ::es::__private::Becomes<u64>>::next(old.no),
        }
    }
}
///Version 2 of [`OrderPlaced`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
pub struct OrderPlacedV2 {
    /// Who.
    pub customer: String,
    ///Removed in version 3.
    coupon: Option<String>,
    pub currency: Currency,
    pub total: f64,
    pub no: u64,
}
#[automatically_derived]
impl<'__es> ::es::__private::Deserialize<'__es> for OrderPlacedV2 {
    fn deserialize<__EsD: ::es::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es::__private::Fields for OrderPlacedV2 {
    const NAME: &'static ::core::primitive::str = "OrderPlacedV2";
    const FIELDS: &'static [&'static ::core::primitive::str] = &[
        "customer",
        "coupon",
        "currency",
        "total",
        "no",
    ];
    fn read<'__es, __EsS: ::es::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        struct __EsWith4(u64);
        impl<'__es> ::es::__private::Deserialize<'__es> for __EsWith4 {
            fn deserialize<__EsD: ::es::__private::Deserializer<'__es>>(
                from: __EsD,
            ) -> ::core::result::Result<Self, __EsD::Error> {
                as_text::deserialize(from).map(__EsWith4)
            }
        }
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<Option<String>> = ::core::option::Option::None;
        let mut field_2: ::core::option::Option<Currency> = ::core::option::Option::None;
        let mut field_3: ::core::option::Option<f64> = ::core::option::Option::None;
        let mut field_4: ::core::option::Option<__EsWith4> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                1 => source.value(&mut field_1),
                2 => source.value(&mut field_2),
                3 => source.value(&mut field_3),
                _ => source.value_with(&mut field_4),
            }
        }
        ::core::option::Option::Some(Self {
            customer: field_0?,
            coupon: field_1?,
            currency: field_2?,
            total: field_3?,
            no: field_4?.0,
        })
    }
}
impl ::es::__private::Version for OrderPlacedV2 {
    const EVENT: &'static ::core::primitive::str = "order.placed";
    const NUMBER: ::core::primitive::u16 = 2u16;
    fn from_older(
        stored: ::es::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es::DecodeError> {
        ::es::__private::older::<OrderPlacedV1>(stored)
            .map(<Self as ::core::convert::From<OrderPlacedV1>>::from)
    }
}
#[automatically_derived]
impl ::core::convert::From<OrderPlacedV2> for OrderPlaced {
    fn from(old: OrderPlacedV2) -> Self {
        Self {
            customer: old.customer,
            currency: old.currency,
            total_cents: {
                let with: fn(f64) -> i64 = cents_from_dollars;
                with(old.total)
            },
            number: old.no,
        }
    }
}
#[automatically_derived]
impl ::es::schema::EventShapes for OrderPlaced
where
    for<'__es> String: ::es::schema::Shape,
    for<'__es> Option<String>: ::es::schema::Shape,
    for<'__es> f64: ::es::schema::Shape,
    for<'__es> u32: ::es::schema::Shape,
    for<'__es> Currency: ::es::schema::Shape,
    for<'__es> i64: ::es::schema::Shape,
{
    const SHAPES: &'static [::es::schema::Node] = &[
        ::es::schema::Node::Struct(
            &[
                ::es::schema::Member {
                    name: "customer",
                    node: <String as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "coupon",
                    node: <Option<String> as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "total",
                    node: <f64 as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "no",
                    node: <u32 as ::es::schema::Shape>::SHAPE,
                },
            ],
        ),
        ::es::schema::Node::Struct(
            &[
                ::es::schema::Member {
                    name: "customer",
                    node: <String as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "coupon",
                    node: <Option<String> as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "currency",
                    node: <Currency as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "total",
                    node: <f64 as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "no",
                    node: ::es::schema::Node::Scalar("with(as_text)"),
                },
            ],
        ),
        ::es::schema::Node::Struct(
            &[
                ::es::schema::Member {
                    name: "customer",
                    node: <String as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "currency",
                    node: <Currency as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "total_cents",
                    node: <i64 as ::es::schema::Shape>::SHAPE,
                },
                ::es::schema::Member {
                    name: "number",
                    node: ::es::schema::Node::Scalar("with(as_text)"),
                },
            ],
        ),
    ];
}
#[automatically_derived]
impl ::es::schema::SetShapes for OrderPlaced
where
    for<'__es> String: ::es::schema::Shape,
    for<'__es> Option<String>: ::es::schema::Shape,
    for<'__es> f64: ::es::schema::Shape,
    for<'__es> u32: ::es::schema::Shape,
    for<'__es> Currency: ::es::schema::Shape,
    for<'__es> i64: ::es::schema::Shape,
{
    const EVENTS: &'static [::es::schema::EventShape] = &[
        ::es::schema::EventShape {
            name: "order.placed",
            shapes: <Self as ::es::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es::schema::Retired] = &[];
}
