#[automatically_derived]
impl ::es_projections::Subscription for Mailer {
    const NAME: &'static ::core::primitive::str = "mailer";
    const VERSION: ::core::primitive::u32 = 1;
    const FROM_THE_BEGINNING: ::core::primitive::bool = false;
    fn filter() -> ::es_projections::__private::EventFilter {
        ::es_projections::__private::filter(
            &[
                (
                    <OrderShipped as ::es_projections::__private::EventSet>::TYPES,
                    <OrderShipped as ::es_projections::__private::EventSet>::RETIRED_NAMES,
                ),
            ],
        )
    }
}
#[automatically_derived]
impl ::es_projections::Lists<OrderShipped> for Mailer {}
#[automatically_derived]
impl ::es_projections::Deliver for Mailer {
    async fn deliver(
        &self,
        event: &::es_projections::__private::RecordedEvent,
        delivery: &::es_projections::Delivery,
    ) -> ::core::result::Result<(), ::es_projections::HandlerError> {
        let recorded = event;
        if ::es_projections::__private::knows(
            (
                <OrderShipped as ::es_projections::__private::EventSet>::TYPES,
                <OrderShipped as ::es_projections::__private::EventSet>::RETIRED_NAMES,
            ),
            &recorded.name,
        ) {
            for event in recorded.decode::<OrderShipped>()? {
                <Mailer as ::es_projections::React<
                    OrderShipped,
                >>::react(self, &event, delivery)
                    .await?;
            }
            return ::core::result::Result::Ok(());
        }
        let _ = delivery;
        ::core::result::Result::Ok(())
    }
}
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_projections::__private::{HasNone as _, HasOtherNames as _};
    (&::es_projections::__private::PhantomData::<OrderShipped>).listed_alone();
};
