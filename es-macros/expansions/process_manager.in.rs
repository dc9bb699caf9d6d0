#[process_manager(reacts(OrderPlaced, payment::Received), timers, refusals)]
pub struct Fulfilment {
    paid: bool,
}
