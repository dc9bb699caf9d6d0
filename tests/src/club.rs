//! A club that is entered by one decision that writes all that a decision can: events of two streams, tags, unique values, and its own
//! record.

use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted, Fold};
use es_runtime::{Aggregate, AnyStore, AppendId, Apply, Event, Events, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("club")]
pub struct ClubId(String);

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("guest")]
pub struct GuestId(String);

#[derive(Event, Serialize, Deserialize)]
#[event("member.registered")]
pub struct Registered {
    #[unique("member.email")]
    email: String,
    #[tag]
    guest: GuestId,
}

#[derive(Event, Serialize, Deserialize)]
#[event("club.entered", home = club)]
pub struct Entered {
    #[tag]
    club: ClubId,
    #[tag]
    guest: GuestId,
    number: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("the club is full")]
pub struct Full;

#[derive(Aggregate, Clone, Default)]
#[aggregate("member", id = String, error = Full, events(Registered))]
pub struct Member {}

impl Apply<Registered> for Member {
    fn apply(&mut self, _: &Registered) {}
}

#[derive(Fold, Clone, Default)]
#[fold("inside", by(ClubId), events(Entered))]
pub struct Inside {
    guests: u32,
}

impl Apply<Entered> for Inside {
    fn apply(&mut self, event: &Entered) {
        self.guests = event.number;
    }
}

#[derive(Decision)]
#[decision("club.enter", error = Full, emits(Entered), reads(member: Member(member), inside: Inside(club)))]
pub struct Enter {
    member: String,
    club: ClubId,
}

impl Decide for Enter {
    fn decide(&self, read: &EnterReads) -> Result<Emitted<Self>, Full> {
        let guest = GuestId(self.member.clone());
        let registered: Events<Member> = Registered {
            email: format!("{}@example.com", self.member),
            guest: guest.clone(),
        }
        .into();
        let entered = Entered {
            club: self.club.clone(),
            guest,
            number: read.inside.guests + 1,
        };
        Ok(Emitted::new().on(&self.member, registered).event(entered))
    }
}

/// Enters the club, once for each member however often it is called.
///
/// # Errors
/// Those of the store.
pub async fn enter(store: &AnyStore, member: &str) -> Result<(), DecisionError<Full>> {
    let enter = Enter {
        member: member.to_owned(),
        club: ClubId("club".to_owned()),
    };
    let id = AppendId::new(member).expect("an id");
    let decisions = Decisions::new(store.clone());
    decisions.execute(enter).append_id(id).await.map(|_| ())
}
