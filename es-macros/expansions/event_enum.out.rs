#[automatically_derived]
impl ::es_runtime::EventSet for AccountEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        ::es_runtime::EventType {
            name: "account.opened",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "account.closed",
            version: 2u16,
        },
    ];
    fn event_type(&self) -> ::es_runtime::EventType {
        match self {
            AccountEvent::Opened { .. } => {
                ::es_runtime::EventType {
                    name: "account.opened",
                    version: 1u16,
                }
            }
            AccountEvent::Closed { .. } => {
                ::es_runtime::EventType {
                    name: "account.closed",
                    version: 2u16,
                }
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
        <AccountEvent as ::es_runtime::__private::Payload>::to_fields(self, codec)
    }
    fn decode(
        name: &::core::primitive::str,
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<::es_runtime::Decoded<Self>, ::es_runtime::DecodeError> {
        match name {
            "account.opened" => {
                <AccountEvent as ::es_runtime::__private::Payload>::from_fields(
                    0u32,
                    "account.opened",
                    1u16,
                    stored,
                )
            }
            "account.closed" => {
                match stored.schema_version {
                    1 => {
                        ::es_runtime::__private::older::<AccountEventClosedV1>(stored)
                            .map(
                                <AccountEvent as ::core::convert::From<
                                    AccountEventClosedV1,
                                >>::from,
                            )
                            .map(::es_runtime::Decoded::One)
                    }
                    _ => {
                        <AccountEvent as ::es_runtime::__private::Payload>::from_fields(
                            1u32,
                            "account.closed",
                            2u16,
                            stored,
                        )
                    }
                }
            }
            _ => {
                ::core::result::Result::Err(
                    ::es_runtime::DecodeError::unknown_event(name, stored),
                )
            }
        }
    }
}
///Version 1 of [`AccountEvent::Closed`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
struct AccountEventClosedV1 {
    ///Removed in version 2.
    why: String,
}
#[automatically_derived]
impl<'__es> ::es_runtime::__private::Deserialize<'__es> for AccountEventClosedV1 {
    fn deserialize<__EsD: ::es_runtime::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es_runtime::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es_runtime::__private::Fields for AccountEventClosedV1 {
    const NAME: &'static ::core::primitive::str = "AccountEventClosedV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &["why"];
    fn read<'__es, __EsS: ::es_runtime::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                _ => source.value(&mut field_0),
            }
        }
        ::core::option::Option::Some(Self { why: field_0? })
    }
}
impl ::es_runtime::__private::Version for AccountEventClosedV1 {
    const EVENT: &'static ::core::primitive::str = "account.closed";
    const NUMBER: ::core::primitive::u16 = 1u16;
}
#[automatically_derived]
impl ::core::convert::From<AccountEventClosedV1> for AccountEvent {
    fn from(_: AccountEventClosedV1) -> Self {
        Self::Closed {}
    }
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for AccountEvent
where
    for<'__es> String: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "account.opened",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "owner",
                            node: <String as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
            ],
        },
        ::es_runtime::schema::EventShape {
            name: "account.closed",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "why",
                            node: <String as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
                ::es_runtime::schema::Node::Struct(&[]),
            ],
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
