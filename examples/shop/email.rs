//! `shop email ..`: a customer's e-mail address, which no other customer has.

use crate::{
    db::Shop,
    domain::{
        CustomerId,
        customer::{Customer, SetEmail},
    },
};
use es_runtime::{AppendError, ExecuteError, Repository};
use std::{error::Error, io::Write};

/// Sets the address, or says which customer has it.
pub async fn set(
    shop: &Shop,
    customer: String,
    email: String,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let customers: Repository<Customer> = Repository::new(shop.store.clone());
    let id = CustomerId(customer.clone());
    match customers.execute(id, SetEmail { email }).await {
        Ok(_) => Ok(writeln!(out, "{customer} has the address")?),
        Err(ExecuteError::Append(AppendError::Taken { holder, .. })) => {
            Err(format!("customer {} has this address already", holder.id()).into())
        }
        Err(error) => Err(error.into()),
    }
}
