use es_projections::Projection;

#[derive(Projection)]
#[projection("orders", events(Order::{}), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders;

fn main() {}
