#[aggregate("order", id = OrderId, error = OrderError)]
#[aggregate(events(OrderPlaced, shipping::Shipped as ShippedOut, ignore(ReceiptSent)))]
#[aggregate(commands(PlaceOrder, ShipOrder), snapshot(every = 100))]
pub struct Order {
    status: Status,
}
