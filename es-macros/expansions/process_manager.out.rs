#[automatically_derived]
impl ::es_sagas::ProcessManager for Fulfilment {
    fn inputs() -> ::es_sagas::Inputs<Self> {
        let inputs = ::es_sagas::Inputs::new();
        let before = inputs;
        let inputs = before.on::<OrderPlaced>();
        let before = inputs;
        let inputs = before.on::<payment::Received>();
        let before = inputs;
        let inputs = before.sends::<Order, ShipOrder>();
        let before = inputs;
        let inputs = before.sends::<Order, CancelOrder>();
        let before = inputs;
        let inputs = before.sends::<payment::Payment, Refund>();
        let before = inputs;
        let inputs = before.timers();
        let before = inputs;
        let inputs = before.rejections();
        inputs
    }
}
#[automatically_derived]
impl ::es_sagas::ReactsTo<OrderPlaced> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::ReactsTo<payment::Received> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::SendsTo<Order, ShipOrder> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::SendsTo<Order, CancelOrder> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::SendsTo<payment::Payment, Refund> for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::HasTimers for Fulfilment {}
#[automatically_derived]
impl ::es_sagas::HasRejections for Fulfilment {}
const _: () = {
    use ::es_sagas::__private::assert_apart;
    const LISTED: &[::es_sagas::__private::Listed] = &[
        (
            <OrderPlaced as ::es_sagas::__private::EventSet>::TYPES,
            <OrderPlaced as ::es_sagas::__private::EventSet>::RETIRED_NAMES,
        ),
        (
            <payment::Received as ::es_sagas::__private::EventSet>::TYPES,
            <payment::Received as ::es_sagas::__private::EventSet>::RETIRED_NAMES,
        ),
    ];
    const ENTRIES: &[&::core::primitive::str] = &["OrderPlaced", "payment::Received"];
    const TEXTS: [&::core::primitive::str; 4] = [
        "`",
        "` and `",
        "` in the `reacts(..)` of `Fulfilment` both read the stored name `",
        "`, so one of them would get nothing\nhelp: give the newer event another name in its `#[event(..)]`; if one entry has the event of the other, keep one of them",
    ];
    const _: () = assert_apart(LISTED, ENTRIES, TEXTS, 1usize);
};
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_sagas::__private::{HasNone as _, HasOtherNames as _};
    (&::es_sagas::__private::PhantomData::<OrderPlaced>).listed_alone();
};
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_sagas::__private::{HasNone as _, HasOtherNames as _};
    (&::es_sagas::__private::PhantomData::<payment::Received>).listed_alone();
};
