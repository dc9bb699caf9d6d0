//! What values are made of: every shape, what types refuse, what the user gives.

use es_runtime::{Aggregate, Apply, Codec, Event, Events, Handle, Shape};
use es_testkit::laws::{Law, Laws, proptest::prelude::*};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    convert::Infallible,
    time::{Duration, SystemTime},
};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("wrong password")]
struct Wrong;

#[derive(Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
enum Form {
    Nothing,
    One(u8),
    Two(u8, String),
    Named { a: i128, b: Option<Box<Form>> },
}

#[derive(Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
#[serde(tag = "kind")]
enum Inside {
    A,
    B { of: u32 },
}

#[derive(Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    A,
    B(u32),
}

#[derive(Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("everything.happened")]
struct Happened {
    whole: (bool, char, (), u8, u16, u32, u64),
    wide: (u128, i8, i16, i32, i64, i128),
    real: (f32, f64),
    texts: (String, std::path::PathBuf, uuid_like::Id),
    nets: (std::net::IpAddr, std::net::Ipv6Addr, std::net::SocketAddr),
    times: (Duration, SystemTime, es_runtime::Timestamp),
    many: (Vec<u8>, BTreeSet<String>, [u16; 3]),
    // The order of these differs from run to run, and their equality does not.
    hashed: (HashSet<u8>, HashMap<u16, String>),
    map: BTreeMap<String, Vec<Option<i32>>>,
    form: Form,
    inside: Inside,
    adjacent: Adjacent,
    tree: Tree,
}

/// A type of an id that is a text.
mod uuid_like {
    use super::{Deserialize, Serialize, Shape};

    #[derive(Serialize, Deserialize, Shape, Clone, Debug, PartialEq)]
    #[serde(transparent)]
    pub(super) struct Id(String);
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("everything", id = u32, error = Infallible, events(Happened))]
struct Everything {
    last: Option<Happened>,
}

impl Apply<Happened> for Everything {
    fn apply(&mut self, happened: &Happened) {
        self.last = Some(happened.clone());
    }
}

const OF_EVENTS: [Law; 4] = [
    Law::ReplayEqualsLive,
    Law::EventsAreReadBack,
    Law::NothingPanics,
    Law::Deterministic,
];

#[test]
fn every_shape_has_values_that_its_type_takes() {
    for law in OF_EVENTS {
        Laws::<Everything>::new().seed(5).cases(12).assert(law);
    }
}

/// An address that only some texts are.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(try_from = "String", into = "String")]
struct Email(String);

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.ends_with("@example.org") {
            Ok(Self(text))
        } else {
            Err("no address of ours")
        }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("account.opened")]
struct Opened {
    #[shape(as = "email")]
    by: Email,
}

#[derive(Clone, Debug, Deserialize, Shape)]
struct Open {
    #[shape(as = "email")]
    by: Email,
    password: String,
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("account", id = String, error = Wrong, events(ignore(Opened)))]
struct Account {}

impl Handle<Open> for Account {
    fn handle(&self, Open { by, password }: Open) -> Result<Events<Self>, Wrong> {
        if password != "open sesame" {
            return Err(Wrong);
        }
        Ok(Opened { by }.into())
    }
}

#[test]
fn a_law_that_nearly_no_value_reaches_says_what_to_give() {
    let laws = || Laws::<Account>::new().command::<Open>("Open").seed(5);
    let broken = laws().check(Law::NothingPanics).expect_err("untested");
    assert!(
        broken
            .reason
            .starts_with("command `Open`: its type refused "),
        "{broken}"
    );
    assert!(broken.reason.contains("no address of ours"), "{broken}");
    assert!(broken.reason.contains("values("), "{broken}");

    let addresses = ["ada@example.org", "grace@example.org"];
    let given = || laws().values("email", addresses);
    assert_eq!(given().check(Law::NothingPanics), Ok(()));
    assert_eq!(given().check(Law::EventsAreReadBack), Ok(()));
    // Each is accepted by its type, and none by the aggregate.
    let broken = given()
        .check(Law::CommandsAreAccepted)
        .expect_err("never accepted");
    assert!(
        broken
            .reason
            .starts_with("`Open` was never accepted, the last time: wrong password"),
        "{broken}"
    );
    let accepted = given().values("password", ["open sesame", ""]);
    assert_eq!(accepted.check(Law::CommandsAreAccepted), Ok(()));
}

#[test]
fn commands_come_from_a_strategy_of_the_user() {
    let open =
        prop::sample::select(vec!["ada@example.org", "bob@example.org"]).prop_map(|by| Open {
            by: Email(by.to_owned()),
            password: "open sesame".to_owned(),
        });
    let laws = Laws::<Account>::new()
        .command_from("Open", open)
        .values("email", ["ada@example.org"])
        .codec(Codec::Postcard)
        .seed(5);
    for law in OF_EVENTS {
        laws.assert(law);
    }
    laws.assert(Law::CommandsAreAccepted);
}

mod by_macro {
    use super::*;

    es_testkit::laws!(
        Account,
        commands(Open),
        values("email" => ["ada@example.org"], "password" => ["open sesame", "guess"]),
        codecs(Codec::Json, Codec::Postcard),
        id = "ada".to_owned(),
        cases = 8,
    );
    es_testkit::laws!(without_commands: Everything, cases = 4);
}
