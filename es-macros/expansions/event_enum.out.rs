#[automatically_derived]
impl ::es_runtime::EventSet for AccountEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        ::es_runtime::EventType {
            name: "account.opened",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "account.closed",
            version: 1u16,
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
                <AccountEvent as ::es_runtime::__private::Payload>::from_fields(
                    1u32,
                    "account.closed",
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
}
