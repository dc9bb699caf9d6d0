#[automatically_derived]
impl ::es_runtime::Tag for CourseId {
    const KIND: &'static ::core::primitive::str = "course";
    fn value(&self) -> ::es_runtime::__private::Cow<'_, ::core::primitive::str> {
        ::es_runtime::__private::Cow::Owned(
            <String as ::std::string::ToString>::to_string(&self.0),
        )
    }
}
