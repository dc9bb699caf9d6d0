//! Decisions over tags: courses, prices, invoices, confirmations and records that may exist once.

use es_decisions::{Decide, Decision, Emitted, Fold};
use es_runtime::{Apply, Event, Tag};
use es_testkit::decision::DecisionTest;
use es_tests::courses::{
    CapacityChanged, Change, CourseError, Define, course, defined, subscribe, subscribed,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, convert::Infallible};

fn define(id: &str, capacity: u32) -> Define {
    let course = course(id);
    Define { course, capacity }
}

fn change(id: &str, capacity: u32) -> Change {
    let course = course(id);
    Change { course, capacity }
}

fn changed(id: &str, capacity: u32) -> CapacityChanged {
    let course = course(id);
    CapacityChanged { course, capacity }
}

/// Courses, each with its capacity, and students in courses.
fn given(courses: &[(&str, u32)], students: &[(&str, &str)]) -> DecisionTest {
    let mut test = DecisionTest::new();
    for (id, capacity) in courses {
        test = test.given_event(defined(id, *capacity));
    }
    for (student, course) in students {
        test = test.given_event(subscribed(student, course));
    }
    test
}

#[test]
fn a_course_is_defined_once_and_changed() {
    let _ = given(&[("c1", 10)], &[])
        .when(define("c1", 15))
        .then_rejected(CourseError::Exists)
        .when(define("c2", 15))
        .then_event(defined("c2", 15))
        .then_nothing_else()
        .when(change("c0", 15))
        .then_rejected(CourseError::NoSuchCourse)
        .when(change("c1", 15))
        .then_event(changed("c1", 15))
        .then_nothing_else()
        .when(change("c1", 15))
        .then_rejected(CourseError::SameCapacity);
    let _ = given(&[("c1", 3)], &[("s1", "c1"), ("s2", "c1"), ("s3", "c1")])
        .when(change("c1", 2))
        .then_rejected(CourseError::TooManyStudents)
        .when(change("c1", 4))
        .then_event(changed("c1", 4))
        .then_nothing_else()
        .when(subscribe("s4", "c1"))
        .then_event(subscribed("s4", "c1"))
        .then_nothing_else();
}

#[test]
fn a_student_subscribes_to_a_course() {
    let _ = given(&[], &[])
        .when(subscribe("s1", "c0"))
        .then_rejected(CourseError::NoSuchCourse);
    let _ = given(&[("c1", 3)], &[("s1", "c1"), ("s2", "c1"), ("s3", "c1")])
        .when(subscribe("s4", "c1"))
        .then_rejected(CourseError::FullyBooked);
    let _ = given(&[("c1", 10)], &[("s1", "c1")])
        .when(subscribe("s1", "c1"))
        .then_rejected(CourseError::AlreadySubscribed);
    let five = [
        ("s1", "c1"),
        ("s1", "c2"),
        ("s1", "c3"),
        ("s1", "c4"),
        ("s1", "c5"),
    ];
    let _ = given(&[("c6", 10)], &five)
        .when(subscribe("s1", "c6"))
        .then_rejected(CourseError::TooManyCourses);
    let _ = given(&[("c1", 10)], &[])
        .when(subscribe("s1", "c1"))
        .then_event(subscribed("s1", "c1"))
        .then_nothing_else();
}

#[derive(Tag, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[tag("product")]
struct ProductId(String);

/// A price that holds from a minute on.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("product.priced")]
struct Priced {
    #[tag]
    product: ProductId,
    cents: u32,
    minute: u32,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("products.ordered")]
struct ProductsOrdered {
    #[tag]
    order: OrderId,
    #[tag]
    products: Vec<ProductId>,
}

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("order")]
struct OrderId(String);

/// The newest price, and those before it with the minute in which each ended.
#[derive(Fold, Clone, Default)]
#[fold("prices", by(ProductId), events(Priced))]
struct Prices {
    newest: Option<u32>,
    older: Vec<(u32, u32)>,
}

impl Apply<Priced> for Prices {
    fn apply(&mut self, event: &Priced) {
        if let Some(before) = self.newest.replace(event.cents) {
            self.older.push((before, event.minute));
        }
    }
}

impl Prices {
    /// A price that was shown holds for ten minutes more.
    fn accept(&self, cents: u32, now: u32) -> bool {
        let mut older = self.older.iter();
        self.newest == Some(cents)
            || older.any(|(price, ended)| *price == cents && ended + 10 > now)
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("another price than that of today")]
struct InvalidPrice;

/// An order of one product or two.
#[derive(Decision)]
#[decision("order", error = InvalidPrice, emits(blind(ProductsOrdered)),
    reads(first: Prices(first), second: Prices(second)))]
struct OrderProducts {
    first: ProductId,
    second: ProductId,
    shown: BTreeMap<ProductId, u32>,
    now: u32,
}

impl Decide for OrderProducts {
    fn decide(&self, read: &OrderProductsReads) -> Result<Emitted<Self>, InvalidPrice> {
        for (product, prices) in [(&self.first, &*read.first), (&self.second, &*read.second)] {
            let shown = self.shown.get(product).ok_or(InvalidPrice)?;
            if !prices.accept(*shown, self.now) {
                return Err(InvalidPrice);
            }
        }
        Ok(Emitted::new().event(ordered(self.shown.keys())))
    }
}

fn ordered<'a>(products: impl IntoIterator<Item = &'a ProductId>) -> ProductsOrdered {
    ProductsOrdered {
        order: OrderId("o1".into()),
        products: products.into_iter().cloned().collect(),
    }
}

fn product(id: &str) -> ProductId {
    ProductId(id.into())
}

/// Prices, each with the minutes since, at minute 60.
fn prices(all: &[(&str, u32, u32)]) -> DecisionTest {
    let mut test = DecisionTest::new();
    for (id, cents, ago) in all {
        let (product, cents) = (product(id), *cents);
        let minute = 60 - ago;
        test = test.given_event(Priced {
            product,
            cents,
            minute,
        });
    }
    test
}

/// The same product twice is the same boundary twice.
fn order(shown: &[(&str, u32)]) -> OrderProducts {
    let [first, .., last] = [shown[0], shown[shown.len() - 1]];
    OrderProducts {
        first: product(first.0),
        second: product(last.0),
        shown: shown
            .iter()
            .map(|(id, cents)| (product(id), *cents))
            .collect(),
        now: 60,
    }
}

#[test]
fn a_price_that_was_shown_holds_for_ten_minutes() {
    let p1 = || ordered(&[product("p1")]);
    for ago in [0, 20] {
        let _ = prices(&[("p1", 123, ago)])
            .when(order(&[("p1", 100)]))
            .then_rejected(InvalidPrice)
            .when(order(&[("p1", 123)]))
            .then_event(p1())
            .then_nothing_else();
    }
    let _ = prices(&[("p1", 123, 20), ("p1", 134, 20)])
        .when(order(&[("p1", 123)]))
        .then_rejected(InvalidPrice);
    let changed = [("p1", 123, 20), ("p1", 134, 9)];
    for shown in [123, 134] {
        let _ = prices(&changed)
            .when(order(&[("p1", shown)]))
            .then_event(p1())
            .then_nothing_else();
    }
    let _ = prices(&[changed[0], changed[1], ("p2", 321, 8)])
        .when(order(&[("p1", 123), ("p2", 100)]))
        .then_rejected(InvalidPrice)
        .when(order(&[("p1", 123), ("p2", 321)]))
        .then_event(ordered(&[product("p1"), product("p2")]))
        .then_nothing_else();
}

#[derive(Tag)]
#[tag("invoices")]
pub(crate) struct Invoices;

#[derive(Tag)]
#[tag("customer")]
struct CustomerId(String);

impl From<String> for CustomerId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("invoice.issued", tag(Invoices), home = Invoices)]
pub(crate) struct InvoiceIssued {
    pub(crate) number: u64,
    #[tag(as = CustomerId)]
    customer: String,
}

#[derive(Fold, Clone, Default)]
#[fold("last_invoice", by(Invoices), events(InvoiceIssued))]
pub(crate) struct LastInvoice {
    pub(crate) number: u64,
}

impl Apply<InvoiceIssued> for LastInvoice {
    fn apply(&mut self, event: &InvoiceIssued) {
        self.number = event.number;
    }
}

#[derive(Decision)]
#[decision("invoice.issue", error = Infallible, emits(InvoiceIssued), reads(last: LastInvoice()))]
pub(crate) struct IssueInvoice {
    pub(crate) customer: String,
}

impl Decide for IssueInvoice {
    fn decide(&self, read: &IssueInvoiceReads) -> Result<Emitted<Self>, Infallible> {
        let number = read.last.number + 1;
        Ok(Emitted::new().event(issued(number, &self.customer)))
    }
}

fn issued(number: u64, customer: &str) -> InvoiceIssued {
    let customer = customer.into();
    InvoiceIssued { number, customer }
}

#[test]
fn invoices_are_numbered_without_a_gap() {
    let issue = |customer: &str| IssueInvoice {
        customer: customer.into(),
    };
    let _ = DecisionTest::new()
        .when(issue("ann"))
        .then_event(issued(1, "ann"))
        .then_nothing_else()
        .when(issue("bob"))
        .then_event(issued(2, "bob"))
        .then_nothing_else();
    let _ = DecisionTest::new()
        .given_event(issued(1, "ann"))
        .given_event(issued(2, "ann"))
        .when(issue("ann"))
        .then_event(issued(3, "ann"))
        .then_nothing_else();
}

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("address")]
struct Address(String);

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("token")]
struct Token(String);

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("sign_up.initiated")]
struct SignUpInitiated {
    #[tag]
    address: Address,
    #[tag]
    token: Token,
    minute: u32,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("sign_up.confirmed")]
struct SignUpConfirmed {
    #[tag]
    address: Address,
    #[tag]
    token: Token,
}

#[derive(Fold, Clone, Default)]
#[fold(
    "pending",
    by(Token, Address),
    events(SignUpInitiated, SignUpConfirmed)
)]
struct Pending {
    since: Option<u32>,
    is_used: bool,
}

impl Apply<SignUpInitiated> for Pending {
    fn apply(&mut self, event: &SignUpInitiated) {
        self.since = Some(event.minute);
    }
}

impl Apply<SignUpConfirmed> for Pending {
    fn apply(&mut self, _: &SignUpConfirmed) {
        self.is_used = true;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum ConfirmError {
    #[error("no sign-up is pending")]
    NotPending,
    #[error("the token was used")]
    AlreadyUsed,
    #[error("the token has expired")]
    Expired,
}

#[derive(Decision)]
#[decision("sign_up.confirm", error = ConfirmError, emits(SignUpConfirmed),
    reads(pending: Pending(token, address)))]
struct Confirm {
    address: Address,
    token: Token,
    now: u32,
}

impl Decide for Confirm {
    fn decide(&self, read: &ConfirmReads) -> Result<Emitted<Self>, ConfirmError> {
        let since = read.pending.since.ok_or(ConfirmError::NotPending)?;
        if read.pending.is_used {
            return Err(ConfirmError::AlreadyUsed);
        }
        if since + 60 < self.now {
            return Err(ConfirmError::Expired);
        }
        Ok(Emitted::new().event(SignUpConfirmed {
            address: self.address.clone(),
            token: self.token.clone(),
        }))
    }
}

#[test]
fn a_sign_up_is_confirmed_once_and_in_time() {
    let (now, address, token) = (
        100,
        |of: &str| Address(of.into()),
        |of: &str| Token(of.into()),
    );
    let initiated = |minute| SignUpInitiated {
        address: address("john"),
        token: token("111111"),
        minute,
    };
    let confirm = |of: &str, with: &str| Confirm {
        address: address(of),
        token: token(with),
        now,
    };
    let _ = DecisionTest::new()
        .when(confirm("john", "000000"))
        .then_rejected(ConfirmError::NotPending);
    let _ = DecisionTest::new()
        .given_event(initiated(now))
        .when(confirm("jane", "111111"))
        .then_rejected(ConfirmError::NotPending)
        .when(confirm("john", "111111"))
        .then_event(SignUpConfirmed {
            address: address("john"),
            token: token("111111"),
        })
        .then_nothing_else()
        .when(confirm("john", "111111"))
        .then_rejected(ConfirmError::AlreadyUsed);
    let _ = DecisionTest::new()
        .given_event(initiated(now - 61))
        .when(confirm("john", "111111"))
        .then_rejected(ConfirmError::Expired);
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("order.placed")]
struct OrderPlaced {
    #[tag]
    order: OrderId,
    #[tag]
    token: Token,
}

#[derive(Fold, Clone, Default)]
#[fold("submitted", by(Token), events(OrderPlaced))]
struct Submitted {
    is_placed: bool,
}

impl Apply<OrderPlaced> for Submitted {
    fn apply(&mut self, _: &OrderPlaced) {
        self.is_placed = true;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the form was submitted before")]
struct Resubmission;

#[derive(Decision)]
#[decision("order.place", error = Resubmission, emits(OrderPlaced), reads(submitted: Submitted(token)))]
struct PlaceOrder {
    order: OrderId,
    token: Token,
}

impl Decide for PlaceOrder {
    fn decide(&self, read: &PlaceOrderReads) -> Result<Emitted<Self>, Resubmission> {
        if read.submitted.is_placed {
            return Err(Resubmission);
        }
        Ok(Emitted::new().event(OrderPlaced {
            order: self.order.clone(),
            token: self.token.clone(),
        }))
    }
}

#[test]
fn a_form_is_submitted_once() {
    let (order, token) = (|of: &str| OrderId(of.into()), |of: &str| Token(of.into()));
    let placed = |of, with| OrderPlaced {
        order: order(of),
        token: token(with),
    };
    let place = |of, with| PlaceOrder {
        order: order(of),
        token: token(with),
    };
    let _ = DecisionTest::new()
        .given_event(placed("o1", "t1"))
        .when(place("o2", "t1"))
        .then_rejected(Resubmission)
        .when(place("o2", "t2"))
        .then_event(placed("o2", "t2"))
        .then_nothing_else();
}
