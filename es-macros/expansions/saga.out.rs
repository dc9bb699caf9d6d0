impl Fulfil {
    /// An order was placed.
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        Some(Start::new(placed.stream.id(), Self {}))
    }
    async fn charge(&self, services: &Services, cx: &StepCx) -> Result<Charge, Fail> {
        services.charge(cx.key()).await
    }
    async fn refund(
        &self,
        services: &Services,
        did: Effect<&Charge>,
    ) -> Result<(), Fail> {
        services.refund(did.key()).await
    }
    fn pay(&self, charge: &Charge) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&charge.order, Pay)
    }
    fn give_up(&self, why: &Failure) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&self.order, Cancel(why.message.clone()))
    }
    const LIMIT: u32 = 3;
}
#[automatically_derived]
impl ::es_sagas::Saga for Fulfil {
    const NAME: &'static ::core::primitive::str = "fulfil";
    const VERSION: ::core::primitive::u32 = 2;
    type Deps = Services;
    fn definition() -> ::es_sagas::Definition<Self> {
        let mut __es_saga = ::es_sagas::Definition::new();
        __es_saga.deadline(::core::time::Duration::from_millis(7200000));
        __es_saga.starts_on(<Fulfil>::placed);
        let __es_charge = __es_saga
            .step(
                "charge",
                move |cx: ::es_sagas::Cx<Self>| async move {
                    <Fulfil>::charge(cx.saga(), cx.deps(), cx.call()).await
                },
            )
            .timeout(::core::time::Duration::from_millis(20000))
            .undo_timeout(::core::time::Duration::from_millis(5000))
            .retry(
                ::es_sagas::StepRetry::times(8)
                    .first(::core::time::Duration::from_millis(200)),
            )
            .undo(move |cx: ::es_sagas::Cx<Self>, did| async move {
                <Fulfil>::refund(cx.saga(), cx.deps(), did.as_ref()).await
            });
        let __es_pay = __es_saga
            .command(
                "pay",
                move |cx: &::es_sagas::Cx<Self>| {
                    let __es_value_charge: Charge = cx.output(__es_charge)?;
                    ::es_sagas::__private::IntoCommand::into_command(
                        <Fulfil>::pay(cx.saga(), &__es_value_charge),
                    )
                },
            )
            .needs(__es_charge)
            .pivot();
        __es_saga
            .on_compensated(move |cx: &::es_sagas::Cx<Self>, why: &::es_sagas::Failure| {
                ::es_sagas::__private::IntoCommand::into_command(
                    <Fulfil>::give_up(cx.saga(), why),
                )
            });
        let _ = (__es_charge, __es_pay);
        __es_saga
    }
}
