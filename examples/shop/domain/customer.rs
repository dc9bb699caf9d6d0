//! A customer: registered once, credited for each order, promoted when enough was bought.

use super::{Cents, CustomerId, OrderId};
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Recorder, Shape};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a customer must have spent to become a regular.
pub const REGULAR_FROM: Cents = Cents(50_000);

/// Everything that happens to a customer, in the form of one enum.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum CustomerEvent {
    /// Somebody became a customer.
    #[event("customer.registered")]
    Registered { on: Date },
    /// An order of the customer was shipped.
    #[event("customer.credited")]
    Credited { order: OrderId, cents: Cents },
    /// The customer has spent enough to be a regular.
    #[event("customer.promoted")]
    Promoted { spent_cents: Cents },
    /// The shop gave store credit.
    #[event("customer.credit_given")]
    CreditGiven { cents: Cents },
    /// The customer sent store credit to another one.
    #[event("customer.credit_sent")]
    CreditSent { to: CustomerId, cents: Cents },
    /// The customer got store credit from another one.
    #[event("customer.credit_received")]
    CreditReceived { from: CustomerId, cents: Cents },
    /// The customer has a new e-mail address, which no other customer has.
    #[event("customer.email_set")]
    EmailSet {
        #[unique("customer.email", form = same_address)]
        email: String,
    },
}

/// What two spellings of one address have in common.
fn same_address(email: &str) -> String {
    email.trim().to_lowercase()
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Register {
    pub on: Date,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Credit {
    pub order: OrderId,
    pub amount: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct GiveCredit {
    pub amount: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct SetEmail {
    pub email: String,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct SendCredit {
    pub to: CustomerId,
    pub amount: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct ReceiveCredit {
    pub from: CustomerId,
    pub amount: Cents,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    #[error("the customer has {has} of store credit")]
    NotEnoughCredit { has: Cents },
    #[error("an amount of store credit is more than nothing")]
    NoAmount,
    #[error("nobody can have that much")]
    TooMuch,
    #[error("an e-mail address has an @")]
    NoEmail,
    #[error("the customer is already registered")]
    AlreadyRegistered,
    #[error("there is no such customer")]
    NotRegistered,
}

/// A customer with what the rules need to know.
#[derive(Aggregate, Default, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate("customer", id = CustomerId, error = CustomerError)]
#[aggregate(events = CustomerEvent, commands(Register, Credit, GiveCredit, SendCredit, ReceiveCredit, SetEmail), snapshot(every = 50))]
pub struct Customer {
    registered: bool,
    regular: bool,
    spent: Cents,
    store_credit: Cents,
    email: Option<String>,
}

impl Customer {
    /// What the customer can spend or send.
    pub const fn store_credit(&self) -> Cents {
        self.store_credit
    }

    /// Store credit is for customers, and not for nothing.
    fn check_credit(&self, amount: Cents) -> Result<(), CustomerError> {
        if !self.registered {
            return Err(CustomerError::NotRegistered);
        }
        if amount <= Cents::ZERO {
            return Err(CustomerError::NoAmount);
        }
        Ok(())
    }

    /// The same of an amount that comes on top of what the customer has.
    fn check_more_credit(&self, amount: Cents) -> Result<(), CustomerError> {
        self.check_credit(amount)?;
        let sum = self.store_credit.checked_add(amount);
        sum.map(|_| ()).ok_or(CustomerError::TooMuch)
    }

    /// What all credited orders cost.
    pub const fn spent(&self) -> Cents {
        self.spent
    }
}

impl Apply<CustomerEvent> for Customer {
    fn apply(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { .. } => self.registered = true,
            CustomerEvent::Credited { cents, .. } => self.spent = self.spent + *cents,
            CustomerEvent::Promoted { .. } => self.regular = true,
            CustomerEvent::CreditGiven { cents } | CustomerEvent::CreditReceived { cents, .. } => {
                self.store_credit = self.store_credit + *cents;
            }
            CustomerEvent::CreditSent { cents, .. } => {
                self.store_credit = Cents(self.store_credit.0 - cents.0);
            }
            CustomerEvent::EmailSet { email } => self.email = Some(email.clone()),
        }
    }
}

impl Handle<Register> for Customer {
    fn handle(&self, command: Register) -> Result<Events<Self>, CustomerError> {
        if self.registered {
            return Err(CustomerError::AlreadyRegistered);
        }
        Ok(CustomerEvent::Registered { on: command.on }.into())
    }
}

impl Handle<Credit> for Customer {
    fn handle(&self, command: Credit) -> Result<Events<Self>, CustomerError> {
        if !self.registered {
            return Err(CustomerError::NotRegistered);
        }
        if self.spent.checked_add(command.amount).is_none() {
            return Err(CustomerError::TooMuch);
        }
        // Whether the customer is promoted depends on the state after the first event.
        let mut recorder = Recorder::of(self);
        recorder.record(CustomerEvent::Credited {
            order: command.order,
            cents: command.amount,
        });
        if recorder.spent >= REGULAR_FROM && !recorder.regular {
            recorder.record(CustomerEvent::Promoted {
                spent_cents: recorder.spent,
            });
        }
        Ok(recorder.into_events())
    }
}

impl Handle<GiveCredit> for Customer {
    fn handle(&self, command: GiveCredit) -> Result<Events<Self>, CustomerError> {
        self.check_more_credit(command.amount)?;
        let cents = command.amount;
        Ok(CustomerEvent::CreditGiven { cents }.into())
    }
}

impl Handle<SendCredit> for Customer {
    fn handle(&self, command: SendCredit) -> Result<Events<Self>, CustomerError> {
        self.check_credit(command.amount)?;
        if self.store_credit < command.amount {
            let has = self.store_credit;
            return Err(CustomerError::NotEnoughCredit { has });
        }
        let SendCredit { to, amount } = command;
        Ok(CustomerEvent::CreditSent { to, cents: amount }.into())
    }
}

impl Handle<ReceiveCredit> for Customer {
    fn handle(&self, command: ReceiveCredit) -> Result<Events<Self>, CustomerError> {
        self.check_more_credit(command.amount)?;
        let ReceiveCredit { from, amount } = command;
        Ok(CustomerEvent::CreditReceived {
            from,
            cents: amount,
        }
        .into())
    }
}

// That no other customer has the address is for the store: this customer knows nothing of them.
impl Handle<SetEmail> for Customer {
    fn handle(&self, SetEmail { email }: SetEmail) -> Result<Events<Self>, CustomerError> {
        if !self.registered {
            return Err(CustomerError::NotRegistered);
        }
        if !email.contains('@') {
            return Err(CustomerError::NoEmail);
        }
        if self.email.as_ref() == Some(&email) {
            return Ok(Events::none());
        }
        Ok(CustomerEvent::EmailSet { email }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::events;
    use es_testkit::{given, given_nothing};
    use jiff::civil::date;

    es_schema_lock::schema_lock!(Customer, "schema/customer.lock");
    es_testkit::laws!(
        Customer,
        commands(Register, Credit, GiveCredit, SendCredit, ReceiveCredit, SetEmail),
        values("email" => ["ada@example.com", "Ada@Example.com ", "ada"]),
        lock("schema/customer.lock"),
    );

    fn registered() -> CustomerEvent {
        CustomerEvent::Registered {
            on: date(1997, 1, 1),
        }
    }

    fn order() -> OrderId {
        OrderId("00004-19970101-2-2933".into())
    }

    fn credited(cents: i64) -> CustomerEvent {
        CustomerEvent::Credited {
            order: order(),
            cents: Cents(cents),
        }
    }

    fn credit(cents: i64) -> Credit {
        Credit {
            order: order(),
            amount: Cents(cents),
        }
    }

    #[test]
    fn a_customer_registers_once() {
        let register = Register {
            on: date(1997, 1, 1),
        };
        given_nothing::<Customer>()
            .when(register.clone())
            .then(registered())
            .when(register)
            .then_rejected(CustomerError::AlreadyRegistered);
    }

    #[test]
    fn only_customers_are_credited() {
        given_nothing::<Customer>()
            .when(credit(1))
            .then_rejected(CustomerError::NotRegistered);
    }

    #[test]
    fn store_credit_is_sent_by_who_has_it() {
        let credit = CustomerEvent::CreditGiven { cents: Cents(500) };
        let send = |cents| SendCredit {
            to: CustomerId("00018".into()),
            amount: Cents(cents),
        };
        given::<Customer>(events![registered(), credit])
            .when(send(501))
            .then_rejected(CustomerError::NotEnoughCredit { has: Cents(500) })
            .when(send(0))
            .then_rejected(CustomerError::NoAmount)
            .when(send(500))
            .then(CustomerEvent::CreditSent {
                to: CustomerId("00018".into()),
                cents: Cents(500),
            });
    }

    #[test]
    fn an_address_is_set_once() {
        let set = |email: &str| SetEmail {
            email: email.to_owned(),
        };
        let email = "ann@example.com".to_owned();
        given::<Customer>(registered())
            .when(set("ann"))
            .then_rejected(CustomerError::NoEmail)
            .when(set("ann@example.com"))
            .then(CustomerEvent::EmailSet { email })
            .when(set("ann@example.com"))
            .then_nothing();
    }

    #[test]
    fn the_credit_that_reaches_the_line_promotes_and_no_later_one() {
        given::<Customer>(events![registered(), credited(49_999)])
            .when(credit(1))
            .then(events![
                credited(1),
                CustomerEvent::Promoted {
                    spent_cents: Cents(50_000),
                },
            ])
            .when(credit(1))
            .then(credited(1));
    }
}
