//! A process that keeps the read model of orders, to be killed or stopped in the middle of it.
//!
//! `board store=.. read=.. [mode=exact|naive] [at=.. | number=.. side=..]`
//!
//! Points are `after page` when events were read, `before event`, `between event` and `after event` in
//! the handler, and `after batch` after a commit. `naive` commits rows and position apart, as some
//! libraries do. It says `done`, `lost N` with the pages that were refused since another one had the
//! place, or `refused` with the reason.

use es_postgres::{PostgresReadDatabase, PostgresStore};
use es_projections::{
    Dispatch, HandlerError, Measure, Projection, Projections, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, SqlTransaction},
};
use es_runtime::{EventStore, Position, ReadLimit};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_testkit::PausingStore;
use es_tests::{
    board::{Board, NAIVE_TABLES},
    places::say,
    program::{Args, Stops},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A few pages for the orders of a test.
const PAGE: usize = 3;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let args = Args::of_this_process();
    let stops = Arc::new(Stops::new(&args));
    let (store, read) = (args.get("store"), args.get("read"));
    let naive = args.get("mode") == "naive";
    if store.contains("dbname=") {
        let store = PostgresStore::open(store).await.expect("opens");
        let read = PostgresReadDatabase::open(read).await.expect("opens");
        keep(store, read, stops, naive).await;
    } else {
        let store = SqliteStore::open(store).await.expect("opens");
        let read = SqliteReadDatabase::open(read).await.expect("opens");
        keep(store, read, stops, naive).await;
    }
}

async fn keep<S: EventStore, R: ReadDatabase>(store: S, read: R, stops: Arc<Stops>, naive: bool)
where
    Board: Dispatch<R>,
{
    let behind_pages = Arc::clone(&stops);
    let store = PausingStore::new(store, move || {
        let stops = Arc::clone(&behind_pages);
        Box::pin(async move { stops.pass("after page") })
    });
    if naive {
        return count_apart(&store, &read, &stops).await;
    }
    let lost = Arc::new(AtomicUsize::new(0));
    let (behind_batches, counted) = (Arc::clone(&stops), Arc::clone(&lost));
    let kept = Projections::new(store, read)
        .take_over(true)
        .page(ReadLimit::events(PAGE))
        .meter(move |measure: &Measure<'_>| match measure {
            Measure::Batch { .. } => behind_batches.pass("after batch"),
            Measure::FenceLost { .. } => {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        })
        .with(Board(Arc::new(move |place, _, _| {
            stops.pass(&format!("{place} event"));
            Ok::<(), HandlerError>(())
        })))
        .catch_up()
        .await;
    match (kept, lost.load(Ordering::SeqCst)) {
        (Ok(()), 0) => say("done"),
        (Ok(()), pages) => say(&format!("lost {pages}")),
        (Err(error), _) => say(&format!("refused {error}")),
    }
}

/// Statements of one transaction, then a query.
struct Statements {
    statements: Vec<String>,
    query: &'static str,
}

impl<R: ReadDatabase> Job<R> for Statements {
    type Output = Vec<Vec<SqlValue>>;

    async fn run(self, tx: &mut R::Transaction) -> Result<Self::Output, RolledBack<Self::Output>> {
        for statement in &self.statements {
            tx.statement(statement, &[]).await?;
        }
        Ok(tx.rows(self.query, &[]).await?)
    }
}

/// The rows first, then the position.
async fn count_apart<S: EventStore, R: ReadDatabase>(store: &S, read: &R, stops: &Stops) {
    let run = |statements: Vec<String>| async {
        let query = "SELECT position FROM place";
        let done = read.transact(Statements { statements, query }).await;
        done.unwrap_or_else(|_| panic!("a transaction of the naive one failed"))
    };
    let place = run(NAIVE_TABLES.map(str::to_owned).to_vec()).await;
    let mut from = match place.first().and_then(|row| row.first()) {
        Some(SqlValue::Text(place)) => place.parse().expect("a position"),
        _ => Position::START,
    };
    let filter = Board::filter();
    loop {
        let limit = ReadLimit::events(PAGE);
        let page = store.read_feed(from, &filter, limit).await.expect("read");
        for event in &page.events {
            let ord = event.stream.id();
            let column = event.name.strip_prefix("order.").expect("of an order");
            let counted = format!(
                "INSERT INTO board AS b (ord, {column}) VALUES ('{ord}', 1)
                 ON CONFLICT (ord) DO UPDATE SET {column} = b.{column} + 1"
            );
            stops.pass("before event");
            run(vec![counted]).await;
            stops.pass("after event");
        }
        let moved = format!("INSERT INTO place VALUES ('{}')", page.next);
        run(vec!["DELETE FROM place".to_owned(), moved]).await;
        stops.pass("after batch");
        if page.at_end {
            return say("done");
        }
        from = page.next;
    }
}
