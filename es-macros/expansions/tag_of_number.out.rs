#[automatically_derived]
impl ::es_runtime::Tag for Seat {
    const KIND: &'static ::core::primitive::str = "seat";
    fn value(&self) -> ::es_runtime::__private::Cow<'_, ::core::primitive::str> {
        ::es_runtime::__private::Cow::Owned(
            <u32 as ::std::string::ToString>::to_string(&self.number),
        )
    }
}
