//! What the shop stores, as files for those who read its events without its types: `examples/schema/catalogue`.

use crate::{
    domain::{customer::Customer, order::Order},
    read::{Customers, OrderSummaries, SalesByMonth},
    saga::{FulfilOrder, Settlement},
};
use es_schema_lock::Catalogue;

#[test]
fn the_catalogue_is_that_of_the_code() {
    let catalogue = Catalogue::new("shop")
        .aggregate::<Customer>()
        .aggregate::<Order>()
        .projection::<Customers>()
        .projection::<OrderSummaries>()
        .projection::<SalesByMonth>()
        .saga::<FulfilOrder>()
        .process_manager::<Settlement>();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/catalogue");
    if let Err(error) = catalogue.check(folder) {
        panic!("{error}");
    }
}
