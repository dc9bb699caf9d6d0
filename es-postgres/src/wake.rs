//! Wakes readers in other processes. `NOTIFY` inside an append would put all commits of the server into
//! one line, so it is sent after them, from a connection of its own, not more often than readers need.
//! It is a hint: a reader that misses one finds the events at the next poll.

use crate::{
    connection::{Connector, Driver, Session},
    errors::storage,
    identifier::SchemaName,
    rows,
    statements::Statements,
    write::raise,
};
use es_runtime::StorageError;
use futures_util::future::{Either, select};
use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, types::Type};

const BETWEEN_NOTICES: Duration = Duration::from_millis(20);
const BEFORE_RECONNECT: Duration = Duration::from_millis(500);

/// Notifies the other processes, until the store is gone.
pub(crate) async fn announce(
    connector: Connector,
    schema: SchemaName,
    mut mine: watch::Receiver<u64>,
) {
    // Nothing is lost with a notice, so nothing waits for it to be on the disk.
    const SQL: &str = "WITH soon AS (SELECT set_config('synchronous_commit', 'off', true)) SELECT \
                       pg_notify($1, $2) FROM soon";
    let mut session: Option<Session> = None;
    while mine.changed().await.is_ok() {
        let newest = mine.borrow_and_update().to_string();
        let open = match session.take().filter(|session| !session.is_closed()) {
            Some(open) => Some(open),
            None => connector.session().await.ok(),
        };
        if let Some(open) = open {
            let params = [
                (&schema.channel() as _, Type::TEXT),
                (&newest as _, Type::TEXT),
            ];
            if open.rows(SQL, &params).await.is_ok() {
                session = Some(open);
            }
        }
        tokio::time::sleep(BETWEEN_NOTICES).await;
    }
}

/// Listens to the notifications of other processes, until the store is gone.
pub(crate) async fn listen(
    connector: Connector,
    schema: SchemaName,
    statements: Arc<Statements>,
    newest: watch::Sender<u64>,
    mut stopped: watch::Receiver<()>,
) {
    loop {
        // Where it ends, for whatever reason, it is listens again.
        let hearing = pin!(hear(&connector, &schema, &statements, &newest));
        let gone = pin!(stopped.changed());
        if let Either::Right(_) = select(hearing, gone).await {
            return;
        }
        tokio::time::sleep(BEFORE_RECONNECT).await;
    }
}

async fn hear(
    connector: &Connector,
    schema: &SchemaName,
    statements: &Statements,
    newest: &watch::Sender<u64>,
) -> Result<(), StorageError> {
    let (client, mut driver) = connector.connect().await.map_err(storage)?;
    let begin = async {
        connector.begin_session(&client).await?;
        let listen = format!("LISTEN {}", schema.channel());
        client.batch_execute(&listen).await.map_err(storage)?;
        // What came before it listened.
        let head = client.query(&statements.head, &[]).await.map_err(storage)?;
        if let Some(head) = head.first().and_then(|row| rows::natural(row, 0)) {
            raise(newest, head);
        }
        Ok::<(), StorageError>(())
    };
    let mut begin = pin!(begin);
    let mut listens = false;
    loop {
        let message = poll_fn(|context| {
            if !listens {
                if let std::task::Poll::Ready(done) = begin.as_mut().poll(context) {
                    listens = true;
                    if let Err(error) = done {
                        return std::task::Poll::Ready(Err(error));
                    }
                }
            }
            next(&mut driver, context)
        });
        match message.await? {
            Some(position) => raise(newest, position),
            None => return Ok(()),
        }
    }
}

/// The position in the next notice; 0 in a message that is none.
fn next(
    driver: &mut Driver,
    context: &mut std::task::Context<'_>,
) -> std::task::Poll<Result<Option<u64>, StorageError>> {
    driver(context).map(|message| match message {
        Some(Ok(AsyncMessage::Notification(notice))) => {
            Ok(Some(notice.payload().parse().unwrap_or(0)))
        }
        Some(Ok(_)) => Ok(Some(0)),
        Some(Err(error)) => Err(storage(error)),
        None => Ok(None),
    })
}
