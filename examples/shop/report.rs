//! What the shop prints: the report and the history of one order.

use crate::{
    domain::{
        CustomerId, OrderId,
        order::{Order, OrderEvent},
    },
    read::{self, Month, Report},
};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};
use console::Term;
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, Envelope, EventSet, LoadError, ReadLimit, Repository, StorageError};
use std::io::{self, Write};

const BAR: usize = 40;
const BEST: u32 = 10;

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    ReadModel(#[from] StorageError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("there is no order `{0}`")]
    NoOrder(OrderId),
    #[error("customer `{0}` has no orders")]
    NoCustomer(CustomerId),
    #[error("the output: {0}")]
    Output(#[from] io::Error),
}

/// Sales by month, the best customers, and the totals in the last line.
pub async fn report(orders: &AnyReadDatabase, out: &mut impl Write) -> Result<(), ReportError> {
    let Report {
        months,
        best,
        totals,
    } = read::report(orders, BEST).await?;
    writeln!(out, "Sales by month")?;
    let most = months.iter().map(|m| m.total).max().unwrap_or_default();
    for Month {
        name,
        orders,
        total,
    } in &months
    {
        let bar = bar(total.0, most.0);
        let total = total.to_string();
        writeln!(
            out,
            "  {name}  {bar:<BAR$}  {total:>12}  {orders:>5} orders"
        )?;
    }

    writeln!(out, "\nBest customers")?;
    let mut table = table(["customer", "orders", "CDs", "spent", "regular"]);
    for best in best {
        let regular = if best.regular { "yes" } else { "" };
        table.add_row([
            best.customer,
            best.orders.to_string(),
            best.cds.to_string(),
            best.spent.to_string(),
            regular.to_owned(),
        ]);
    }
    for index in 1..=3 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}\n")?;

    writeln!(
        out,
        "purchases={} customers={} cds={} cents={}",
        totals.purchases, totals.customers, totals.cds, totals.total.0
    )?;
    Ok(())
}

/// The orders of a customer.
pub async fn orders(
    queries: &AnyReadDatabase,
    customer: &CustomerId,
    out: &mut impl Write,
) -> Result<(), ReportError> {
    let found = read::orders_of(queries, customer).await?;
    if found.is_empty() {
        return Err(ReportError::NoCustomer(customer.clone()));
    }
    let mut table = table(["order", "placed on", "CDs", "total", "status"]);
    for order in found {
        table.add_row([
            order.order,
            order.placed_on,
            order.cds.to_string(),
            order.total.to_string(),
            order.status,
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// One order's history, event by event.
pub async fn show(
    store: &AnyStore,
    order: &OrderId,
    out: &mut impl Write,
) -> Result<(), ReportError> {
    let orders = Repository::<Order>::new(store.clone());
    let mut table = table(["version", "recorded at", "stored as", "what happened"]);
    let mut seen = 0;
    loop {
        let page = orders.history(order, seen, ReadLimit::default()).await?;
        let Some(last) = page.last() else { break };
        seen = last.version;
        for event in page {
            table.add_row([
                event.version.to_string(),
                event.recorded_at.to_string(),
                stored_as(&event),
                describe(&event.event),
            ]);
        }
    }
    if seen == 0 {
        return Err(ReportError::NoOrder(order.clone()));
    }
    writeln!(out, "Order {order}\n{table}")?;
    Ok(())
}

/// The stored name and version, and the version that it is read as where that is another one.
fn stored_as(event: &Envelope<OrderEvent>) -> String {
    let stored = format!("{} v{}", event.name, event.schema_version);
    match event.event.event_type().version {
        today if today == event.schema_version => stored,
        today => format!("{stored}, read as v{today}"),
    }
}

fn describe(event: &OrderEvent) -> String {
    match event {
        OrderEvent::OrderPlaced(e) => format!(
            "customer {} ordered {} CDs for {} {} on {}",
            e.customer, e.cds, e.total_cents, e.currency, e.placed_on
        ),
        OrderEvent::OrderPaid(e) => format!("{} paid on {}", e.amount_cents, e.paid_on),
        OrderEvent::OrderShipped(e) => format!("shipped on {}", e.shipped_on),
        OrderEvent::OrderCancelled(e) => format!("cancelled on {}: {}", e.cancelled_on, e.reason),
        OrderEvent::OrderRefunded(e) => {
            format!("{} paid back on {}", e.amount_cents, e.refunded_on)
        }
    }
}

pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    if let Some((_, columns)) = Term::stdout().size_checked() {
        table.set_width(columns);
    }
    table
        .load_style(UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// A bar in eighths of a character, the longest for `most`.
fn bar(value: i64, most: i64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if value <= 0 || most <= 0 {
        return String::new();
    }
    let eighths = i128::from(value) * (BAR as i128 * 8) / i128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or_default();
    let part = PARTS.get(eighths % 8).copied().unwrap_or_default();
    "█".repeat(eighths / 8) + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        assert_eq!(bar(100, 100).chars().count(), BAR);
        assert_eq!(bar(50, 100).chars().count(), BAR / 2);
        assert_eq!(bar(1, 320), "▏");
        assert_eq!(bar(0, 100), "");
        assert_eq!(bar(i64::MAX, i64::MAX).chars().count(), BAR);
    }
}
