#[process_manager(
    reacts(OrderPlaced, payment::Received),
    sends(Order::{ShipOrder, CancelOrder}, payment::Payment::{Refund}),
    timers,
    rejections
)]
pub struct Fulfilment {
    paid: bool,
}
