#[automatically_derived]
impl ::es_projections::Projection for OrderSummaries {
    const NAME: &'static ::core::primitive::str = "order_summaries";
    const VERSION: ::core::primitive::u32 = 2;
    const ON_UNKNOWN_VERSION: ::es_projections::OnUnknownVersion = ::es_projections::OnUnknownVersion::Skip;
    const PARTITIONS: ::core::primitive::u32 = 4;
    fn filter() -> ::es_projections::__private::EventFilter {
        ::es_projections::__private::filter(
            &[
                (
                    <OrderPlaced as ::es_projections::__private::EventSet>::TYPES,
                    <OrderPlaced as ::es_projections::__private::EventSet>::RETIRED_NAMES,
                ),
                (
                    <shipping::OrderShipped as ::es_projections::__private::EventSet>::TYPES,
                    <shipping::OrderShipped as ::es_projections::__private::EventSet>::RETIRED_NAMES,
                ),
            ],
        )
    }
    fn key(
        event: &::es_projections::__private::RecordedEvent,
    ) -> ::es_projections::Key<'_> {
        customer_of(event)
    }
}
#[automatically_derived]
impl ::es_projections::Lists<OrderPlaced> for OrderSummaries {}
#[automatically_derived]
impl ::es_projections::Lists<shipping::OrderShipped> for OrderSummaries {}
#[automatically_derived]
impl ::es_projections::__private::TablesIn<SqliteReadDatabase> for OrderSummaries {}
#[automatically_derived]
impl ::es_projections::Dispatch<SqliteReadDatabase> for OrderSummaries {
    fn schema(
        _: ::es_projections::Dialect,
    ) -> ::es_projections::__private::Cow<'static, ::core::primitive::str> {
        ::core::convert::Into::into(include_str!("order_summaries.sql"))
    }
    async fn dispatch(
        &self,
        event: &::es_projections::__private::RecordedEvent,
        tx: &mut <SqliteReadDatabase as ::es_projections::ReadDatabase>::Transaction,
    ) -> ::core::result::Result<(), ::es_projections::HandlerError> {
        let recorded = event;
        if ::es_projections::__private::knows(
            (
                <OrderPlaced as ::es_projections::__private::EventSet>::TYPES,
                <OrderPlaced as ::es_projections::__private::EventSet>::RETIRED_NAMES,
            ),
            &recorded.name,
        ) {
            for event in recorded.decode::<OrderPlaced>()? {
                <OrderSummaries as ::es_projections::Project<
                    OrderPlaced,
                    SqliteReadDatabase,
                >>::project(self, &event, tx)
                    .await?;
            }
            return ::core::result::Result::Ok(());
        }
        if ::es_projections::__private::knows(
            (
                <shipping::OrderShipped as ::es_projections::__private::EventSet>::TYPES,
                <shipping::OrderShipped as ::es_projections::__private::EventSet>::RETIRED_NAMES,
            ),
            &recorded.name,
        ) {
            for event in recorded.decode::<shipping::OrderShipped>()? {
                <OrderSummaries as ::es_projections::Project<
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
    ::es_projections::__private::names_a_table(include_str!("order_summaries.sql")),
    "{}",
    "the text of `schema` names no table in braces, and only those are made anew for each version\nhelp: write `CREATE TABLE {orders} (..)` instead of `CREATE TABLE orders (..)`, and `{orders}` in the handlers",
);
const _: () = {
    use ::es_projections::__private::assert_apart;
    const LISTED: &[::es_projections::__private::Listed] = &[
        (
            <OrderPlaced as ::es_projections::__private::EventSet>::TYPES,
            <OrderPlaced as ::es_projections::__private::EventSet>::RETIRED_NAMES,
        ),
        (
            <shipping::OrderShipped as ::es_projections::__private::EventSet>::TYPES,
            <shipping::OrderShipped as ::es_projections::__private::EventSet>::RETIRED_NAMES,
        ),
    ];
    const ENTRIES: &[&::core::primitive::str] = &[
        "OrderPlaced",
        "shipping::OrderShipped",
    ];
    const TEXTS: [&::core::primitive::str; 4] = [
        "`",
        "` and `",
        "` in the `events(..)` of `OrderSummaries` both read the stored name `",
        "`, so one of them would get nothing\nhelp: give the newer event another name in its `#[event(..)]`; if one entry has the event of the other, keep one of them",
    ];
    const _: () = assert_apart(LISTED, ENTRIES, TEXTS, 1usize);
};
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_projections::__private::{HasNone as _, HasOtherNames as _};
    (&::es_projections::__private::PhantomData::<OrderPlaced>).listed_alone();
};
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_projections::__private::{HasNone as _, HasOtherNames as _};
    (&::es_projections::__private::PhantomData::<shipping::OrderShipped>).listed_alone();
};
