//! Which rules of unique values and which kinds of tags are on, and the transactions of the steps that turn them on.

use crate::{
    connection::{Param, Session},
    errors::{corrupt, storage},
    rows::{self, clamped, numbered},
    settings::Places,
    statements::Statements,
};
use es_runtime::{
    StorageError,
    store::author::{RuleNeeds, RuleState, RulesOn},
};
use tokio_postgres::types::Type;

/// The rules of unique values and kinds of tags that are on, as far as this writer knows.
#[derive(Default)]
pub(super) struct KnownRules {
    /// Which these are: the number that `head.rules` has while they are on. A new store begins with 0.
    pub(super) state: i64,
    pub(super) on: RulesOn,
}

/// Reads the rules that are on, under the lock.
pub(super) async fn rules_on(
    session: &Session,
    statements: &Statements,
) -> Result<RulesOn, StorageError> {
    let mut on = RulesOn::default();
    let found = session.rows(&statements.all_rules, &[]).await;
    for row in found.map_err(storage)? {
        let event = row.try_get(1).map_err(storage)?;
        on.insert(row.try_get(0).map_err(storage)?, event);
    }
    Ok(on)
}

/// Which of these rules are on. `absent` says for some names up to where there is none of their events.
pub(crate) async fn rules(
    session: &Session,
    statements: &Statements,
    needs: &RuleNeeds<'_>,
    absent: &Places,
) -> Result<RuleState, StorageError> {
    let pairs = needs.rules.iter().map(|(rule, event)| (&**rule, *event));
    let (names, events): (Vec<&str>, Vec<&str>) = pairs.unzip();
    let params: [Param<'_>; 5] = [
        (&names, Type::TEXT_ARRAY),
        (&events, Type::TEXT_ARRAY),
        (&absent.positions, Type::INT8_ARRAY),
        (&absent.ids, Type::UUID_ARRAY),
        (&absent.times, Type::TIMESTAMPTZ_ARRAY),
    ];
    let mut state = RuleState::default();
    let found = session.rows(&statements.rules, &params).await;
    for row in found.map_err(storage)? {
        let index = numbered(&row, 0);
        let pair = index.and_then(|index| names.get(index).zip(events.get(index)));
        let (Some((rule, event)), Ok(is_on), Ok(has_events)) =
            (pair, row.try_get(1), row.try_get(2))
        else {
            return Err(corrupt(
                "the state of a rule or a kind of tags cannot be read",
            ));
        };
        state.read_rule(rule, event, is_on, has_events);
    }
    Ok(state)
}

/// Begins the transaction of a step, with the lock of appends. Where the feed ends.
pub(super) async fn begin_walk(
    session: &Session,
    statements: &Statements,
    begin: &str,
) -> Result<u64, StorageError> {
    let done = session.client().batch_execute(begin).await;
    done.map_err(storage)?;
    let locked = session.rows(&statements.lock, &[]).await.map_err(storage)?;
    let head = locked.first().and_then(|row| rows::natural(row, 0));
    head.ok_or_else(|| corrupt("the table `head` does not have its one row"))
}

/// Commits a step. The server reports the commit of a dead transaction as a success: the lock must still be there.
pub(super) async fn end_walk(
    session: &Session,
    statements: &Statements,
    head: u64,
) -> Result<(), StorageError> {
    let head = clamped(head);
    let still: [Param<'_>; 2] = [(&head, Type::INT8), (&head, Type::INT8)];
    let still = session.execute(&statements.advance, &still).await;
    still.map_err(storage)?;
    let committed = session.client().batch_execute("COMMIT").await;
    committed.map_err(storage)
}

/// What the server answers to a question whose answer is one truth value. No answer counts as `true`: the step is not
/// finished then.
pub(super) async fn is_true(
    session: &Session,
    sql: &str,
    params: &[Param<'_>],
) -> Result<bool, StorageError> {
    let rows = session.rows(sql, params).await.map_err(storage)?;
    let answer = rows.first().map(|row| row.try_get(0)).transpose();
    Ok(answer.map_err(storage)?.unwrap_or(true))
}
