#[automatically_derived]
impl ::es_runtime::projection::Subscription for Mailer {
    const NAME: &'static ::core::primitive::str = "mailer";
    const FROM_THE_BEGINNING: ::core::primitive::bool = false;
    fn filter() -> ::es_runtime::EventFilter {
        ::es_runtime::__private::filter(
            &[::es_runtime::__private::names_of::<OrderShipped>()],
        )
    }
}
#[automatically_derived]
impl ::es_runtime::projection::Lists<OrderShipped> for Mailer {}
#[automatically_derived]
impl ::es_runtime::projection::Deliver for Mailer {
    async fn deliver(
        &self,
        event: &::es_runtime::RecordedEvent,
        delivery: &::es_runtime::projection::Delivery,
    ) -> ::core::result::Result<(), ::es_runtime::HandlerError> {
        if ::es_runtime::__private::knows::<OrderShipped>(&event.name) {
            for event in event.decode::<OrderShipped>()? {
                <Mailer as ::es_runtime::projection::React<
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
const _: () = ::core::assert!(
    ::es_runtime::__private::are_apart(& [::es_runtime::__private::names_of:: <
    OrderShipped > (),]),
    "two entries of the `events(..)` of `Mailer` know the same stored event; keep one",
);
