//! Which status a rejection has. The texts are those of the domain.

use crate::{
    domain::{booking::BookingError, guest::GuestError, room::RoomError},
    read::QueryError,
};
use axum::http::StatusCode;
use es_axum::{Problem, Rejection};

impl Rejection for RoomError {
    fn problem(&self) -> Problem {
        let problem = Problem::rejection(self);
        match self {
            Self::NoSuchRoom => problem.status(StatusCode::NOT_FOUND),
            Self::AlreadyOpen => problem.status(StatusCode::CONFLICT),
            Self::NoRoom => problem,
        }
    }
}

impl Rejection for GuestError {
    fn problem(&self) -> Problem {
        let problem = Problem::rejection(self);
        match self {
            Self::NoSuchGuest => problem.status(StatusCode::NOT_FOUND),
            Self::AlreadyRegistered => problem.status(StatusCode::CONFLICT),
            Self::NoEmail | Self::NoName => problem,
        }
    }
}

impl Rejection for BookingError {
    fn problem(&self) -> Problem {
        let problem = Problem::rejection(self);
        match self {
            Self::NoSuchBooking => problem.status(StatusCode::NOT_FOUND),
            Self::RoomTaken => problem.kind("room-taken").status(StatusCode::CONFLICT),
            Self::AlreadyHeld | Self::AlreadyConfirmed | Self::Released(_) => {
                problem.status(StatusCode::CONFLICT)
            }
            Self::NoSuchGuest | Self::NoSuchRoom | Self::WrongNights => problem,
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Storage(error) => error.into(),
            QueryError::Column(error) => error.into(),
        }
    }
}
