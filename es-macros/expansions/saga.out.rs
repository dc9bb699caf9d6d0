impl Fulfil {
    #[allow(
        clippy::borrowed_box,
        clippy::needless_pass_by_value,
        clippy::ptr_arg,
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    /// An order was placed.
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        Some(Start::new(placed.stream.id(), Self {}))
    }
    #[allow(
        clippy::borrowed_box,
        clippy::needless_pass_by_value,
        clippy::ptr_arg,
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn charge(&self, services: &Services, cx: &StepCx) -> Result<Charge, Fail> {
        services.charge(cx.key()).await
    }
    #[allow(
        clippy::borrowed_box,
        clippy::needless_pass_by_value,
        clippy::ptr_arg,
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn refund(
        &self,
        services: &Services,
        did: Effect<&Charge>,
    ) -> Result<(), Fail> {
        services.refund(did.key()).await
    }
    #[allow(
        clippy::borrowed_box,
        clippy::needless_pass_by_value,
        clippy::ptr_arg,
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn pay(&self, charge: &Charge) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&charge.order, Pay)
    }
    #[allow(
        clippy::borrowed_box,
        clippy::needless_pass_by_value,
        clippy::ptr_arg,
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn give_up(&self, why: &Failure) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&self.order, Cancel(why.message.clone()))
    }
    const LIMIT: u32 = 3;
}
const _: fn() = <::es_sagas::__private::Methods>::data::<Fulfil>;
#[automatically_derived]
#[allow(clippy::all, clippy::pedantic, clippy::nursery)]
impl ::es_sagas::Saga for Fulfil
where
    for<'__es> Fulfil: ::es_sagas::SagaData,
{
    const NAME: &'static ::core::primitive::str = "fulfil";
    const VERSION: ::core::primitive::u32 = 2;
    type Deps = Services;
    fn definition() -> ::es_sagas::Definition<Self> {
        let mut saga = ::es_sagas::Definition::new();
        saga.deadline(::core::time::Duration::from_millis(7200000));
        const _: fn() = || {
            #[allow(unused_imports)]
            use ::es_sagas::__private::{HasNone as _, HasOtherNames as _};
            (&::es_sagas::__private::PhantomData::<OrderPlaced>).listed_alone();
        };
        saga.starts_on(<Fulfil>::placed);
        let output_of_charge = <::es_sagas::__private::Methods>::undo(
            <::es_sagas::__private::Methods>::step(
                    &mut saga,
                    "charge",
                    move |cx: ::es_sagas::Cx<Self>| <::es_sagas::__private::Methods>::sent(async move {
                        ::core::result::Result::Ok(
                            <Fulfil>::charge(cx.saga(), cx.deps(), cx.call()).await,
                        )
                    }),
                )
                .timeout(::core::time::Duration::from_millis(20000))
                .undo_timeout(::core::time::Duration::from_millis(5000))
                .retry(
                    ::es_sagas::StepRetry::times(8)
                        .first(::core::time::Duration::from_millis(200)),
                ),
            move |cx: ::es_sagas::Cx<Self>, did| <::es_sagas::__private::Methods>::sent(async move {
                ::core::result::Result::Ok(
                    <Fulfil>::refund(cx.saga(), cx.deps(), did.as_ref()).await,
                )
            }),
        );
        let _ = output_of_charge;
        let output_of_pay = <::es_sagas::__private::Methods>::command(
                &mut saga,
                "pay",
                move |cx: &::es_sagas::Cx<Self>| {
                    let value_of_charge = cx.output(output_of_charge)?;
                    ::core::result::Result::Ok(
                        <Fulfil>::pay(cx.saga(), &value_of_charge),
                    )
                },
            )
            .needs(output_of_charge)
            .pivot();
        let _ = output_of_pay;
        <::es_sagas::__private::Methods>::on_compensated(
            &mut saga,
            move |cx: &::es_sagas::Cx<Self>, why: &::es_sagas::Failure| {
                ::core::result::Result::Ok(<Fulfil>::give_up(cx.saga(), why))
            },
        );
        saga
    }
}
