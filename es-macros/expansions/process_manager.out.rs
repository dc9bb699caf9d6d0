#[automatically_derived]
impl ::es_sagas::ProcessManager for Fulfilment {
    fn inputs() -> ::es_sagas::Inputs<Self> {
        let inputs = ::es_sagas::Inputs::new();
        let inputs = inputs;
        let inputs = inputs.on::<OrderPlaced>();
        let inputs = inputs;
        let inputs = inputs.on::<payment::Received>();
        let inputs = inputs;
        let inputs = inputs.timers();
        let inputs = inputs;
        let inputs = inputs.rejections();
        inputs
    }
}
#[automatically_derived]
impl ::es_sagas::ReactsTo<OrderPlaced> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::ReactsTo<payment::Received> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::HasTimers for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::HasRejections for Fulfilment {}
const _: () = ::core::assert!(
    ::es_sagas::__private::are_apart(& [::es_sagas::__private::names_of:: < OrderPlaced >
    (), ::es_sagas::__private::names_of:: < payment::Received > (),]),
    "two entries of the `reacts(..)` of `Fulfilment` know the same stored event; keep one",
);
