#[automatically_derived]
impl ::es_runtime::saga::ProcessManager for Fulfilment {
    fn inputs() -> ::es_runtime::saga::Inputs<Self> {
        let inputs = ::es_runtime::saga::Inputs::new();
        let inputs = inputs.on::<OrderPlaced>();
        let inputs = inputs.on::<payment::Received>();
        let inputs = inputs.timers();
        let inputs = inputs.rejections();
        inputs
    }
}
#[automatically_derived]
impl ::es_runtime::saga::ReactsTo<OrderPlaced> for Fulfilment {}
#[automatically_derived]
impl ::es_runtime::saga::ReactsTo<payment::Received> for Fulfilment {}
#[automatically_derived]
impl ::es_runtime::saga::HasTimers for Fulfilment {}
#[automatically_derived]
impl ::es_runtime::saga::HasRejections for Fulfilment {}
const _: () = ::core::assert!(
    ::es_runtime::__private::are_apart(& [::es_runtime::__private::names_of:: <
    OrderPlaced > (), ::es_runtime::__private::names_of:: < payment::Received > (),]),
    "two entries of the `reacts(..)` of `Fulfilment` know the same stored event; keep one",
);
