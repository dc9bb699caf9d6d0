//! `shop credit ..`: the shop gives store credit to a customer, and a customer sends some to another one. Both
//! customers are in one commit.

use crate::{
    db::{Place, Shop},
    domain::{
        Cents, CustomerId,
        customer::{Customer, CustomerError, GiveCredit, ReceiveCredit, SendCredit},
    },
};
use clap::Subcommand;
use es_decisions::{Decide, Decision, Decisions, Emitted};
use es_runtime::{AppendId, Handle, Repository};
use std::{error::Error, io::Write};

/// What can be done with store credit.
#[derive(Subcommand)]
pub enum CreditCommand {
    /// Gives store credit to a customer.
    Give {
        /// The customer's id.
        customer: String,
        /// How many cents.
        cents: i64,
        #[command(flatten)]
        shop: Place,
    },
    /// Sends store credit from one customer to another.
    Send {
        /// Who sends it.
        from: String,
        /// Who gets it.
        to: String,
        /// How many cents.
        cents: i64,
        /// The id of the request: sent twice with one id it counts once.
        #[arg(long)]
        request: Option<String>,
        #[command(flatten)]
        shop: Place,
    },
}

/// One customer's store credit becomes another one's.
#[derive(Decision)]
#[decision("customer.send-credit", error = CustomerError)]
#[decision(reads(from: Customer(from), to: Customer(to)))]
pub struct MoveCredit {
    pub from: CustomerId,
    pub to: CustomerId,
    pub amount: Cents,
}

impl Decide for MoveCredit {
    fn decide(&self, read: &MoveCreditReads) -> Result<Emitted<Self>, CustomerError> {
        let sent = read.from.handle(SendCredit {
            to: self.to.clone(),
            amount: self.amount,
        })?;
        let received = read.to.handle(ReceiveCredit {
            from: self.from.clone(),
            amount: self.amount,
        })?;
        Ok(Emitted::new().on(&self.from, sent).on(&self.to, received))
    }
}

/// Does one of them and says what the customers have then.
pub async fn run(
    shop: &Shop,
    command: CreditCommand,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    match command {
        CreditCommand::Give {
            customer, cents, ..
        } => {
            let customers: Repository<Customer> = Repository::new(shop.store.clone());
            let amount = Cents(cents);
            let given = customers
                .execute(CustomerId(customer.clone()), GiveCredit { amount })
                .await?;
            writeln!(out, "{customer} has {}", given.state.store_credit())?;
        }
        CreditCommand::Send {
            from,
            to,
            cents,
            request,
            ..
        } => {
            let decisions = Decisions::new(shop.store.clone());
            let mut sent = decisions.execute(MoveCredit {
                from: CustomerId(from.clone()),
                to: CustomerId(to.clone()),
                amount: Cents(cents),
            });
            if let Some(request) = request {
                sent = sent
                    .append_id(AppendId::new(request)?)
                    .request(format!("{from} {to} {cents}"));
            }
            let sent = sent.await?;
            if sent.repeated {
                writeln!(out, "this was sent before")?;
            }
            let has = [(from, &sent.reads.from), (to, &sent.reads.to)];
            for (customer, read) in has {
                writeln!(out, "{customer} has {}", read.store_credit())?;
            }
        }
    }
    Ok(())
}

impl CreditCommand {
    /// The shop's place.
    pub const fn place(&self) -> &Place {
        match self {
            Self::Give { shop, .. } | Self::Send { shop, .. } => shop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::CustomerEvent;
    use es_runtime::events;
    use es_testkit::decision::DecisionTest;
    use jiff::civil::date;

    #[test]
    fn what_one_customer_sends_the_other_one_gets() {
        let (ann, bob) = (CustomerId("ann".into()), CustomerId("bob".into()));
        let registered = || CustomerEvent::Registered {
            on: date(1997, 1, 1),
        };
        let given = CustomerEvent::CreditGiven { cents: Cents(500) };
        let send = |cents| MoveCredit {
            from: ann.clone(),
            to: bob.clone(),
            amount: Cents(cents),
        };
        let gone = CustomerEvent::CreditSent {
            to: bob.clone(),
            cents: Cents(400),
        };
        let arrived = CustomerEvent::CreditReceived {
            from: ann.clone(),
            cents: Cents(400),
        };
        let _ = DecisionTest::new()
            .given::<Customer>(&ann, events![registered(), given])
            .when(send(400))
            .then_rejected(CustomerError::NotRegistered)
            .given::<Customer>(&bob, registered())
            .when(send(400))
            .then::<Customer>(&ann, gone)
            .then::<Customer>(&bob, arrived)
            .then_nothing_else()
            .when(send(400))
            .then_rejected(CustomerError::NotEnoughCredit { has: Cents(100) });
    }
}
