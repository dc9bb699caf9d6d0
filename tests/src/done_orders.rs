//! A read model of orders that are over, for projections inside of the transactions of sagas and
//! process managers.

use crate::{
    fulfilment::{OrderClosed, OrderShipped},
    orders::OrderConfirmed,
    places::Place,
};
use es_postgres::{PostgresReadDatabase, PostgresStore, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, StreamId};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::Connection};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One row for each event, however often it comes.
#[derive(Projection, Clone, Default)]
#[projection(
    "done_orders",
    version = 1,
    events(OrderShipped, OrderClosed, OrderConfirmed)
)]
#[projection(schema(
    SqliteReadDatabase = "CREATE TABLE {done_orders} (number INTEGER PRIMARY KEY, ord TEXT NOT NULL)",
    PostgresReadDatabase = "CREATE TABLE {done_orders} (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                                            ord TEXT NOT NULL)"
))]
pub struct DoneOrders {
    unwanted: Arc<Mutex<BTreeSet<String>>>,
}

impl DoneOrders {
    pub fn new() -> Self {
        Self::default()
    }

    /// The ids of the orders that it refuses.
    pub fn unwanted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unwanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, order: &StreamId) -> Result<(), HandlerError> {
        if self.unwanted().contains(order.id()) {
            return Err(HandlerError::new("this order is not wanted"));
        }
        Ok(())
    }
}

macro_rules! project {
    ($($event:ty),*) => {$(
        impl Project<$event, SqliteReadDatabase> for DoneOrders {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                let order = event.stream.id();
                tx.execute("INSERT INTO {done_orders} (ord) VALUES (?1)", [order])?;
                self.look(&event.stream)
            }
        }

        impl Project<$event, PostgresReadDatabase> for DoneOrders {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut PostgresTransaction,
            ) -> Result<(), HandlerError> {
                let order = event.stream.id();
                tx.execute("INSERT INTO {done_orders} (ord) VALUES ($1)", &[&order])
                    .await?;
                self.look(&event.stream)
            }
        }
    )*};
}

project!(OrderShipped, OrderClosed, OrderConfirmed);

/// The orders of these events and those of the rows, both of one moment.
pub async fn events_and_rows(place: &Place) -> (Vec<String>, Vec<String>) {
    let sql = |events: &str| {
        format!(
            "SELECT 0, aggregate_id FROM {events}
             WHERE event IN ('order.shipped', 'order.closed', 'order.confirmed')
             UNION ALL SELECT 1, ord FROM done_orders ORDER BY 1, 2"
        )
    };
    let all: Vec<(i32, String)> = match place {
        // It has no rows.
        Place::Nats(..) => Vec::new(),
        Place::Sqlite(_) => {
            let file = Connection::open(place.address()).expect("opens");
            let mut select = file.prepare(&sql("events")).expect("a query");
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.expect("rows").collect::<Result<_, _>>().expect("rows")
        }
        Place::Postgres(..) => {
            let options = PostgresStore::options(&place.address()).expect("an address");
            let read = options.open_read_database().await.expect("opens");
            let row =
                |row: &es_postgres::tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
            let rows = read.select(&sql("es.events"), &[], row).await;
            read.close();
            rows.expect("rows")
        }
    };
    let (events, rows): (Vec<_>, Vec<_>) = all.into_iter().partition(|(which, _)| *which == 0);
    let orders = |all: Vec<(i32, String)>| all.into_iter().map(|(_, order)| order).collect();
    (orders(events), orders(rows))
}
