//! Decisions of two states: the course and the student.

use bench_common::{COURSES, Report, SEATS, Tried, decisions};
use disintegrate::{
    Decision, DecisionError, NoSnapshot, StateMutate, StateQuery, serde::json::Json,
};
use disintegrate_postgres::{PgDecisionMaker, PgEventStore};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, disintegrate::Event, Serialize, Deserialize)]
#[stream(Subscriptions, [Subscribed])]
enum Event {
    Subscribed {
        #[id]
        course: String,
        #[id]
        student: String,
    },
}

#[derive(Default, StateQuery, Clone, Serialize, Deserialize)]
#[state_query(Subscriptions)]
struct Seats {
    #[id]
    course: String,
    taken: u64,
}

impl StateMutate for Seats {
    fn mutate(&mut self, _: Subscriptions) {
        self.taken += 1;
    }
}

#[derive(Default, StateQuery, Clone, Serialize, Deserialize)]
#[state_query(Subscriptions)]
struct Load {
    #[id]
    student: String,
    courses: u64,
}

impl StateMutate for Load {
    fn mutate(&mut self, _: Subscriptions) {
        self.courses += 1;
    }
}

#[derive(Debug)]
struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("full")
    }
}

impl std::error::Error for Full {}

struct Subscribe {
    student: String,
    course: String,
}

impl Decision for Subscribe {
    type Event = Event;
    type StateQuery = (Seats, Load);
    type Error = Full;

    fn state_query(&self) -> (Seats, Load) {
        let seats = Seats {
            course: self.course.clone(),
            taken: 0,
        };
        let load = Load {
            student: self.student.clone(),
            courses: 0,
        };
        (seats, load)
    }

    fn process(&self, (seats, load): &(Seats, Load)) -> Result<Vec<Event>, Full> {
        if seats.taken >= SEATS || load.courses >= COURSES {
            return Err(Full);
        }
        let (course, student) = (self.course.clone(), self.student.clone());
        Ok(vec![Event::Subscribed { course, student }])
    }
}

#[derive(Clone)]
struct School(Arc<PgDecisionMaker<Event, Json<Event>, NoSnapshot>>);

impl bench_common::School for School {
    async fn subscribe(&self, student: String, course: String) -> Tried {
        match self.0.make(Subscribe { student, course }).await {
            Ok(_) => Tried::Subscribed,
            Err(DecisionError::Domain(Full)) => Tried::Full,
            Err(_) => Tried::Conflict,
        }
    }
}

pub(crate) async fn run(report: &mut Report, pool: &PgPool) {
    let store = PgEventStore::new_uninitialized(pool.clone(), Json::default());
    let maker = disintegrate_postgres::decision_maker(store, NoSnapshot);
    decisions(report, "postgres-decisions", &School(Arc::new(maker))).await;
}
