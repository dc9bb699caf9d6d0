//! What commits change besides events, gathered for a group.

use super::unique;
use crate::{
    connection::{Param, Session},
    rows::clamped,
    statements::Statements,
};
use es_runtime::{Commit, CursorMove, Timestamp, WorkChange, store::author::RuleState};
use futures_util::future::join4;
use std::time::SystemTime;
use tokio_postgres::{Error, types::Type};

/// What the accepted commits of a group change besides events, each row and each cursor once.
pub(super) struct Changes {
    now: SystemTime,
    rows: Vec<WorkChange>,
    moves: Vec<CursorMove>,
    pub(super) uniques: RuleState,
}

impl Changes {
    /// Nothing yet.
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            now: now.into(),
            rows: Vec::new(),
            moves: Vec::new(),
            uniques: RuleState::default(),
        }
    }

    pub(super) fn add(&mut self, commit: &Commit) {
        for row in &commit.work {
            let mut rows = self.rows.iter_mut();
            match rows.find(|known| known.instance == row.instance) {
                Some(known) => {
                    let release = known.release || row.release;
                    *known = row.clone();
                    known.release = release;
                }
                None => self.rows.push(row.clone()),
            }
        }
        if let Some(moved) = &commit.cursor {
            let mut moves = self.moves.iter_mut();
            match moves.find(|known| known.consumer == moved.consumer) {
                Some(known) => {
                    let inputs = moved.inputs.clone().or_else(|| known.inputs.take());
                    *known = moved.clone();
                    known.inputs = inputs;
                }
                None => self.moves.push(moved.clone()),
            }
        }
    }

    /// Writes them, in statements that are sent at the first poll and in this order.
    pub(super) async fn write(
        &self,
        session: &Session,
        statements: &Statements,
    ) -> Result<(), Error> {
        let (put, released, moved, uniques) = join4(
            self.put(session, statements),
            self.release(session, statements),
            self.move_cursors(session, statements),
            self.change_uniques(session, statements),
        )
        .await;
        put.and(released).and(moved).map(|_| ()).and(uniques)
    }

    /// Boxed, because few appends have a rule.
    async fn change_uniques(
        &self,
        session: &Session,
        statements: &Statements,
    ) -> Result<(), Error> {
        if self.uniques.mark() == 0 {
            return Ok(());
        }
        Box::pin(unique::write(session, statements, &self.uniques)).await
    }

    /// All rows in one statement, so that a flight is sent in its order.
    async fn put(&self, session: &Session, statements: &Statements) -> Result<u64, Error> {
        let rows = &self.rows;
        if rows.is_empty() {
            return Ok(0);
        }
        let column =
            |text: fn(&WorkChange) -> &str| -> Vec<&str> { rows.iter().map(text).collect() };
        let reasons: Vec<_> = rows.iter().map(|row| row.reason.as_deref()).collect();
        let due = rows.iter().map(|row| row.due_at.map(SystemTime::from));
        let due: Vec<Option<SystemTime>> = due.collect();
        let epochs: Vec<i64> = rows.iter().map(|row| clamped(row.first_epoch)).collect();
        let params: [Param<'_>; 9] = [
            (&column(|row| row.instance.aggregate()), Type::TEXT_ARRAY),
            (&column(|row| row.instance.id()), Type::TEXT_ARRAY),
            (&column(|row| &row.definition), Type::TEXT_ARRAY),
            (&column(|row| row.status.as_str()), Type::TEXT_ARRAY),
            (&column(|row| &row.phase), Type::TEXT_ARRAY),
            (&reasons, Type::TEXT_ARRAY),
            (&due, Type::TIMESTAMPTZ_ARRAY),
            (&epochs, Type::INT8_ARRAY),
            (&self.now, Type::TIMESTAMPTZ),
        ];
        session.execute(&statements.work_put, &params).await
    }

    /// Lets go of those rows that say so.
    async fn release(&self, session: &Session, statements: &Statements) -> Result<u64, Error> {
        let released = self.rows.iter().filter(|row| row.release);
        let released = released.map(|row| (row.instance.aggregate(), row.instance.id()));
        let (aggregates, ids): (Vec<&str>, Vec<&str>) = released.unzip();
        if aggregates.is_empty() {
            return Ok(0);
        }
        let params: [Param<'_>; 2] = [(&aggregates, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)];
        session.execute(&statements.work_release, &params).await
    }

    async fn move_cursors(&self, session: &Session, statements: &Statements) -> Result<u64, Error> {
        let moves = &self.moves;
        if moves.is_empty() {
            return Ok(0);
        }
        let consumers: Vec<&str> = moves.iter().map(|moved| moved.consumer.as_str()).collect();
        let to: Vec<String> = moves.iter().map(|moved| moved.to.to_string()).collect();
        let inputs = moves.iter().map(|moved| moved.inputs.as_ref());
        let inputs: Vec<_> = inputs
            .map(|inputs| inputs.map(|(_, to)| to.as_str()))
            .collect();
        let params: [Param<'_>; 3] = [
            (&consumers, Type::TEXT_ARRAY),
            (&to, Type::TEXT_ARRAY),
            (&inputs, Type::TEXT_ARRAY),
        ];
        session.execute(&statements.move_cursors, &params).await
    }
}
