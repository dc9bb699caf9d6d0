use es_decisions::{Decide, Decision, Emitted, Fold};
use es_runtime::{Apply, Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("member")]
struct MemberId(String);

#[derive(Tag, Clone)]
#[tag("copies")]
struct Copies;

#[derive(Event, Serialize, Deserialize)]
#[event("copy.acquired", tag(Copies))]
struct Acquired {
    title: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("copy.lent", version = 2)]
struct Lent {
    #[tag]
    member: MemberId,
    #[event(since = 2, default = 14)]
    days: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("copy.returned", version = 2)]
struct Returned {
    #[tag]
    member: MemberId,
    #[event(since = 2, default = 0)]
    days: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("copy.lost")]
struct Lost {
    #[tag]
    member: MemberId,
}

#[derive(Event, Serialize, Deserialize)]
enum Fees {
    #[event("fee.raised")]
    Raised {
        #[tag]
        member: MemberId,
    },
}

#[derive(Fold, Clone, Default)]
#[fold("loans", by(MemberId), events(Lent, Returned, Lost, Fees))]
struct Loans {
    open: u32,
}

#[derive(Fold, Clone, Default)]
#[fold("stock", by(Copies), events(Acquired))]
struct Stock {
    copies: u32,
}

impl Apply<Acquired> for Stock {
    fn apply(&mut self, _: &Acquired) {
        self.copies += 1;
    }
}

impl Apply<Lent> for Loans {
    fn apply(&mut self, _: &Lent) {
        self.open += 1;
    }
}

impl Apply<Returned> for Loans {
    fn apply(&mut self, _: &Returned) {
        self.open -= 1;
    }
}

impl Apply<Lost> for Loans {
    fn apply(&mut self, _: &Lost) {
        self.open -= 1;
    }
}

impl Apply<Fees> for Loans {
    fn apply(&mut self, _: &Fees) {}
}

#[derive(Decision)]
#[decision("lend", error = Full, reads(loans: Loans(member), stock: Stock()), emits(Lent))]
struct Lend {
    member: MemberId,
}

#[derive(Debug, thiserror::Error)]
#[error("too many loans")]
struct Full;

impl Decide for Lend {
    fn decide(&self, read: &LendReads) -> Result<Emitted<Self>, Full> {
        if read.loans.open > 9 {
            return Err(Full);
        }
        Ok(Emitted::new().event(Lent {
            member: self.member.clone(),
            days: 14,
        }))
    }
}

fn main() {}
