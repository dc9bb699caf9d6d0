//! Tests of sagas and process managers whose events belong to no aggregate.

use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle};
use es_sagas::{
    AggregateCommand, Cx, Definition, Effect, Fail, ProcessManager, ReactTo, Reactions, Saga, Start,
};
use es_testkit::saga::{ProcessTest, SagaTest};
use es_tests::courses::{CourseId, StudentId, StudentSubscribed};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("letter.sent")]
struct LetterSent {}

#[derive(Clone)]
struct Send;

/// What a student gets, by the student's id.
#[derive(Aggregate, Default)]
#[aggregate("letter", id = String, error = Infallible, events(ignore(LetterSent)))]
struct Letter {}

impl Handle<Send> for Letter {
    fn handle(&self, _: Send) -> Result<Events<Self>, Infallible> {
        Ok(LetterSent {}.into())
    }
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("welcome.begun")]
struct Begun {}

/// Welcomes each student who subscribes for the first time.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("welcome", id = String, error = Infallible, events(Begun))]
#[process_manager(reacts(StudentSubscribed), sends(Letter::{Send}))]
struct Welcome {
    begun: bool,
}

impl Apply<Begun> for Welcome {
    fn apply(&mut self, _: &Begun) {
        self.begun = true;
    }
}

impl ReactTo<StudentSubscribed> for Welcome {
    fn correlate(subscribed: &Envelope<StudentSubscribed>) -> Option<String> {
        Some(subscribed.event.student.0.clone())
    }

    fn react(&self, subscribed: &Envelope<StudentSubscribed>) -> Reactions<Self> {
        if self.begun {
            return Reactions::none();
        }
        Reactions::none()
            .event(Begun {})
            .command::<Letter, _>(&subscribed.event.student.0, Send)
    }
}

/// The same as a saga.
#[derive(Serialize, Deserialize)]
struct Greet {
    student: String,
}

impl Saga for Greet {
    const NAME: &'static str = "greet";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<StudentSubscribed>(|subscribed| {
            let student = subscribed.event.student.0.clone();
            Some(Start::new(
                &student,
                Self {
                    student: student.clone(),
                },
            ))
        });
        saga.step("print", |_: Cx<Self>| async { Ok::<u32, Fail>(1) })
            .undo(|_, _: Effect<u32>| async { Ok(()) });
        saga.on_completed(|cx| Ok(AggregateCommand::new::<Letter, _>(&cx.saga().student, Send)));
        saga
    }
}

fn subscribed(course: &str) -> StudentSubscribed {
    StudentSubscribed {
        student: StudentId("ada".into()),
        course: CourseId(course.into()),
    }
}

#[tokio::test]
async fn a_process_manager_reacts_to_them() {
    let first = ProcessTest::<Welcome>::new().when_event(subscribed("c1"));
    first
        .run()
        .await
        .then(Begun {})
        .then_command::<Letter>("ada", LetterSent {})
        .then_nothing_else();
    first.crash_matrix().await;
    ProcessTest::<Welcome>::new()
        .given_event(subscribed("c1"))
        .when_event(subscribed("c2"))
        .run()
        .await
        .then_nothing_else();
}

#[tokio::test]
async fn a_saga_is_begun_by_them() {
    let first = SagaTest::<Greet>::new(|| ()).when_event(subscribed("c1"));
    first
        .run()
        .await
        .then_completed()
        .then::<Letter>("ada", LetterSent {})
        .then_nothing_else();
    first.crash_matrix().await;
    SagaTest::<Greet>::new(|| ())
        .given_event(subscribed("c1"))
        .when_begun(Start::new(
            "bob",
            Greet {
                student: "bob".into(),
            },
        ))
        .run()
        .await
        .then_completed()
        .then::<Letter>("bob", LetterSent {})
        .then_nothing_else();
}
