#[automatically_derived]
impl ::es::Event for OrderPlaced {
    const NAME: &'static ::core::primitive::str = "order.placed";
    const VERSION: ::core::primitive::u16 = 2u16;
    fn to_payload(
        &self,
        codec: ::es::Codec,
    ) -> ::core::result::Result<::es::__private::Bytes, ::es::CodecError> {
        <OrderPlaced as ::es::__private::Payload>::to_payload(self, codec)
    }
    fn from_payload(
        stored: ::es::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es::DecodeError> {
        <OrderPlaced as ::es::__private::Payload>::from_payload(
            "order.placed",
            2u16,
            stored,
        )
    }
}
