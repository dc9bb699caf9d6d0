//! The read side: tables of orders and customers in the same SQLite file, kept up from the events.
//!
//! Rows and checkpoint move in one transaction, so an event counts exactly once, whenever the
//! program is killed.

use crate::domain::{Cents, customer::CustomerEvent, order::OrderEvent};
use es_runtime::{
    Aggregate, DecodeError, Envelope, EventFilter, EventSet, EventStore, InvalidPosition, Position,
    ReadError, ReadLimit, RecordedEvent,
};
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::{path::Path, time::Duration};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS order_summaries (
        order_id TEXT PRIMARY KEY,
        customer_id TEXT NOT NULL,
        placed_on TEXT NOT NULL,
        cds INTEGER NOT NULL,
        total_cents INTEGER NOT NULL,
        status TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS customers (
        customer_id TEXT PRIMARY KEY,
        registered_on TEXT NOT NULL,
        regular INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS read_model_checkpoint (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        position TEXT NOT NULL
    ) STRICT;
";

#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error("the read model's tables: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the events: {0}")]
    Events(#[from] ReadError),
    #[error("the event at position {position}: {source}")]
    Decode {
        position: Position,
        source: DecodeError,
    },
    #[error("the read model's checkpoint: {0}")]
    Checkpoint(#[from] InvalidPosition),
    #[error("another process is updating this read model; try again when it is done")]
    Overtaken,
}

/// The read model's own connection to the shop's file.
pub struct ReadModel {
    connection: Connection,
}

impl ReadModel {
    pub fn open(path: &Path) -> Result<Self, ReadModelError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// Takes in what happened since the last time. Returns the number of new events.
    pub async fn catch_up<S: EventStore>(&mut self, store: &S) -> Result<usize, ReadModelError> {
        let kinds = OrderEvent::TYPES.iter().chain(CustomerEvent::TYPES);
        let filter = EventFilter::names(kinds.map(|kind| kind.name));
        let mut taken = 0;
        loop {
            let checkpoint = checkpoint(&self.connection)?;
            let page = store
                .read_feed(checkpoint, &filter, ReadLimit::default())
                .await?;
            let transaction =
                Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
            if self::checkpoint(&transaction)? != checkpoint {
                return Err(ReadModelError::Overtaken);
            }
            for event in &page.events {
                project(&transaction, event)?;
            }
            transaction.execute(
                "INSERT INTO read_model_checkpoint VALUES (1, ?1)
                 ON CONFLICT (one) DO UPDATE SET position = excluded.position",
                [page.next.to_string()],
            )?;
            transaction.commit()?;
            taken += page.events.len();
            if page.at_end {
                return Ok(taken);
            }
        }
    }

    /// Purchases, customers, CDs and cents of everything that was sold.
    pub fn totals(&self) -> Result<Totals, ReadModelError> {
        let sql = "SELECT count(*), count(DISTINCT customer_id), coalesce(sum(cds), 0),
                          coalesce(sum(total_cents), 0)
                   FROM order_summaries WHERE status <> 'cancelled'";
        Ok(self.connection.query_row(sql, [], |row| {
            Ok(Totals {
                purchases: row.get(0)?,
                customers: row.get(1)?,
                cds: row.get(2)?,
                total: Cents(row.get(3)?),
            })
        })?)
    }

    /// Sales month by month, oldest first.
    pub fn months(&self) -> Result<Vec<Month>, ReadModelError> {
        let sql = "SELECT substr(placed_on, 1, 7) AS month, count(*), sum(total_cents)
                   FROM order_summaries WHERE status <> 'cancelled'
                   GROUP BY month ORDER BY month";
        let mut statement = self.connection.prepare(sql)?;
        let months = statement.query_map([], |row| {
            Ok(Month {
                name: row.get(0)?,
                orders: row.get(1)?,
                total: Cents(row.get(2)?),
            })
        })?;
        Ok(months.collect::<Result<_, _>>()?)
    }

    /// The customers who spent the most.
    pub fn best_customers(&self, count: u32) -> Result<Vec<BestCustomer>, ReadModelError> {
        let sql = "SELECT o.customer_id, count(*), sum(o.cds), sum(o.total_cents) AS spent,
                          coalesce(c.regular, 0)
                   FROM order_summaries o LEFT JOIN customers c USING (customer_id)
                   WHERE o.status <> 'cancelled'
                   GROUP BY o.customer_id ORDER BY spent DESC, o.customer_id LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        let customers = statement.query_map([count], |row| {
            Ok(BestCustomer {
                customer: row.get(0)?,
                orders: row.get(1)?,
                cds: row.get(2)?,
                spent: Cents(row.get(3)?),
                regular: row.get(4)?,
            })
        })?;
        Ok(customers.collect::<Result<_, _>>()?)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Totals {
    pub purchases: i64,
    pub customers: i64,
    pub cds: i64,
    pub total: Cents,
}

pub struct Month {
    /// `1997-01`.
    pub name: String,
    pub orders: i64,
    pub total: Cents,
}

pub struct BestCustomer {
    pub customer: String,
    pub orders: i64,
    pub cds: i64,
    pub spent: Cents,
    pub regular: bool,
}

fn checkpoint(connection: &Connection) -> Result<Position, ReadModelError> {
    let sql = "SELECT position FROM read_model_checkpoint";
    let text: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(text.map_or(Ok(Position::START), |text| text.parse())?)
}

/// Turns one event into rows.
fn project(rows: &Transaction<'_>, event: &RecordedEvent) -> Result<(), ReadModelError> {
    if event.stream.aggregate() == crate::domain::order::Order::NAME {
        for event in decode(event)? {
            project_order(rows, &event)?;
        }
    } else {
        for event in decode(event)? {
            project_customer(rows, &event)?;
        }
    }
    Ok(())
}

fn decode<E: EventSet>(
    event: &RecordedEvent,
) -> Result<es_runtime::Decoded<Envelope<E>>, ReadModelError> {
    event.decode().map_err(|source| ReadModelError::Decode {
        position: event.position,
        source,
    })
}

fn project_order(rows: &Transaction<'_>, event: &Envelope<OrderEvent>) -> rusqlite::Result<()> {
    let order = event.stream.id();
    let status = match &event.event {
        OrderEvent::OrderPlaced(placed) => {
            let day: Date = placed.placed_on;
            rows.prepare_cached(
                "INSERT INTO order_summaries VALUES (?1, ?2, ?3, ?4, ?5, 'placed')",
            )?
            .execute(params![
                order,
                placed.customer.0,
                day.to_string(),
                placed.cds,
                placed.total_cents.0
            ])?;
            return Ok(());
        }
        OrderEvent::OrderPaid(_) => "paid",
        OrderEvent::OrderShipped(_) => "shipped",
        OrderEvent::OrderCancelled(_) => "cancelled",
        OrderEvent::OrderRefunded(_) => return Ok(()),
    };
    rows.prepare_cached("UPDATE order_summaries SET status = ?2 WHERE order_id = ?1")?
        .execute([order, status])?;
    Ok(())
}

fn project_customer(
    rows: &Transaction<'_>,
    event: &Envelope<CustomerEvent>,
) -> rusqlite::Result<()> {
    let customer = event.stream.id();
    match &event.event {
        CustomerEvent::Registered { on } => rows
            .prepare_cached("INSERT INTO customers (customer_id, registered_on) VALUES (?1, ?2)")?
            .execute([customer, &on.to_string()])?,
        CustomerEvent::Promoted { .. } => rows
            .prepare_cached("UPDATE customers SET regular = 1 WHERE customer_id = ?1")?
            .execute([customer])?,
        CustomerEvent::Credited { .. } => 0,
    };
    Ok(())
}
