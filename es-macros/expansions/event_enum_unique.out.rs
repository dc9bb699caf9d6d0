#[automatically_derived]
impl ::es_runtime::EventSet for CustomerEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        ::es_runtime::EventType {
            name: "customer.registered",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "customer.named",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "customer.closed",
            version: 1u16,
        },
    ];
    const UNIQUE_RULES: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[
        ("customer.registered", &["customer.email"]),
        ("customer.closed", &["customer.email"]),
    ];
    fn event_type(&self) -> ::es_runtime::EventType {
        match self {
            CustomerEvent::Registered { .. } => {
                ::es_runtime::EventType {
                    name: "customer.registered",
                    version: 1u16,
                }
            }
            CustomerEvent::Named { .. } => {
                ::es_runtime::EventType {
                    name: "customer.named",
                    version: 1u16,
                }
            }
            CustomerEvent::Closed { .. } => {
                ::es_runtime::EventType {
                    name: "customer.closed",
                    version: 1u16,
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
        <CustomerEvent as ::es_runtime::__private::Payload>::to_fields(self, codec)
    }
    fn decode(
        name: &::core::primitive::str,
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<::es_runtime::Decoded<Self>, ::es_runtime::DecodeError> {
        match name {
            "customer.registered" => {
                <CustomerEvent as ::es_runtime::__private::Payload>::from_fields(
                    0u32,
                    "customer.registered",
                    1u16,
                    stored,
                )
            }
            "customer.named" => {
                <CustomerEvent as ::es_runtime::__private::Payload>::from_fields(
                    1u32,
                    "customer.named",
                    1u16,
                    stored,
                )
            }
            "customer.closed" => {
                <CustomerEvent as ::es_runtime::__private::Payload>::from_fields(
                    2u32,
                    "customer.closed",
                    1u16,
                    stored,
                )
            }
            _ => {
                ::core::result::Result::Err(
                    ::es_runtime::DecodeError::unknown_event(name, stored),
                )
            }
        }
    }
    fn unique(&self) -> ::std::vec::Vec<::es_runtime::UniqueChange> {
        match self {
            CustomerEvent::Registered { email: value_0, .. } => {
                ::std::vec![
                    { let text : ::es_runtime::__private::String = < String as
                    ::std::string::ToString > ::to_string(value_0);
                    ::es_runtime::UniqueChange::claim("customer.email", text) }
                ]
            }
            CustomerEvent::Closed { .. } => {
                ::std::vec![::es_runtime::UniqueChange::release("customer.email")]
            }
            _ => ::std::vec::Vec::new(),
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for CustomerEvent
where
    for<'__es> String: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "customer.registered",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "email",
                            node: <String as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
            ],
        },
        ::es_runtime::schema::EventShape {
            name: "customer.named",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "name",
                            node: <String as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
            ],
        },
        ::es_runtime::schema::EventShape {
            name: "customer.closed",
            shapes: &[::es_runtime::schema::Node::Struct(&[])],
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
