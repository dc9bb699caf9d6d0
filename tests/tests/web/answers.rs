//! How each error is answered.

use crate::text;
use axum::response::IntoResponse;
use es_axum::{Problem, Rejection, problem::Cause};
use es_decisions::DecisionError;
use es_projections::WaitError;
use es_runtime::{
    AppendError, CommitError, ExecuteError, ExpectedVersion, LoadError, Outcome, Position,
    ReadError, StorageError, StorageErrorKind, StreamId,
};

/// What a database says and nobody else should read.
const SECRET: &str = "password of the role";

#[derive(Debug, thiserror::Error)]
#[error("there is no bed")]
struct NoBed;

impl Rejection for NoBed {}

fn stream() -> StreamId {
    StreamId::new("booking", "of-somebody-else").expect("an id")
}

fn storage(kind: StorageErrorKind) -> StorageError {
    StorageError::new(kind, SECRET)
}

fn append(outcome: Outcome, kind: StorageErrorKind) -> AppendError {
    AppendError::Storage {
        stream: stream(),
        outcome,
        error: storage(kind),
    }
}

async fn answered(problem: impl Into<Problem>) -> (u16, String, bool) {
    let response = problem.into().into_response();
    let status = response.status().as_u16();
    let has_cause = response.extensions().get::<Cause>().is_some();
    let is_retried = response.headers().contains_key("retry-after");
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let text = text(response.into_body()).await;
    for hidden in [SECRET, "of-somebody-else"] {
        assert!(!text.contains(hidden), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["status"], status);
    assert!(has_cause || status < 500, "{text}");
    let kind = json["type"].as_str().expect("a type");
    (
        status,
        kind.trim_start_matches("urn:problem-type:").to_owned(),
        is_retried,
    )
}

#[tokio::test]
async fn only_what_was_not_written_is_503() {
    use Outcome::{Applied, NotApplied, Unknown};
    use StorageErrorKind::{Busy, Corrupt, Full, Unreachable};
    for (outcome, kind, expected) in [
        (NotApplied, Unreachable, (503, "unavailable")),
        (NotApplied, Busy, (503, "unavailable")),
        (NotApplied, Full, (503, "unavailable")),
        (NotApplied, Corrupt, (500, "internal")),
        (Unknown, Unreachable, (500, "unknown-outcome")),
        (Unknown, Corrupt, (500, "unknown-outcome")),
        (Applied, Unreachable, (500, "took-effect")),
    ] {
        let command = ExecuteError::<NoBed>::Append(append(outcome, kind));
        let appended = CommitError::Append(append(outcome, kind));
        let commit = CommitError::Storage {
            outcome,
            error: storage(kind),
        };
        for answer in [
            answered(command).await,
            answered(DecisionError::<NoBed>::Commit(appended)).await,
            answered(DecisionError::<NoBed>::Commit(commit)).await,
        ] {
            assert_eq!((answer.0, &*answer.1), expected);
            assert_eq!(
                answer.2,
                expected.0 == 503,
                "only a 503 says when to come again"
            );
        }
    }
}

#[tokio::test]
async fn each_error_has_its_status() {
    let position = Position::from_parts([0, 0, 7]);
    let command = |error: ExecuteError<NoBed>| Problem::from(error);
    for (problem, expected) in [
        (NoBed.into(), (422, "rejected")),
        (command(ExecuteError::Rejected(NoBed)), (422, "rejected")),
        (
            command(ExecuteError::Conflict {
                stream: stream(),
                attempts: 5,
                actual: 3,
            }),
            (409, "conflict"),
        ),
        (
            command(ExecuteError::VersionMismatch {
                stream: stream(),
                expected: 2,
                actual: 3,
            }),
            (412, "version-mismatch"),
        ),
        (
            AppendError::Conflict {
                stream: stream(),
                expected: ExpectedVersion::Exact(1),
                actual: 2,
            }
            .into(),
            (409, "conflict"),
        ),
        (
            AppendError::Taken {
                stream: stream(),
                rule: "guest.email".to_owned(),
                holder: stream(),
            }
            .into(),
            (409, "taken"),
        ),
        (
            AppendError::UniqueRuleUnknown {
                stream: stream(),
                rule: "guest.email".to_owned(),
                event: "guest.registered".to_owned(),
            }
            .into(),
            (503, "unavailable"),
        ),
        (
            command(ExecuteError::Panicked { stream: stream() }),
            (500, "internal"),
        ),
        (
            LoadError::Gap {
                stream: stream(),
                version: 1,
                next: 3,
            }
            .into(),
            (500, "internal"),
        ),
        (
            command(ExecuteError::Repeated(LoadError::Read(ReadError::Storage(
                storage(StorageErrorKind::Busy),
            )))),
            (500, "took-effect"),
        ),
        (
            StreamId::new("room", "").expect_err("no id").into(),
            (400, "invalid-id"),
        ),
        (
            DecisionError::<NoBed>::FoldConflict {
                fold: "night",
                attempts: 5,
            }
            .into(),
            (409, "conflict"),
        ),
        (
            DecisionError::<NoBed>::OtherRequest { stream: stream() }.into(),
            (422, "idempotency-key-reused"),
        ),
        (
            WaitError::TimedOut {
                projection: "bookings",
                position,
                reached: Position::START,
            }
            .into(),
            (503, "not-yet"),
        ),
        (
            WaitError::Parked {
                projection: "bookings",
                position,
                reason: SECRET.to_owned(),
            }
            .into(),
            (500, "behind"),
        ),
        (
            WaitError::Storage(storage(StorageErrorKind::Busy)).into(),
            (503, "unavailable"),
        ),
    ] {
        let answer = answered(problem).await;
        assert_eq!((answer.0, &*answer.1), expected);
    }
}

#[tokio::test]
async fn members_of_the_standard_stay() {
    let problem = Problem::rejection(&NoBed)
        .with("status", 200)
        .with("beds", 0);
    let text = text(problem.into_response().into_body()).await;
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&json["status"], &json["beds"]), (&422.into(), &0.into()));
    assert_eq!(json["detail"], "there is no bed");
}
