#[automatically_derived]
impl ::es_runtime::projection::Projection for OrderSummaries {
    const NAME: &'static ::core::primitive::str = "order_summaries";
    const VERSION: ::core::primitive::u32 = 2;
    const ON_NEWER: ::es_runtime::projection::OnNewer = ::es_runtime::projection::OnNewer::Skip;
    const PARTITIONS: ::core::primitive::u32 = 4;
    fn filter() -> ::es_runtime::EventFilter {
        ::es_runtime::__private::filter(
            &[
                ::es_runtime::__private::names_of::<OrderPlaced>(),
                ::es_runtime::__private::names_of::<shipping::OrderShipped>(),
            ],
        )
    }
    fn key(event: &::es_runtime::RecordedEvent) -> ::es_runtime::projection::Key<'_> {
        customer_of(event)
    }
}
#[automatically_derived]
impl ::es_runtime::projection::Lists<OrderPlaced> for OrderSummaries {}
#[automatically_derived]
impl ::es_runtime::projection::Lists<shipping::OrderShipped> for OrderSummaries {}
#[automatically_derived]
impl ::es_runtime::projection::Dispatch<SqliteReadDatabase> for OrderSummaries {
    fn schema() -> ::es_runtime::__private::Cow<'static, ::core::primitive::str> {
        ::core::convert::Into::into(include_str!("order_summaries.sql"))
    }
    async fn dispatch(
        &self,
        event: &::es_runtime::RecordedEvent,
        tx: &mut <SqliteReadDatabase as ::es_runtime::ReadDatabase>::Transaction,
    ) -> ::core::result::Result<(), ::es_runtime::HandlerError> {
        if ::es_runtime::__private::knows::<OrderPlaced>(&event.name) {
            for event in event.decode::<OrderPlaced>()? {
                <OrderSummaries as ::es_runtime::projection::Project<
                    OrderPlaced,
                    SqliteReadDatabase,
                >>::project(self, &event, tx)
                    .await?;
            }
            return ::core::result::Result::Ok(());
        }
        if ::es_runtime::__private::knows::<shipping::OrderShipped>(&event.name) {
            for event in event.decode::<shipping::OrderShipped>()? {
                <OrderSummaries as ::es_runtime::projection::Project<
                    shipping::OrderShipped,
                    SqliteReadDatabase,
                >>::project(self, &event, tx)
                    .await?;
            }
            return ::core::result::Result::Ok(());
        }
        let _ = tx;
        ::core::result::Result::Ok(())
    }
}
const _: () = ::core::assert!(
    ::es_runtime::__private::are_apart(& [::es_runtime::__private::names_of:: <
    OrderPlaced > (), ::es_runtime::__private::names_of:: < shipping::OrderShipped >
    (),]),
    "two entries of the `events(..)` of `OrderSummaries` know the same stored event; keep one",
);
