impl Fulfil {
    /// An order was placed.
    #[start]
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        Some(Start::new(placed.stream.id(), Self {}))
    }

    #[step(undo = refund, timeout = "20s", retry(attempts = 8, first = "200ms"))]
    async fn charge(&self, services: &Services, cx: &StepCx) -> Result<Charge, Fail> {
        services.charge(cx.key()).await
    }

    #[undo(timeout = "5s")]
    async fn refund(&self, services: &Services, did: Effect<&Charge>) -> Result<(), Fail> {
        services.refund(did.key()).await
    }

    #[command(pivot)]
    fn pay(&self, charge: &Charge) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&charge.order, Pay)
    }

    #[compensated]
    fn give_up(&self, why: &Failure) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&self.order, Cancel(why.message.clone()))
    }

    const LIMIT: u32 = 3;
}
