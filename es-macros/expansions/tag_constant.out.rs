#[automatically_derived]
impl ::es_runtime::Tag for Invoices {
    const KIND: &'static ::core::primitive::str = "invoices";
    fn value(&self) -> ::es_runtime::__private::Cow<'_, ::core::primitive::str> {
        ::es_runtime::__private::Cow::Borrowed("all")
    }
}
#[automatically_derived]
impl ::es_runtime::__private::ConstantTag for Invoices {
    const VALUE: Self = Invoices;
}
