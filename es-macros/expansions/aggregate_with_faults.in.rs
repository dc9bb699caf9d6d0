#[aggregate("order", eror = OrderError, events(OrderPlaced, OrderPlaced))]
struct Order {}
