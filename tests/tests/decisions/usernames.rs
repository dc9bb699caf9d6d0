//! User names that are taken once, with a retention of three days: as a unique value, and, to compare, as a decision over tags. Both
//! answer the same histories in the same way.

use es_decisions::{Decide, Decision, Emitted, Fold};
use es_runtime::{
    Aggregate, AnyStore, AppendError, Apply, Event, Events, ExecuteError, Handle, Repository, Tag,
};
use es_testkit::{VirtualClock, decision::DecisionTest};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

/// So many days a name is kept.
const KEPT: u64 = 3;

/// What happened to the account that had the name `u1`.
#[derive(Clone, Copy, Debug)]
enum Past {
    Nothing,
    /// It was registered four days ago.
    Registered,
    /// It was closed so many days ago.
    Closed(u64),
    /// Its name was changed to `u2` so many days ago.
    Changed(u64),
}

/// A history, a name that somebody wants today, and whether it is free.
const TABLE: [(Past, &str, bool); 11] = [
    (Past::Nothing, "u1", true),
    (Past::Registered, "u1", false),
    (Past::Registered, "u2", true),
    (Past::Closed(2), "u1", false),
    (Past::Closed(3), "u1", false),
    (Past::Closed(4), "u1", true),
    (Past::Changed(2), "u1", false),
    (Past::Changed(2), "u2", false),
    (Past::Changed(3), "u1", false),
    (Past::Changed(4), "u1", true),
    (Past::Changed(4), "u2", false),
];

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("account.registered")]
struct Registered {
    #[unique("account.name", keep = "3d")]
    name: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("account.renamed")]
struct Renamed {
    #[unique("account.name", keep = "3d")]
    name: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("account.closed", releases("account.name", keep = "3d"))]
struct Closed {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("account", id = String, error = Infallible, events(ignore(Registered, Renamed, Closed)))]
struct Account {}

#[derive(Clone)]
struct Say(AccountEvent);

impl Handle<Say> for Account {
    fn handle(&self, Say(event): Say) -> Result<Events<Self>, Infallible> {
        Ok(event.into())
    }
}

#[tokio::test]
async fn a_name_is_taken_once_as_a_unique_value() {
    let registered = |name: &str| {
        let name = name.to_owned();
        Say(Registered { name }.into())
    };
    for (past, wanted, is_free) in TABLE {
        let (store, clock) = VirtualClock::with_store();
        let pass = |days: u64| clock.pass(Duration::from_secs(days * 24 * 3_600));
        let accounts: Repository<Account> = Repository::new(AnyStore::new(store));
        let say = async |id: &str, what: Say| accounts.execute(id, what).await;
        if !matches!(past, Past::Nothing) {
            say("1", registered("u1")).await.expect("it is free");
        }
        let then = match past {
            Past::Nothing | Past::Registered => None,
            Past::Closed(ago) => Some((ago, Say(Closed {}.into()))),
            Past::Changed(ago) => {
                let name = "u2".to_owned();
                Some((ago, Say(Renamed { name }.into())))
            }
        };
        if let Some((ago, what)) = then {
            pass(10 - ago);
            say("1", what).await.expect("stored");
            pass(ago);
        }
        match say("2", registered(wanted)).await {
            Ok(_) => assert!(is_free, "{past:?}, {wanted}"),
            Err(ExecuteError::Append(AppendError::Taken { holder, .. })) => {
                assert!(!is_free, "{past:?}, {wanted}");
                assert_eq!(holder.id(), "1");
            }
            Err(wrong) => panic!("{past:?}, {wanted}: {wrong}"),
        }
    }
}

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("name")]
struct Name(String);

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("name.registered")]
struct NameRegistered {
    #[tag]
    name: Name,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("name.changed", home = old)]
struct NameChanged {
    #[tag]
    old: Name,
    #[tag]
    new: Name,
    day: u64,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("name.closed")]
struct NameClosed {
    #[tag]
    name: Name,
    day: u64,
}

/// Whether a name is used, and since when it is not.
#[derive(Fold, Clone)]
#[fold("use", by(Name), events(NameRegistered, NameChanged, NameClosed), initial = Use::of)]
struct Use {
    name: Name,
    is_used: bool,
    given_back: Option<u64>,
}

impl Use {
    fn of(name: &Name) -> Self {
        Self {
            name: name.clone(),
            is_used: false,
            given_back: None,
        }
    }
}

impl Apply<NameRegistered> for Use {
    fn apply(&mut self, _: &NameRegistered) {
        self.is_used = true;
    }
}

impl Apply<NameChanged> for Use {
    fn apply(&mut self, event: &NameChanged) {
        self.is_used = event.new == self.name;
        if event.old == self.name {
            self.given_back = Some(event.day);
        }
    }
}

impl Apply<NameClosed> for Use {
    fn apply(&mut self, event: &NameClosed) {
        self.is_used = false;
        self.given_back = Some(event.day);
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the name is taken")]
struct IsTaken;

#[derive(Decision)]
#[decision("name.register", error = IsTaken, emits(NameRegistered), reads(own: Use(name)))]
struct Register {
    name: Name,
    today: u64,
}

impl Decide for Register {
    fn decide(&self, read: &RegisterReads) -> Result<Emitted<Self>, IsTaken> {
        let is_kept = |day| day + KEPT >= self.today;
        if read.own.is_used || read.own.given_back.is_some_and(is_kept) {
            return Err(IsTaken);
        }
        let name = self.name.clone();
        Ok(Emitted::new().event(NameRegistered { name }))
    }
}

#[test]
fn a_name_is_taken_once_as_a_decision() {
    let name = |of: &str| Name(of.to_owned());
    for (past, wanted, is_free) in TABLE {
        let mut test = DecisionTest::new();
        if !matches!(past, Past::Nothing) {
            test = test.given_event(NameRegistered { name: name("u1") });
        }
        test = match past {
            Past::Nothing | Past::Registered => test,
            Past::Closed(ago) => test.given_event(NameClosed {
                name: name("u1"),
                day: 10 - ago,
            }),
            Past::Changed(ago) => test.given_event(NameChanged {
                old: name("u1"),
                new: name("u2"),
                day: 10 - ago,
            }),
        };
        let register = Register {
            name: name(wanted),
            today: 10,
        };
        let then = test.when(register);
        if is_free {
            let name = name(wanted);
            let _ = then.then_event(NameRegistered { name }).then_nothing_else();
        } else {
            let _ = then.then_rejected(IsTaken);
        }
    }
}
