#[process_manager(reacts(OrderPlaced, payment::Received), timers, rejections)]
pub struct Fulfilment {
    paid: bool,
}
